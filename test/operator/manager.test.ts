import { Annotation, Label } from '../../src/schema/names';
import { statusHolding } from '../support/builders';
import { handMadeTemplate } from '../support/hand-made-pods';
import { type OperatorInProcess, pathOf, startOperator } from '../support/operator-in-process';
import { endpointsOf, recordedUIDsOf } from '../support/space';
import { until } from '../support/waiting';

let operator: OperatorInProcess;

/** Time of day of the API server; undefined is that of the machine. */
let now: Date | undefined;

beforeEach(async () => {
  now = undefined;
  operator = await startOperator({ acting: false, now: () => now ?? new Date() });
});
afterEach(() => operator.stop());

const valuesOf = async (metric: string) => (await operator.manager.metrics.registry.getSingleMetric(metric)?.get())?.values.map(({ value }) => value);

/** Makes a Ready pod of a pool, as an operator before this one has made it. */
async function createPodOf(pool: string): Promise<void> {
  const { name, uid = '' } = (await operator.pool(pool)).metadata;
  const owner = { apiVersion: 'sandbox.opensandbox.io/v1alpha1', kind: 'Pool', name, uid, controller: true };
  await operator.createPod({ ...handMadeTemplate(), metadata: { name: `${name}-1`, labels: { [Label.poolName]: name }, ownerReferences: [owner] } });
  await operator.makeReady();
}

test('a process that loses its lease while it lists anew begins nothing and can end', async () => {
  jest.spyOn(operator.manager.api, 'list').mockRejectedValue(new Error('no answer'));
  const over = new AbortController();
  const begun = operator.manager.act(over.signal);
  over.abort();
  await begun;
  expect(await valuesOf('leader_election_master_status')).toEqual([0]);
});

test('a process that does not lead keeps nothing of batches that came and went', async () => {
  await operator.createBatch('passing', { replicas: 0, poolRef: 'warm' });
  await until(async () => expect(await valuesOf('workqueue_depth')).toContain(1));
  await operator.delete(pathOf('batchsandboxes', 'passing'));
  await until(async () => expect(new Set(await valuesOf('workqueue_depth'))).toEqual(new Set([0])));
});

test('a process that begins to lead writes nothing before it has listed everything anew (R101)', async () => {
  await operator.createPool('warm');
  await operator.createBatch('waiting', { replicas: 1, poolRef: 'warm' });
  const { api } = operator.manager;
  const order: string[] = [];
  const { create, patch, list } = { create: api.create.bind(api), patch: api.patch.bind(api), list: api.list.bind(api) };
  jest.spyOn(api, 'create').mockImplementation((...call) => (order.push('write'), create(...call)));
  jest.spyOn(api, 'patch').mockImplementation((...call) => (order.push('write'), patch(...call)));
  let answer: () => void = () => undefined;
  const answered = new Promise<void>((resolve) => (answer = resolve));
  const versions: (string | undefined)[] = [];
  jest.spyOn(api, 'list').mockImplementation(async (...call) => {
    versions.push(call[1]?.resourceVersion);
    await answered;
    order.push('list');
    return list(...call);
  });
  const begun = operator.manager.act(new AbortController().signal);
  await until(() => expect(versions).toHaveLength(4));
  expect([versions, order]).toEqual([[undefined, undefined, undefined, undefined], []]); // the state of now, not what the server remembers
  answer();
  await begun;
  await until(() => expect(order).toContain('write'));
  expect(order.slice(0, order.indexOf('write'))).toEqual(['list', 'list', 'list', 'list']);
});

test('pods that a record may name which cannot be read are given to nobody (R127)', async () => {
  await operator.createPool('warm', { capacitySpec: { bufferMin: 0, bufferMax: 0, poolMin: 1, poolMax: 2 } });
  await createPodOf('warm');
  const [old] = await operator.pods();
  for (const name of ['garbled', 'other']) await operator.createBatch(name, { replicas: 1, poolRef: 'warm' });
  const counts = { replicas: 1, allocated: 1, ready: 1, taskRunning: 0, taskSucceed: 0, taskFailed: 0, taskPending: 0, taskUnknown: 0 };
  await operator.patch(`${pathOf('batchsandboxes', 'garbled')}/status`, { status: { ...counts, allocation: { poolName: 'warm', slots: ['garbled'] } } });
  await operator.manager.act(new AbortController().signal);
  await until(async () => {
    await operator.makeReady();
    expect((await operator.batch('other')).status).toMatchObject({ ready: 1 });
  });
  expect(recordedUIDsOf(await operator.batch('other'))).not.toContain(old?.metadata.uid);
  expect((await operator.pods()).map(({ metadata }) => metadata.uid)).toContain(old?.metadata.uid);
  expect((await operator.batch('garbled')).status?.conditions).toMatchObject([{ type: 'Accepted', status: 'False', reason: 'InvalidRecord' }]);
});

