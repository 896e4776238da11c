import { handMadeTemplate } from '../../support/hand-made-pods';
import { type OperatorInProcess, pathOf, startOperator } from '../../support/operator-in-process';
import { until } from '../../support/waiting';

let operator: OperatorInProcess;

beforeEach(async () => {
  operator = await startOperator();
});
afterEach(() => operator.stop());

const podNames = async () => (await operator.pods()).map(({ metadata }) => metadata.name).sort();

test('a batch that leaves its pool while it waits takes nothing from the batches behind it', async () => {
  await operator.createPool('warm', { capacitySpec: { bufferMin: 0, bufferMax: 0, poolMin: 0, poolMax: 2 } });
  await operator.createBatch('first', { replicas: 2, poolRef: 'warm' });
  await until(async () => expect(await operator.pods()).toHaveLength(2));
  await operator.patch(pathOf('batchsandboxes', 'first'), { spec: { poolRef: null, template: handMadeTemplate() } });
  await until(async () => expect(await podNames()).toEqual(expect.arrayContaining(['first-0', 'first-1'])));
  await operator.createBatch('second', { replicas: 2, poolRef: 'warm' });
  await until(async () => {
    await operator.makeReady();
    expect((await operator.batch('second')).status).toMatchObject({ ready: 2 });
  });
});
