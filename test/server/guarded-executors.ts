import { ConnectionConfig, Sandbox } from '@alibaba-group/opensandbox';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { programCommand } from '../../local/programs';
import { executorSettings } from '../../src/schema/executor-settings';
import type { PodTemplateSpec } from '../../src/schema/kubernetes';
import { EXECUTOR_CONTAINER, Port } from '../../src/schema/names';
import type { ClusterReport } from '../support/sandboxes';
import { spawnLogged } from '../support/spawn-logged';
import { until } from '../support/waiting';

/** Its executors ask for a token. */
export const GUARDED_POOL = { name: 'guarded', size: 1 } as const;
const API_KEY = 'key-of-a-server';
const TOKEN = 'token-of-executors';

/** A template whose executor asks for the token. An embedded node reads no Secrets, so it stands in the template there. */
export const guarded = ({ spec, ...template }: PodTemplateSpec): PodTemplateSpec => ({
  ...template,
  spec: { ...spec, containers: spec?.containers?.map((container) => (container.name === EXECUTOR_CONTAINER ? { ...container, env: [...(container.env ?? []), { name: executorSettings.table.accessToken.env, value: `${TOKEN}\n` }] } : container)) },
});

/** The embedded cluster. */
export interface GuardedPlace extends Pick<ClusterReport, 'kubeconfig'> {
  /** For files of a server. */
  readonly folder: string;
}

/** Defines the test of a server that knows the token of executors; the place has the pool of above, with its pod idle. */
export function describeGuardedExecutors(place: () => GuardedPlace): void {
  test('executors that ask for a token are reached both ways by the SDK that is told it, and by nobody else (L7)', async () => {
    const { folder, kubeconfig } = place();
    const file = (name: string, text: string) => {
      writeFileSync(join(folder, name), text, { mode: 0o600 });
      return join(folder, name);
    };
    const tokenFile = file('token', `${TOKEN}\n`);
    const section = (name: string, values: object) => [`[${name}]`, ...Object.entries(values).map(([key, value]) => `${key} = ${JSON.stringify(value)}`)].join('\n');
    const toml = [
      section('server', { host: '127.0.0.1', port: 0, metrics_port: 0, api_key_file: file('keys', API_KEY) }),
      section('runtime', { execd_access_token_file: tokenFile }),
      section('kubernetes', { kubeconfig_path: kubeconfig, namespace: 'default' }),
    ];
    const logPath = join(folder, 'server.log');
    const server = spawnLogged([...programCommand('sandbox-server'), `--config=${file('server.toml', toml.join('\n'))}`], { env: {}, logPath });
    const lines = () => readFileSync(logPath, 'utf8').trim().split('\n').map((line) => JSON.parse(line) as { readonly msg: string; readonly port?: number });
    try {
      const port = await until(() => {
        expect(lines().map(({ msg }) => msg)).toContain('serving');
        return lines().find(({ msg }) => msg === 'listening')?.port;
      });
      const domain = `127.0.0.1:${port}`;
      const config = (useServerProxy: boolean) => new ConnectionConfig({ domain, apiKey: API_KEY, useServerProxy, endpointCacheDisabled: true });

      const direct = await Sandbox.create({ connectionConfig: config(false), image: 'python:3.11', extensions: { poolRef: GUARDED_POOL.name }, env: { A: '1' } });
      const proxied = await Sandbox.connect({ connectionConfig: config(true), sandboxId: direct.id });
      for (const sandbox of [direct, proxied]) {
        expect((await sandbox.getEndpoint(Port.execd)).headers).toMatchObject({ 'X-EXECD-ACCESS-TOKEN': TOKEN });
        expect((await sandbox.getEndpoint(80)).headers ?? {}).not.toHaveProperty('X-EXECD-ACCESS-TOKEN');
        const { logs } = await sandbox.commands.run('echo $A; env');
        expect(logs.stdout[0]?.text).toBe('1');
        expect(JSON.stringify(logs)).not.toContain(TOKEN);
      }
      const { endpoint } = await direct.getEndpoint(Port.execd);
      const statusOf = async (url: string, headers: Readonly<Record<string, string>> = {}) => (await fetch(`http://${url}/ping`, { headers })).status;
      expect([await statusOf(endpoint), await statusOf(endpoint, { 'x-execd-access-token': 'another' })]).toEqual([401, 401]);
      // Who may have the sandbox need not know what its executor asks for.
      expect(await statusOf(`${domain}/v1/sandboxes/${direct.id}/proxy/${Port.execd}`, { 'open-sandbox-api-key': API_KEY })).toBe(200);

      renameSync(file('token.new', `next-${TOKEN}\n${TOKEN}\n`), tokenFile);
      await until(async () => expect((await direct.getEndpoint(Port.execd)).headers).toMatchObject({ 'X-EXECD-ACCESS-TOKEN': `next-${TOKEN}` }));
      await direct.kill();
      await Promise.all([direct, proxied].map((each) => each.close()));
    } finally {
      server.child.kill('SIGTERM');
      await server.ended;
    }
    expect(lines().map(({ msg }) => msg)).toEqual(expect.arrayContaining(['write', 'stopping']));
    expect(readFileSync(logPath, 'utf8')).not.toContain(TOKEN);
  }, 60_000);
}
