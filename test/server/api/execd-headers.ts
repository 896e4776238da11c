import { readConfig } from '../../../server/config/read-config';
import { AccessTokens } from '../../../server/proxy/access-token';
import { endpointOf } from '../../../server/proxy/endpoints';
import { ExecdHeaders } from '../../../server/proxy/execd-headers';
import { requestHeaders } from '../../../server/proxy/headers';
import { RouteSigner } from '../../../server/proxy/route-signature';
import type { BatchSandbox } from '../../../src/schema/batch-sandbox';
import { Annotation, Port } from '../../../src/schema/names';
import { KEY } from '../server-in-process';
import { gateway } from './gateway-config';

/** What requests to the executor of a sandbox carry, and who is told of it. */
export function execdHeadersSuite(): void {
  test('what goes to the executor of a sandbox says what it needs, whatever its caller says (L6, L7)', () => {
    const taskTemplate = { spec: { process: { command: ['true'], env: [{ name: 'A', value: '1' }] } } };
    const batch: BatchSandbox = { metadata: { name: 'box', namespace: 'default', uid: 'u-1' }, spec: { replicas: 1, taskResourcePolicyWhenCompleted: 'Retain', taskTemplate } };
    const execd = new ExecdHeaders(['open sesame', 'former']);
    const own = execd.of(batch, Port.execd);
    expect(own).toEqual({ 'X-EXECD-ACCESS-TOKEN': 'open sesame', 'X-EXECD-TASK-UID': 'u-1' });
    const passed = requestHeaders(['x-execd-task-uid', 'u-2', 'X-Mine', '1', 'X-Execd-Access-Token', 'former'], 'pod:1', 'r-1', own);
    expect(passed).toEqual(['Host', 'pod:1', 'X-Mine', '1', 'X-EXECD-ACCESS-TOKEN', 'open sesame', 'X-EXECD-TASK-UID', 'u-1', 'X-Request-ID', 'r-1']);
    const ended = { ...batch, status: { taskSucceed: 1 } as BatchSandbox['status'] }; // it is not sent to another pod
    // Its caller still has what the endpoint said before; a pod that was made since would wait for that task in vain.
    expect(requestHeaders(['X-EXECD-TASK-UID', 'u-1', 'X-Mine', '1'], 'pod:1', 'r-1', new ExecdHeaders().of(ended, Port.execd))).toEqual(['Host', 'pod:1', 'X-Mine', '1', 'X-Request-ID', 'r-1']);
    const bare = { ...batch, spec: { ...batch.spec, taskTemplate: { spec: { process: { command: ['true'] } } } } };
    const open = new ExecdHeaders();
    expect([execd.of(batch, 80), open.of(ended, Port.execd), open.of(bare, Port.execd)]).toEqual([{}, {}, {}]);
    execd.replace(['another']);
    for (const wrong of [[], ['two\nlines'], ['kärlek']]) expect(() => execd.replace(wrong)).toThrow('access token: expected printable ASCII characters, got others');
    expect(execd.of(bare, Port.execd)).toEqual({ 'X-EXECD-ACCESS-TOKEN': 'another' });
  });

  test.each<[string, string, object, boolean]>([
    ['to the address of the pod', '', {}, true],
    ['through the proxy', '', { useServerProxy: true }, true],
    ['through a gateway, by header', gateway('header', 'gw.example'), {}, true],
    ['through a gateway, by name', gateway('wildcard', '*.gw.example'), {}, true],
    ['through a gateway, by path', gateway('uri', 'gw.example'), {}, true],
    ['by a signed route, which is for others', gateway('uri', 'gw.example'), { expires: '9999999999' }, false],
  ])('an endpoint names the token of the executor: %s (L7)', (_way, toml, input, isNamed) => {
    const read = readConfig(toml);
    if (!read.ok) throw new Error(read.problems.join('; '));
    const { config } = read;
    const signer = config.ingress.secure_access && new RouteSigner(config.ingress.secure_access);
    const batch: BatchSandbox = { metadata: { name: 'box', uid: 'u-1', annotations: { [Annotation.endpoints]: '["10.0.0.1"]' } }, spec: { replicas: 1, taskResourcePolicyWhenCompleted: 'Retain' } };
    const context = { config, tokens: new AccessTokens([KEY]), execd: new ExecdHeaders(['open sesame']), signer, now: new Date() };
    const headersOf = (port: number) => endpointOf(batch, String(port), { useServerProxy: false, expires: undefined, host: 'server.example', path: '/v1/x', ...input }, context).headers ?? {};
    expect([headersOf(Port.execd)['X-EXECD-ACCESS-TOKEN'], headersOf(80)['X-EXECD-ACCESS-TOKEN']]).toEqual([isNamed ? 'open sesame' : undefined, undefined]);
  });
}
