import { generateKeyPairSync } from 'node:crypto';
import type { ExecRequest, PodExec } from '../../../operator/kube/pod-exec';
import { templateRevision } from '../../../operator/pool/template';
import type { BatchSandboxSpec } from '../../../src/schema/batch-sandbox';
import type { Pod } from '../../../src/schema/kubernetes';
import { Annotation, EXECUTOR_CONTAINER, Finalizer, Label, Port } from '../../../src/schema/names';
import { readSigningKeys, type SigningKeys } from '../../../src/program/signing-keys';
import { type OperatorInProcess, pathOf, startOperator } from '../../support/operator-in-process';
import { until } from '../../support/waiting';
import { FakeExecutor } from '../tasks/fake-executor';

/** Addresses of pods of this file alone: what plays their executors listens there. */
const IP = '127.86.0.1';

let operator: OperatorInProcess;
let commands: ExecRequest[];
let executors: FakeExecutor[];
/** What comes of a command; the pod restarts only when the test says so. */
let carryOut: PodExec;

async function start(acting = true, signingKeys?: SigningKeys): Promise<void> {
  commands = [];
  executors = [];
  carryOut = (request) => Promise.resolve(void commands.push(request));
  operator = await startOperator({ acting, exec: (request) => carryOut(request), signingKeys });
}
afterEach(async () => {
  await operator.stop();
  await Promise.all(executors.map((executor) => executor.close()));
});

const createPool = (size: number, config?: object, type: 'Restart' | 'Noop' = 'Restart') =>
  operator
    .createPool('warm', { capacitySpec: { bufferMin: 0, bufferMax: size, poolMin: size, poolMax: size }, recycleStrategy: { type } })
    .then(() => config && operator.patch(pathOf('pools', 'warm'), { metadata: { annotations: { [Annotation.restartConfig]: JSON.stringify(config) } } }));

/** Says of a pod that it runs, Ready, with these containers. */
async function run(pod: Pod | undefined, idByContainer: Readonly<Record<string, string>>, ready = true): Promise<void> {
  const containerStatuses = Object.entries(idByContainer).map(([name, containerID]) => ({ name, containerID, ready, restartCount: 0, image: '', imageID: '', state: { running: {} } }));
  const conditions = [{ type: 'Ready', status: ready ? 'True' : 'False', lastTransitionTime: `${new Date().toISOString().slice(0, 19)}Z` }];
  await operator.patch(`${pathOf('pods', pod?.metadata.name ?? '')}/status`, { status: { phase: 'Running', podIP: IP, conditions, containerStatuses } });
}

async function untilPods(count: number): Promise<Pod[]> {
  return until(async () => {
    const pods = await operator.pods();
    expect(pods).toHaveLength(count);
    return pods;
  });
}

/** A pool of one pod, which a batch holds. */
async function heldPod(config?: object, containers: Readonly<Record<string, string>> = { main: 'c://1' }, spec: BatchSandboxSpec = {}): Promise<Pod> {
  await createPool(1, config);
  const [pod] = await untilPods(1);
  await run(pod, containers);
  await operator.createBatch('first', { replicas: 1, poolRef: 'warm', ...spec });
  await until(async () => expect((await operator.batch('first')).status).toMatchObject({ ready: 1 }));
  return (await operator.pods())[0] as Pod;
}

const counts = async () => (await operator.pool('warm')).status;
const recordOf = async () => JSON.parse((await operator.pods())[0]?.metadata.annotations?.[Annotation.restartRecord] ?? 'null') as unknown;
const untilBatchGone = (name: string) => until(() => expect(operator.batch(name)).rejects.toThrow('404'));
const untilAvailable = (available: number) => until(async () => expect(await counts()).toMatchObject({ allocated: 0, available }));
const results = async () => ((await operator.manager.metrics.registry.getSingleMetric('opensandbox_recycle_total')?.get())?.values ?? []).map(({ labels, value }) => ({ ...labels, value }));

