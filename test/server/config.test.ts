import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { programCommand } from '../../local/programs';
import { readBaseTemplate } from '../../server/config/base-template';
import { readKeyFile, watchKeyFile } from '../../server/config/key-file';
import { readConfig } from '../../server/config/read-config';
import { ApiKeys } from '../../server/web/api-keys';
import { createLogger } from '../../src/program/log';
import { runProgram } from '../support/run-program';
import { until } from '../support/waiting';

const log = createLogger('test', 'info', { write: () => undefined });
let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'server-config-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const file = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};

describe('a configuration', () => {
  test('that is empty is the defaults, and says nothing (L15)', () => {
    expect(readConfig('')).toMatchObject({
      ok: true,
      warnings: [],
      config: { server: { host: '0.0.0.0', port: 8080 }, kubernetes: { sandbox_create_timeout_seconds: 25 }, ingress: { mode: 'direct' }, pools: { allow_privileged: false } },
    });
  });

  test('names keys that it does not know, and keys that change nothing, and goes on (L15, L47)', () => {
    const read = readConfig('[server]\nhosts = "x"\nthread_pool_size = 10\n[store]\ntype = "sqlite"\n[kubernetes]\nsandbox_create_timeout_seconds = 60\n[servers]\n');
    expect(read).toMatchObject({ ok: true });
    expect(read.warnings).toEqual([
      "server.hosts: no such key; did you mean 'host'?",
      "servers: no such key; did you mean 'server'?",
      'server.thread_pool_size: without effect, since Node takes care of it',
      'store: without effect, since all state is in the Kubernetes API',
      'kubernetes.sandbox_create_timeout_seconds: SDKs give up after 30 s and do not hear the end of a create that takes 60 s',
    ]);
    const open = 'runtime.execd_access_token_secret: without it, executors of sandboxes without a pool ask nobody for the token of execd_access_token_file';
    expect(readConfig('[runtime]\nexecd_access_token_file = "/token"\n')).toMatchObject({ ok: true, warnings: [open] });
    expect(readConfig('[runtime]\nexecd_access_token_file = "/token"\nexecd_access_token_secret = "token"\n')).toMatchObject({ ok: true, warnings: [] });
  });

  test.each([
    ['wrong types and ranges, all of them', '[server]\nport = 70000\nmax_sandbox_timeout_seconds = 10\n', ['server.port: expected a whole number from 0 to 65535, got 70000', 'server.max_sandbox_timeout_seconds: expected a whole number of at least 60, got 10']],
    ['Docker', '[runtime]\ntype = "docker"\n', ["runtime.type: expected 'kubernetes', got 'docker'"]],
    ['another provider', '[kubernetes]\nworkload_provider = "agent-sandbox"\n', ["kubernetes.workload_provider: expected 'batchsandbox', got 'agent-sandbox'"]],
    ['tenants', '[tenants]\nprovider = "file"\n', ['tenants: expected nothing, since this server has one tenant, got an object']],
    ['a gateway without an address', '[ingress]\nmode = "gateway"\n', ['ingress.gateway: expected address and route, since ingress.mode is gateway, got nothing']],
    ['an address of another form', '[ingress]\nmode = "gateway"\n[ingress.gateway]\naddress = "https://x"\n[ingress.gateway.route]\nmode = "wildcard"\n', ["ingress.gateway.address: expected *.domain, with an optional port, without scheme, got 'https://x'"]],
    ['an isolation without its class', '[secure_runtime]\ntype = "gvisor"\n', ['secure_runtime.k8s_runtime_class: expected the RuntimeClass of gvisor, got nothing']],
    ['a token of executors that nobody could be told', '[runtime]\nexecd_access_token_secret = "token"\n', ['runtime.execd_access_token_file: expected a file with the token of execd_access_token_secret, or nobody could be told of it, got nothing']],
    ['text that is no TOML, without quoting it', '[server]\napi_key = "s3cret', ['configuration: expected TOML, got another text at line 2, column 11']],
    ['a key of the wrong type, without showing it', '[server]\napi_key = 12345\n', ['server.api_key: expected text of at least 1 character, got a number']],
  ])('is refused for %s (L8, L33, L47)', (_case, toml, problems) => {
    expect(readConfig(toml)).toMatchObject({ ok: false, problems });
  });

  test('takes keys that sign routes from the environment: both variables or neither', () => {
    const gateway = '[ingress]\nmode = "gateway"\n[ingress.gateway]\naddress = "gw:80"\n[ingress.gateway.route]\nmode = "header"\n';
    const both = readConfig(gateway, { secureAccessKeys: 'a=c2VjcmV0,b=b3RoZXI=', secureAccessActiveKey: 'b' });
    expect(both).toMatchObject({ ok: true, config: { ingress: { secure_access: { active_key: 'b', keys: [{ key_id: 'a', key: 'c2VjcmV0' }, { key_id: 'b', key: 'b3RoZXI=' }] } } } });
    expect(readConfig(gateway, { secureAccessActiveKey: 'b' })).toMatchObject({ ok: false, problems: ['OPENSANDBOX_SECURE_ACCESS_KEYS and OPENSANDBOX_SECURE_ACCESS_ACTIVE_KEY: expected both or neither, got one'] });
  });
});

