import { Label } from '../../src/schema/names';
import { handMadeTemplate } from '../support/hand-made-pods';
import { type OperatorInProcess, pathOf, startOperator } from '../support/operator-in-process';
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
  await until(async () => expect(await valuesOf('workqueue_depth')).toEqual([0, 0]));
});

test('a process that begins to lead serves the batch first that waits longest, however the cache lists them', async () => {
  await operator.createPool('warm', { capacitySpec: { bufferMin: 0, bufferMax: 0, poolMin: 1, poolMax: 1 } });
  const { name, uid = '' } = (await operator.pool('warm')).metadata;
  const owner = { apiVersion: 'sandbox.opensandbox.io/v1alpha1', kind: 'Pool', name, uid, controller: true };
  await operator.createPod({ ...handMadeTemplate(), metadata: { name: 'warm-1', labels: { [Label.poolName]: name }, ownerReferences: [owner] } });
  await operator.makeReady();
  for (const [name, createdAt] of [['a-third', '12:00:02'], ['b-second', '12:00:01'], ['c-first', '12:00:00']] as const) {
    now = new Date(`2026-01-01T${createdAt}Z`);
    await operator.createBatch(name, { replicas: 1, poolRef: 'warm' });
  }
  now = undefined;
  await operator.manager.act(new AbortController().signal);
  const allocated = async (name: string) => (await operator.batch(name)).status?.allocated;
  await until(async () => expect(await Promise.all(['a-third', 'b-second', 'c-first'].map(allocated))).toEqual([0, 0, 1]));
});
