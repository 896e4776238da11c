import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ApiServer, createApiServer } from '../../local/api/server';
import { programCommand } from '../../local/programs';
import { allCrds } from '../../src/schema/crds';
import { ApiClient } from '../support/api-client';
import { createReadyPool, handMadeTemplate } from '../support/hand-made-pods';
import { HoldingProxy } from '../support/holding-proxy';
import { recordedUIDsOf, Space } from '../support/space';
import { until } from '../support/waiting';

/** A lease ends 15 s after its last renewal; the rest is for a busy machine. */
const TAKE_OVER_MS = 60_000;

/** One of several operators, as a process of its own. */
interface Replica {
  readonly process: ChildProcess;
  readonly proxy: HoldingProxy;
  readonly ended: Promise<readonly unknown[]>;
  log(): string;
}

let folder: string;
let server: ApiServer;
let client: ApiClient;
let space: Space;
let replicas: Replica[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'leader-safety-'));
  server = await createApiServer();
  const kubeconfig = join(folder, 'config');
  await writeFile(kubeconfig, server.kubeconfig());
  client = new ApiClient(kubeconfig);
  for (const crd of allCrds()) await client.request('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', crd);
  space = await Space.create({ request: (...args) => client.request(...args), kubectl: () => Promise.reject(new Error('kubectl: expected no use of it')), podTemplate: handMadeTemplate });
  replicas = [];
});

afterEach(async () => {
  for (const { process, ended, proxy } of replicas) {
    process.kill('SIGKILL');
    await ended;
    await proxy.close();
  }
  await client.close();
  await server.close();
  await rm(folder, { recursive: true });
});

async function startReplica(): Promise<Replica> {
  const proxy = await HoldingProxy.start(server);
  const kubeconfig = join(folder, `config-${replicas.length}`);
  await writeFile(kubeconfig, server.kubeconfig().replace(server.url, proxy.url));
  const [file, ...args] = programCommand('sandbox-operator');
  const child = spawn(file, [...args, `--kubeconfig=${kubeconfig}`, '--leader-elect', '--health-probe-bind-address=0'], { env: { POD_NAMESPACE: 'default' }, stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (log += text));
  const replica = { process: child, proxy, ended: once(child, 'close'), log: () => log };
  replicas.push(replica);
  return replica;
}

/** Keeps back the write that records the pods of a batch. */
const holdRecordOf = ({ proxy }: Replica, batch: string) =>
  proxy.hold(({ method, path, body }) => method === 'PATCH' && path.includes(`/batchsandboxes/${batch}/status`) && body.includes('"slots"'));

test('a leader that is stopped amid allocations for longer than its lease gives no pod twice, and ends when it goes on (R16, R99, R101, R103, R106, R112)', async () => {
  const leader = await startReplica();
  await createReadyPool(space, 'warm', 6);
  const follower = await startReplica();
  await until(() => expect(follower.log()).toContain('caches filled'));

  const records = [holdRecordOf(leader, 'early'), holdRecordOf(leader, 'late')];
  await space.create('BatchSandbox', 'early', { replicas: 2, poolRef: 'warm' });
  await space.create('BatchSandbox', 'late', { replicas: 2, poolRef: 'warm' });
  const [early, late] = await Promise.all(records);
  leader.process.kill('SIGSTOP');
  // One write is still under way and arrives, the other arrives when another operator has long served its batch.
  expect(await early?.letGo()).toBe(200);
  const byStopped = recordedUIDsOf(await space.get('BatchSandbox', 'early'));
  await space.create('BatchSandbox', 'after', { replicas: 2, poolRef: 'warm' });

  const names = ['early', 'late', 'after'];
  for (const name of names) await space.untilDelivered(name, TAKE_OVER_MS);
  const heldBy = async () => (await Promise.all(names.map((name) => space.get('BatchSandbox', name)))).map(recordedUIDsOf);
  const held = await heldBy();
  expect(held[0]).toEqual(byStopped);
  expect(new Set(held.flat()).size).toBe(6);
  expect(await late?.letGo()).toBe(409);

  leader.process.kill('SIGCONT');
  expect(await leader.ended).toEqual([1, null]);
  expect(leader.log()).toContain('lease lost');
  expect(await heldBy()).toEqual(held);
  expect((await space.list('Pod')).filter(({ metadata }) => metadata.deletionTimestamp === undefined)).toHaveLength(6);
  expect((await space.list('Event')).filter(({ reason }) => reason === 'AllocationConflict')).toEqual([]);
}, 150_000);