describe('API keys', () => {
  test('are good together, and each request is judged by all of them (L1, L2)', () => {
    const keys = new ApiKeys(['old', 'new']);
    expect(['old', 'new', 'older', '', undefined].map((key) => keys.judge(key).ok)).toEqual([true, true, false, false, false]);
    expect(new ApiKeys([]).judge(undefined)).toEqual({ ok: true, name: 'anonymous' });
  });

  test('are read again when their file is exchanged, and stay when it becomes empty (L2)', async () => {
    const path = file('keys', '# a comment\n\nold\n');
    const keys = new ApiKeys(await readKeyFile(path));
    const stop = new AbortController();
    watchKeyFile(path, (fresh) => keys.replace(fresh), log, stop.signal);
    renameSync(file('keys.new', 'old\nnew\n'), path);
    await until(() => expect(keys.judge('new').ok).toBe(true));
    renameSync(file('keys.new', 'newest\n'), path);
    await until(() => expect([keys.judge('old').ok, keys.judge('newest').ok]).toEqual([false, true]));
    stop.abort();
    await expect(readKeyFile(file('none', '\n'))).rejects.toThrow('keys: expected at least 1');
  });
});

test('a template is a pod template, alone or in a BatchSandbox', async () => {
  const template = { spec: { containers: [{ name: 'sandbox', workingDir: '/work' }] } };
  expect(await readBaseTemplate(file('pod.yaml', JSON.stringify(template)))).toEqual(template);
  expect(await readBaseTemplate(file('batch.yaml', JSON.stringify({ kind: 'BatchSandbox', spec: { template } })))).toEqual(template);
  await expect(readBaseTemplate(file('other.yaml', '- 1\n'))).rejects.toThrow(/other\.yaml': expected a pod template in YAML, got a list of 1 item/);
});

describe('the program', () => {
  const [node, script] = programCommand('sandbox-server');
  const run = (args: readonly string[], env: Record<string, string> = {}) => runProgram(node, [script, ...args], { PATH: process.env.PATH, HOME: folder, ...env });

  test('checks a configuration and starts nothing', async () => {
    expect(await run(['--check-config', '--config', file('good.toml', '[server]\nbacklog = 5\n')])).toEqual({
      exitCode: 0,
      stdout: 'warning: server.backlog: without effect, since Node takes care of it\nconfiguration: good\n',
      stderr: '',
    });
    const bad = await run(['--check-config'], { SANDBOX_CONFIG_PATH: file('bad.toml', '[server]\nport = "x"\n') });
    expect(bad).toMatchObject({ exitCode: 2, stderr: "server configuration: server.port: expected a whole number from 0 to 65535, got 'x'\n" });
  });

  test('does not start without a key unless it is told so (L3)', async () => {
    const { exitCode, stderr } = await run([]);
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining('no API key: set server.api_key_file or OPENSANDBOX_SERVER_API_KEY')]);
  });
});
