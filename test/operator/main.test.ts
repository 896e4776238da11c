import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packageRoot, programCommand } from '../../local/programs';
import { FakeApi, refuse } from '../support/fake-api';
import { freePort } from '../support/free-port';
import { sendNoise } from '../support/http-noise';
import { runProgram } from '../support/run-program';
import { until } from '../support/waiting';

test('--version prints the version of the package', async () => {
  const [file, ...args] = programCommand('sandbox-operator');
  const { version } = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as { readonly version: string };
  expect(await runProgram(file, [...args, '--version'], {})).toEqual({ exitCode: 0, stdout: `${version}\n`, stderr: '' });
});

describe('with its key in a Secret', () => {
  let health: string;
  let fake: FakeApi;
  let folder: string;
  let operator: ChildProcess;
  let ended: Promise<readonly unknown[]>;
  let log: string;

  beforeEach(async () => {
    fake = await FakeApi.start();
    health = `127.0.0.1:${await freePort()}`;
    folder = await mkdtemp(join(tmpdir(), 'operator-main-'));
  });
  afterEach(async () => {
    operator.kill('SIGKILL');
    await ended;
    await fake.stop();
    await rm(folder, { recursive: true });
  });

  async function start(): Promise<void> {
    const kubeconfig = join(folder, 'config');
    await writeFile(kubeconfig, JSON.stringify({ 'current-context': 'c', contexts: [{ name: 'c', context: { cluster: 'k', user: 'u' } }], clusters: [{ name: 'k', cluster: { server: fake.url } }], users: [{ name: 'u', user: {} }] }));
    const [file, ...args] = programCommand('sandbox-operator');
    operator = spawn(file, [...args, `--kubeconfig=${kubeconfig}`, `--health-probe-bind-address=${health}`, '--executor-signing-secret=key'], { env: { POD_NAMESPACE: 'default' }, stdio: ['ignore', 'pipe', 'pipe'] });
    ended = once(operator, 'close');
    log = '';
    for (const stream of [operator.stdout, operator.stderr]) stream?.setEncoding('utf8').on('data', (text: string) => (log += text));
  }

  test('lives but is not ready while the API server is away, and stops as usual', async () => {
    fake.always(refuse(503, 'ServiceUnavailable'));
    await start();
    await until(() => expect(fake.requests.length).toBeGreaterThan(1));
    const [alive, ready] = await Promise.all(['healthz', 'readyz'].map((path) => fetch(`http://${health}/${path}`)));
    expect([alive?.status, ready?.status, await ready?.text()]).toEqual([200, 503, 'the signing key is not read yet\n']);
    await sendNoise(Number(health.split(':')[1]), 60); // there are no webhooks, so this and the metrics are all that others can send to
    expect((await fetch(`http://${health}/healthz`)).status).toBe(200);
    operator.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
    expect(log).not.toContain('cannot start');
  });

  test('ends with what to do when there is no Secret', async () => {
    await start();
    expect(await ended).toEqual([1, null]);
    expect(log).toContain("--executor-signing-secret: expected Secret 'key' in namespace 'default', got none");
  });
});