test('a batch that goes waits until its pod has restarted, and the pod serves the next one under its UID (R53, R57)', async () => {
  await start();
  const pod = await heldPod();
  const batch = await operator.batch('first');
  await operator.delete(pathOf('batchsandboxes', 'first'));
  await until(() => expect(commands).toMatchObject([{ namespace: 'default', pod: pod.metadata.name, container: 'main', command: ['kill', '1'], timeoutMs: 10_000 }]));
  expect(await recordOf()).toMatchObject({ id: batch.metadata.uid, containers: { main: 'c://1' }, retryCount: 0 });
  expect((await operator.batch('first')).status).toMatchObject({ replicas: 0, allocation: { slots: [], returning: [expect.stringContaining(pod.metadata.uid ?? '')] } });
  await until(async () => expect(await counts()).toMatchObject({ total: 1, allocated: 1, available: 0 }));

  await run(pod, { main: 'c://2' }, false);
  await run(pod, { main: 'c://2' });
  await untilBatchGone('first');
  await untilAvailable(1);
  expect(await recordOf()).toBeNull();
  await operator.createBatch('second', { replicas: 1, poolRef: 'warm' });
  await until(async () => expect((await operator.batch('second')).status?.allocation?.slots?.[0]).toContain(pod.metadata.uid));
  expect(commands).toHaveLength(1);
  expect(await results()).toEqual([{ namespace: 'default', pool: 'warm', strategy: 'Restart', result: 'restarted', value: 1 }]);
});

test('a record that somebody else wrote into the annotation brings back no pod that was not restarted (R53, R55)', async () => {
  const key = String(generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }));
  await start(true, await readSigningKeys(key, 'test'));
  const pod = await heldPod();
  const { uid: id } = (await operator.batch('first')).metadata;
  const record = { id, startTime: '2026-01-01T00:00:00Z', containers: { main: 'c://0' }, lastRetryTime: '2026-01-01T00:00:00Z', retryCount: 0 };
  await operator.patch(pathOf('pods', pod.metadata.name), { metadata: { annotations: { [Annotation.restartRecord]: JSON.stringify(record) } } });
  await operator.delete(pathOf('batchsandboxes', 'first'));
  await until(() => expect(commands).toHaveLength(1));
  expect(await recordOf()).toMatchObject({ id, containers: { main: 'c://1' }, seal: expect.stringMatching(/^[\w-]{86}$/) as unknown });
  await run(pod, { main: 'c://2' });
  await untilBatchGone('first');
  await untilAvailable(1);
});

test('a pod that was returned before restarts again when the same batch gives it back again (R55)', async () => {
  await start();
  const pod = await heldPod();
  const scale = (replicas: number) => operator.patch(pathOf('batchsandboxes', 'first'), { spec: { replicas } });
  for (const round of [1, 2]) {
    await scale(0);
    await until(() => expect(commands).toHaveLength(round));
    await run(pod, { main: `c://${round + 1}` });
    await until(async () => expect((await operator.batch('first')).status?.allocation).toBeUndefined());
    await untilAvailable(1);
    await scale(1);
    await until(async () => expect((await operator.batch('first')).status).toMatchObject({ ready: 1, replicas: 1 }));
  }
});

test('a slot that is given back restarts its pod beside the slots that stay (R21, R56)', async () => {
  await start();
  await createPool(2);
  const pods = await untilPods(2);
  for (const [index, pod] of pods.entries()) await run(pod, { main: `c://${index}` });
  await operator.createBatch('first', { replicas: 2, poolRef: 'warm' });
  await until(async () => expect((await operator.batch('first')).status).toMatchObject({ ready: 2 }));
  const before = (await operator.batch('first')).status?.allocation?.slots ?? [];
  await operator.patch(pathOf('batchsandboxes', 'first'), { spec: { replicas: 1 } });
  await until(async () => expect((await operator.batch('first')).status).toMatchObject({ replicas: 1, ready: 1, allocation: { slots: [before[0]], returning: [before[1]] } }));
  await until(() => expect(commands).toHaveLength(1));
  await run(pods.find(({ metadata }) => before[1]?.includes(metadata.uid ?? '')), { main: 'c://9' });
  await until(async () => expect((await operator.batch('first')).status?.allocation).toMatchObject({ slots: [before[0]] }));
  await until(async () => expect(await counts()).toMatchObject({ allocated: 1, available: 1 }));
  expect((await operator.batch('first')).status?.allocation?.returning).toBeUndefined();
});

