import { ConnectionConfig, Sandbox, SandboxApiException, SandboxManager } from '@alibaba-group/opensandbox';
import { createExecdClient } from '@alibaba-group/opensandbox/internal';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Pod } from '../../src/schema/kubernetes';
import type { Pool } from '../../src/schema/pool';
import { API_VERSION, Port } from '../../src/schema/names';
import { ApiClient } from '../support/api-client';
import { renderPodTemplate } from '../support/pod-template';
import { fixedPool } from '../support/pool-spec';
import { type ClusterReport, type RunningProgram, startSandboxes } from '../support/sandboxes';
import { describeSeedExamples } from '../support/seed-examples';
import { until } from '../support/waiting';
import { describeGuardedExecutors, guarded, GUARDED_POOL } from './guarded-executors';
import { CROWDED_POOL, describeKilledServer, KEYED_POOL } from './killed-server';

/** The public SDK, as npm has it, against `sandboxes up --server`: real operator, server and executors. */

const POOL_SIZE = 4;
/** Pods of all pools. */
const PODS = POOL_SIZE + GUARDED_POOL.size + KEYED_POOL.size + CROWDED_POOL.size;
const NAMESPACE = '/apis/sandbox.opensandbox.io/v1alpha1/namespaces/default';

let folder: string;
let program: RunningProgram;
let kubeconfig: string;
let client: ApiClient;
let connectionConfig: ConnectionConfig;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sandboxes-sdk-'));
  const template = (executor: boolean) => renderPodTemplate({ main: 'python:3.11', executor: 'task-executor' }, { executor });
  const pools = [
    { name: 'agent-pool', spec: fixedPool(POOL_SIZE, template(true)) },
    { name: GUARDED_POOL.name, spec: fixedPool(GUARDED_POOL.size, guarded(template(true))) },
    ...[KEYED_POOL, CROWDED_POOL].map(({ name, size }) => ({ name, spec: fixedPool(size, template(false)) })),
  ].map(({ name, spec }) => JSON.stringify({ apiVersion: API_VERSION, kind: 'Pool', metadata: { name }, spec }));
  writeFileSync(join(folder, 'pools.yaml'), pools.join('\n---\n'));
  program = startSandboxes(['up', join(folder, 'pools.yaml'), '--server', '--json']);
  const up = await until(() => JSON.parse(program.stdout()) as ClusterReport, 50_000);
  ({ kubeconfig } = up);
  client = new ApiClient(kubeconfig);
  connectionConfig = new ConnectionConfig({ ...up.lifecycle, endpointCacheDisabled: true });
}, 120_000);
// Each test begins with all pods: those that the one before has used are made anew.
beforeEach(() => untilWarm(), 120_000);
afterAll(async () => {
  await client.close();
  program.child.kill('SIGTERM');
  await program.ended;
  await rm(folder, { recursive: true });
});

const untilWarm = () =>
  until(async () => {
    const { body } = await client.request<Pool>('GET', `${NAMESPACE}/pools/agent-pool`);
    const { body: batches } = await client.request<{ items: readonly unknown[] }>('GET', `${NAMESPACE}/batchsandboxes`);
    // The counts of a pool may be of before.
    expect([body.status?.available, batches.items]).toEqual([POOL_SIZE, []]);
    const { body: pods } = await client.request<{ items: readonly Pod[] }>('GET', '/api/v1/namespaces/default/pods');
    const isReady = ({ metadata, status }: Pod) => metadata.deletionTimestamp === undefined && status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') === true;
    expect(pods.items.map(isReady)).toEqual(Array<boolean>(PODS).fill(true));
  }, 40_000);

const fromPool = (more: object = {}) => Sandbox.create({ connectionConfig, image: 'python:3.11', extensions: { poolRef: 'agent-pool' }, ...more });

test('creates a sandbox from a pool, connects to it, looks at it, renews it, and kills it', async () => {
  const askedAt = Date.now();
  const sandbox = await fromPool({ metadata: { team: 'sdk' }, env: { A: 'of the create' } });
  expect((await sandbox.commands.run('echo $A')).logs.stdout.map(({ text }) => text)).toEqual(['of the create']);
  const info = await sandbox.getInfo();
  expect(info).toMatchObject({ id: sandbox.id, status: { state: 'Running' }, entrypoint: ['tail', '-f', '/dev/null'], metadata: { team: 'sdk' } });
  const lifeFrom = Number(info.expiresAt) - 600_000;
  expect([askedAt <= lifeFrom, lifeFrom <= Date.now()]).toEqual([true, true]);

  const again = await Sandbox.connect({ connectionConfig, sandboxId: sandbox.id });
  expect(await again.isHealthy()).toBe(true);
  expect((await again.getEndpoint(Port.execd)).endpoint).toMatch(/^127\.\d+\.\d+\.\d+:44772$/);

  const { expiresAt } = await sandbox.renew(3_600);
  expect((await sandbox.getInfo()).expiresAt).toEqual(expiresAt);
  expect((await sandbox.patchMetadata({ team: null, stage: 'b' })).metadata).toEqual({ stage: 'b' });

  await sandbox.kill();
  await until(async () => await expect(sandbox.getInfo()).rejects.toMatchObject({ error: { code: 'KUBERNETES::SANDBOX_NOT_FOUND' } }));
  await Promise.all([sandbox.close(), again.close()]);
});

