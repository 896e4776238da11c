import { type OperatorInProcess, pathOf, startOperator } from '../support/operator-in-process';
import { until } from '../support/waiting';

let operator: OperatorInProcess;

beforeEach(async () => {
  operator = await startOperator({ acting: false });
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