test('a pod whose restart hangs delays neither the next delivery nor the growth of its pool (R56)', async () => {
  await start();
  carryOut = (request) => new Promise((_resolve, reject) => {
    commands.push(request);
    request.signal.addEventListener('abort', () => reject(new Error('cut short')));
  });
  await heldPod();
  await operator.delete(pathOf('batchsandboxes', 'first'));
  await until(() => expect(commands).toHaveLength(1));
  await operator.patch(pathOf('pools', 'warm'), { spec: { capacitySpec: { bufferMax: 2, poolMin: 2, poolMax: 2 } } });
  await operator.createBatch('second', { replicas: 1, poolRef: 'warm' });
  const added = (await untilPods(2)).find(({ status }) => status?.podIP === undefined);
  await run(added, { main: 'c://7' });
  await until(async () => expect((await operator.batch('second')).status).toMatchObject({ ready: 1 }));
  await until(async () => expect(await counts()).toMatchObject({ total: 2, allocated: 2 }));
});

test('a pod that does not restart is told again, and then deleted with an event; its batch goes (R53, R54, R119)', async () => {
  await start();
  const pod = await heldPod({ retryInterval: '1s', maxRetries: 1, restartCommand: ['stop', 'it'] });
  await operator.delete(pathOf('batchsandboxes', 'first'));
  await untilBatchGone('first');
  expect(commands.map(({ command }) => command)).toEqual([['stop', 'it'], ['stop', 'it']]);
  expect((await operator.pods()).map(({ metadata }) => metadata.uid)).not.toContain(pod.metadata.uid);
  expect(await results()).toEqual([{ namespace: 'default', pool: 'warm', strategy: 'Restart', result: 'deleted', value: 1 }]);
});

test('a container of the blacklist is left alone (R53)', async () => {
  await start();
  const pod = await heldPod({ blacklist: ['side'] }, { main: 'c://1', side: 'c://2' });
  await operator.delete(pathOf('batchsandboxes', 'first'));
  await until(() => expect(commands.map(({ container }) => container)).toEqual(['main']));
  await run(pod, { main: 'c://3', side: 'c://2' });
  await untilAvailable(1);
});

test('a pod with an executor restarts only after that has proved it empty (X30)', async () => {
  await start();
  const executor = await FakeExecutor.start(IP, Port.executor, { status: 500 });
  executors.push(executor);
  const pod = await heldPod({ retryInterval: '1s', maxRetries: 100 }, { main: 'c://1', [EXECUTOR_CONTAINER]: 'c://2' });
  const asked = () => executor.count('POST /reset');
  await operator.delete(pathOf('batchsandboxes', 'first'));
  await until(() => expect(asked()).toBeGreaterThan(0));
  await until(async () => expect(await recordOf()).toMatchObject({ containers: {} }));
  // Its containers are new by themselves: that proves nothing.
  await run(pod, { main: 'c://3', [EXECUTOR_CONTAINER]: 'c://4' });
  const before = asked();
  await until(() => expect(asked()).toBeGreaterThan(before));
  expect(commands).toEqual([]);
  executor.behaviour.status = undefined;
  await until(() => expect(commands.map(({ container }) => container).sort()).toEqual(['main', EXECUTOR_CONTAINER]));
  await run(pod, { main: 'c://5', [EXECUTOR_CONTAINER]: 'c://6' });
  await untilAvailable(1);
});

test('a pod whose executor cannot be reached is deleted (X30)', async () => {
  await start();
  const pod = await heldPod({ retryInterval: '1s', maxRetries: 0 }, { main: 'c://1', [EXECUTOR_CONTAINER]: 'c://2' });
  await operator.delete(pathOf('batchsandboxes', 'first'));
  await untilBatchGone('first');
  expect(commands).toEqual([]);
  expect((await operator.pods()).map(({ metadata }) => metadata.uid)).not.toContain(pod.metadata.uid);
});

test('a pod whose pool is deleted meanwhile is deleted, and so is the pool (R120)', async () => {
  await start();
  await heldPod();
  await operator.delete(pathOf('batchsandboxes', 'first'));
  await until(() => expect(commands).toHaveLength(1));
  await operator.delete(pathOf('pools', 'warm'));
  await untilBatchGone('first');
  await untilPods(0);
  await until(() => expect(operator.pool('warm')).rejects.toThrow('404'));
});