test('manages sandboxes: lists them by state and metadata, renews and kills by id', async () => {
  const made = await Promise.all(['a', 'b'].map((team) => fromPool({ metadata: { team } })));
  const manager = SandboxManager.create({ connectionConfig });
  const ofB = await manager.listSandboxInfos({ states: ['Running'], metadata: { team: 'b' } });
  expect(ofB.items.map(({ id }) => id)).toEqual([made[1]?.id]);
  await manager.renewSandbox(made[1]?.id ?? '', 900);
  for (const { id } of made) await manager.killSandbox(id);
  await until(async () => expect((await manager.listSandboxInfos()).items).toEqual([]));
  await Promise.all([manager, ...made].map((each) => each.close()));
});

describeSeedExamples(() => ({ connectionConfig, imageFor: (name) => name }));

test('through the proxy of the server runs commands and code, streams their output and reads and writes files', async () => {
  const proxied = new ConnectionConfig({ domain: connectionConfig.domain, apiKey: connectionConfig.apiKey, useServerProxy: true });
  const sandbox = await Sandbox.create({ connectionConfig: proxied, image: 'python:3.11', extensions: { poolRef: 'agent-pool' }, env: { A: 'of the create' } });
  expect((await sandbox.getEndpoint(Port.execd)).endpoint).toBe(`${connectionConfig.domain}/v1/sandboxes/${sandbox.id}/proxy/${Port.execd}`);
  const lines: string[] = [];
  const execution = await sandbox.commands.run('pwd; seq 1 1000', undefined, { onStdout: ({ text }) => void lines.push(text) });
  const [home = ''] = lines;
  expect([execution.exitCode, lines.length, lines.at(-1)]).toEqual([0, 1001, '1000']);
  await sandbox.files.writeFiles([{ path: `${home}/note.txt`, data: 'hello\n' }]);
  expect(await sandbox.files.readFile(`${home}/note.txt`)).toBe('hello\n');
  const { endpoint, headers } = await sandbox.getEndpoint(Port.execd);
  const execd = createExecdClient({ baseUrl: `http://${endpoint}`, headers: { ...headers, 'open-sandbox-api-key': connectionConfig.apiKey ?? '' } });
  const { data: context } = await execd.POST('/code/context', { body: { language: 'python' } });
  const run = async (code: string) => (await execd.POST('/code', { body: { code, context }, parseAs: 'text' })).data;
  await run('kept = 6');
  expect(await run('kept * 7')).toMatch(/"type":"result","results":{"text\/plain":"42"/);
  expect(await run('import os; os.environ["A"]')).toContain("'of the create'");
  await sandbox.kill();
  await sandbox.close();
});

test('tells a wrong key, an unknown pool and a full pool by what the SDK knows of them', async () => {
  const code = (config: ConnectionConfig, poolRef: string) =>
    Sandbox.create({ connectionConfig: config, image: 'x', extensions: { poolRef } }).then(
      () => 'none',
      (error: unknown) => (error instanceof SandboxApiException ? `${error.statusCode} ${error.error.code}` : String(error)),
    );
  expect(await code(new ConnectionConfig({ domain: connectionConfig.domain, apiKey: 'wrong' }), 'agent-pool')).toBe('401 INVALID_API_KEY');
  expect(await code(connectionConfig, 'none')).toBe('404 KUBERNETES::POOL_NOT_FOUND');

  const made = await Promise.all(Array.from({ length: POOL_SIZE }, () => fromPool()));
  expect(await code(connectionConfig, 'agent-pool')).toBe('429 KUBERNETES::POOL_CAPACITY_EXHAUSTED');
  await Promise.all(made.map((sandbox) => sandbox.kill()));
  await Promise.all(made.map((sandbox) => sandbox.close()));
});

describeGuardedExecutors(() => ({ folder, kubeconfig }));

describeKilledServer(() => ({ client, connectionConfig, program }));