test('writes to a batch start no pass over its pool (R134)', async () => {
  await operator.createPool('warm', { capacitySpec: { bufferMin: 0, bufferMax: 0, poolMin: 1, poolMax: 1 } });
  await createPodOf('warm');
  await operator.createBatch('edited', { replicas: 1, poolRef: 'warm' });
  await operator.manager.act(new AbortController().signal);
  await until(async () => expect((await operator.pool('warm')).status).toMatchObject({ total: 1, allocated: 1 }));
  const passes = async () => {
    const values = (await operator.manager.metrics.registry.getSingleMetric('controller_runtime_reconcile_total')?.get())?.values ?? [];
    return values.filter(({ labels }) => labels['controller'] === 'pool').reduce((sum, { value }) => sum + value, 0);
  };
  const before = await passes();
  for (let edit = 0; edit < 20; edit += 1) {
    await operator.patch(pathOf('batchsandboxes', 'edited'), { metadata: { annotations: { [Annotation.endpoints]: `["${edit}"]` } } });
    await until(async () => expect(endpointsOf(await operator.batch('edited'))).toEqual(['198.18.0.1']));
  }
  expect((await passes()) - before).toBeLessThan(5); // one for each edit would be 20; some may have been on their way, or due by the clock
});

test('a process that begins to lead serves the batch first that waits longest, however the cache lists them (R14)', async () => {
  await operator.createPool('warm', { capacitySpec: { bufferMin: 0, bufferMax: 0, poolMin: 1, poolMax: 1 } });
  await createPodOf('warm');
  for (const [name, createdAt] of [['a-third', '12:00:02'], ['b-second', '12:00:01'], ['c-first', '12:00:00']] as const) {
    now = new Date(`2026-01-01T${createdAt}Z`);
    await operator.createBatch(name, { replicas: 1, poolRef: 'warm' });
  }
  now = undefined;
  await operator.manager.act(new AbortController().signal);
  const allocated = async (name: string) => (await operator.batch(name)).status?.allocated;
  await until(async () => expect(await Promise.all(['a-third', 'b-second', 'c-first'].map(allocated))).toEqual([0, 0, 1]));
});

test('a process that begins to lead gives no pod to a batch whose pass is over first, while an older one still gives a pod back (R14)', async () => {
  await operator.createPool('warm', { capacitySpec: { bufferMin: 0, bufferMax: 0, poolMin: 2, poolMax: 2 } });
  const { name, uid = '' } = (await operator.pool('warm')).metadata;
  const owner = { apiVersion: 'sandbox.opensandbox.io/v1alpha1', kind: 'Pool', name, uid, controller: true };
  for (const pod of ['warm-1', 'warm-2']) {
    await operator.createPod({ ...handMadeTemplate(), metadata: { name: pod, labels: { [Label.poolName]: name }, ownerReferences: [owner] } });
  }
  await operator.makeReady();
  const held = (await operator.pods()).find(({ metadata }) => metadata.name === 'warm-1');
  now = new Date('2026-01-01T12:00:00Z');
  await operator.createBatch('older', { replicas: 2, poolRef: 'warm' });
  const { allocation, ...counts } = statusHolding('warm', []);
  const slots = [`warm-1/${held?.metadata.uid ?? ''}`];
  await operator.patch(`${pathOf('batchsandboxes', 'older')}/status`, { status: { ...counts, allocation: { ...allocation, poolUID: uid, slots } } });
  await operator.patch(pathOf('batchsandboxes', 'older'), { metadata: { annotations: { [Annotation.allocRelease]: '{"pods":["warm-1"]}' } } });
  now = new Date('2026-01-01T12:00:01Z');
  await operator.createBatch('younger', { replicas: 1, poolRef: 'warm' });
  now = undefined;
  await operator.manager.act(new AbortController().signal);
  const replicas = async (batch: string) => (await operator.batch(batch)).status?.replicas;
  await until(async () => expect(await Promise.all(['older', 'younger'].map(replicas))).toEqual([1, 0]));
  expect((await operator.batch('older')).status?.allocation?.slots?.[1]).toMatch(/^2\//);
});