test('a pod whose batch vanished by force restarts before anybody gets it (R58)', async () => {
  await start();
  const pod = await heldPod();
  await operator.patch(pathOf('batchsandboxes', 'first'), { metadata: { finalizers: null } });
  await operator.delete(pathOf('batchsandboxes', 'first'));
  await until(() => expect(commands).toHaveLength(1));
  await until(async () => expect(await counts()).toMatchObject({ total: 1, allocated: 1, available: 0 }));
  await run(pod, { main: 'c://2' });
  await untilAvailable(1);
  expect((await operator.pods())[0]?.metadata.uid).toBe(pod.metadata.uid);
});

test('a batch that vanishes amid the restart of its pod leaves it to its pool, which goes on with it (R58)', async () => {
  await start();
  const pod = await heldPod();
  await operator.delete(pathOf('batchsandboxes', 'first'));
  await until(() => expect(commands).toHaveLength(1));
  await operator.patch(pathOf('batchsandboxes', 'first'), { metadata: { finalizers: null } });
  await untilBatchGone('first');
  await until(async () => expect(await counts()).toMatchObject({ allocated: 1, available: 0 }));
  await run(pod, { main: 'c://2' });
  await untilAvailable(1);
  expect(commands).toHaveLength(1);
});

test('with Noop a pod whose batch vanished is idle at once (R52, R58)', async () => {
  await start();
  await createPool(1, undefined, 'Noop');
  const [pod] = await untilPods(1);
  await run(pod, { main: 'c://1' });
  await operator.createBatch('first', { replicas: 1, poolRef: 'warm' });
  await until(async () => expect((await operator.batch('first')).status).toMatchObject({ ready: 1 }));
  await operator.patch(pathOf('batchsandboxes', 'first'), { metadata: { finalizers: null } });
  await operator.delete(pathOf('batchsandboxes', 'first'));
  await untilAvailable(1);
  expect(commands).toEqual([]);
});

test.each([
  ['tells it again when it has not restarted', 'c://1', 1],
  ['tells it nothing more when it has restarted meanwhile', 'c://2', 0],
])('an operator that starts goes on with a returning pod: it %s (R100)', async (_title, containerID, told) => {
  await start(false);
  await createPool(1, { retryInterval: '1s', maxRetries: 100 });
  const { metadata: { uid: poolUID = '' }, spec } = await operator.pool('warm');
  const owner = { apiVersion: 'sandbox.opensandbox.io/v1alpha1', kind: 'Pool', name: 'warm', uid: poolUID, controller: true };
  await operator.createBatch('first', { replicas: 0, poolRef: 'warm' });
  const { uid = '' } = (await operator.batch('first')).metadata;
  const record = { id: uid, startTime: '2026-01-01T00:00:00Z', containers: { main: 'c://1' }, lastRetryTime: '2026-01-01T00:00:00Z', retryCount: 0 };
  const metadata = { name: 'warm-1', labels: { [Label.poolName]: 'warm', [Label.poolRevision]: templateRevision(spec.template) }, annotations: { [Annotation.restartRecord]: JSON.stringify(record) }, ownerReferences: [owner] };
  await operator.createPod({ metadata, spec: { schedulerName: 'none', containers: [{ name: 'main', image: 'none' }] } });
  const [pod] = await operator.pods();
  await run(pod, { main: containerID });
  const allocation = { poolName: 'warm', poolUID, podPrefix: '', slots: [], returning: [`warm-1/${pod?.metadata.uid ?? ''}`] };
  const zero = { replicas: 0, allocated: 0, ready: 0, taskRunning: 0, taskSucceed: 0, taskFailed: 0, taskPending: 0, taskUnknown: 0 };
  await operator.patch(`${pathOf('batchsandboxes', 'first')}/status`, { status: { ...zero, allocation } });
  await operator.patch(pathOf('batchsandboxes', 'first'), { metadata: { finalizers: [Finalizer.poolAllocation] } });

  await operator.manager.act(new AbortController().signal);
  if (told > 0) {
    await until(() => expect(commands).toHaveLength(told));
    expect(await recordOf()).toMatchObject({ retryCount: 1, startTime: record.startTime });
    await run(pod, { main: 'c://2' });
  }
  await untilAvailable(1);
  expect(commands).toHaveLength(told);
  expect((await operator.pods())[0]?.metadata.uid).toBe(pod?.metadata.uid);
  expect((await operator.batch('first')).status?.allocation).toBeUndefined();
});
