import { readConfig } from '../../../server/config/read-config';
import { LifecycleServer } from '../../../server/lifecycle-server';
import { AccessTokens } from '../../../server/proxy/access-token';
import { ApiKeys } from '../../../server/web/api-keys';
import { type Clock, systemClock } from '../../../src/program/clock';
import { createLogger } from '../../../src/program/log';
import { Annotation } from '../../../src/schema/names';
import { ManualClock } from '../../support/manual-clock';
import { pathOf } from '../../support/operator-in-process';
import { until } from '../../support/waiting';
import { recordedConnection } from '../recorded-connection';
import { KEY } from '../server-in-process';
import { direct, pooled, type ServerUnderTest } from './server-under-test';

const ORIGIN = 'https://console.example';

/** When the server serves, whom, and how much at once. */
export function readinessSuite(server: ServerUnderTest): void {
  const notStarted = (connection = server.world.operator.connection, clock: Clock = systemClock) => {
    const read = readConfig('');
    if (!read.ok) throw new Error(read.problems.join('; '));
    const log = createLogger('test', 'info', { write: () => undefined });
    const early = new LifecycleServer({ connection, config: read.config, namespace: 'default', keys: new ApiKeys([KEY]), tokens: new AccessTokens([KEY]), version: '0.0.0', clock, log });
    const ask = (path: string) => early.app.fetch(new Request(`http://server.example${path}`, { headers: { 'open-sandbox-api-key': KEY } }));
    return { early, ask };
  };

  test('before the cluster is known nothing is served, and the server says so (L26, L44)', async () => {
    const { early, ask } = notStarted();
    for (const path of ['/readyz', '/v1/sandboxes', '/v1/sandboxes/a', '/v1/pools']) {
      const answer = await ask(path);
      expect([path, answer.status, answer.headers.get('retry-after'), await answer.json()]).toEqual([path, 503, '1', expect.objectContaining({ code: 'KUBERNETES::INITIALIZATION_ERROR' })]);
    }
    expect((await ask('/livez')).status).toBe(200);
    await early.start(new AbortController().signal);
    expect((await ask('/readyz')).status).toBe(200);
    await early.close();
  });

  test('a server that knows no pools yet is not ready, and takes back what others have left behind already (L42, L44)', async () => {
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { operator } = server.world;
    const connection = recordedConnection(operator.connection, new Set(), (right) => (right === 'list pools' ? held : Promise.resolve()));
    // Of all servers, it alone holds that the time is over.
    const { early, ask } = notStarted(connection, new ManualClock(new Date(Date.now() + 3_600_000)));
    const { id } = await server.create(direct(), { prefer: 'respond-async' });
    await operator.patch(pathOf('batchsandboxes', id), { metadata: { annotations: { [Annotation.confirmBy]: new Date(Date.now() + 1_800_000).toISOString() } } });
    const starting = early.start(new AbortController().signal);
    await until(async () => expect(await operator.batches()).toEqual([]));
    const answer = await ask('/readyz');
    expect([answer.status, await answer.json()]).toEqual([503, expect.objectContaining({ message: 'the pools are not listed yet' })]);
    release();
    await starting;
    expect((await ask('/readyz')).status).toBe(200);
    await early.close();
  });

  test('a server that is told to end takes its creates back, and their callers hear of it (L46)', async () => {
    const replica = await server.world.replica();
    const making = replica.send('POST', '/v1/sandboxes', { body: direct() });
    await until(async () => expect((await server.list()).items).toHaveLength(1));
    replica.server.stopRequests();
    expect(await making).toMatchObject({ status: 503, body: { code: 'GENERAL::SHUTTING_DOWN' } });
    await until(async () => expect((await server.list()).items).toEqual([]));
  });

  test('a key with as many creates under way as it may have is refused one more (L41)', async () => {
    const replica = await server.world.replica('[server]\nmax_concurrent_creates = 1\n');
    const caller = new AbortController();
    const making = replica.send('POST', '/v1/sandboxes', { body: direct(), signal: caller.signal });
    const refused = await replica.send('POST', '/v1/sandboxes', { body: pooled() });
    expect(refused).toMatchObject({ status: 429, body: { code: 'GENERAL::TOO_MANY_REQUESTS' } });
    expect(refused.headers.get('retry-after')).toBe('1');
    caller.abort();
    await making;
    expect((await replica.send('POST', '/v1/sandboxes', { body: pooled() })).status).toBe(202);
  });

  test('web pages of other origins may call where the administrator says so, and nowhere else (L10)', async () => {
    const replica = await server.world.replica(`[server]\ncors_origins = ["${ORIGIN}"]\n`);
    const allowed = async (send: typeof replica.send, method: string, origin: string) => {
      const headers = { origin, ...(method === 'OPTIONS' && { 'access-control-request-method': 'POST', 'open-sandbox-api-key': '' }) };
      const answer = await send(method, '/v1/sandboxes', { headers });
      return [answer.status, answer.headers.get('access-control-allow-origin'), answer.headers.get('access-control-allow-credentials')];
    };
    expect(await allowed(replica.send, 'OPTIONS', ORIGIN)).toEqual([204, ORIGIN, null]);
    expect(await allowed(replica.send, 'GET', ORIGIN)).toEqual([200, ORIGIN, null]);
    expect(await allowed(replica.send, 'OPTIONS', 'https://other.example')).toEqual([401, null, null]);
    expect(await allowed(server.world.send, 'GET', ORIGIN)).toEqual([200, null, null]);
  });
}
