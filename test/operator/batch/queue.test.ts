import type { BatchSandboxSpec } from '../../../src/schema/batch-sandbox';
import { type OperatorInProcess, pathOf, startOperator } from '../../support/operator-in-process';
import { until } from '../../support/waiting';

let operator: OperatorInProcess;

beforeEach(async () => {
  operator = await startOperator();
});
afterEach(() => operator.stop());

/** A pool of so many Ready pods; one that is given back lives on. */
async function warmPool(size: number): Promise<void> {
  await operator.createPool('warm', { capacitySpec: { bufferMin: 0, bufferMax: size, poolMin: size, poolMax: size }, recycleStrategy: { type: 'Noop' } });
  await until(async () => expect(await operator.pods()).toHaveLength(size));
  await operator.makeReady();
  await until(async () => expect((await operator.pool('warm')).status).toMatchObject({ available: size }));
}

const create = (name: string, replicas: number, spec: BatchSandboxSpec = {}) => operator.createBatch(name, { replicas, poolRef: 'warm', ...spec });
const replicasOf = async (name: string) => (await operator.batch(name)).status?.replicas;
const waitOf = async (name: string) => (await operator.batch(name)).status?.conditions?.find(({ type }) => type === 'PoolAllocationPending')?.reason;
const untilWaiting = (name: string, reason: string) => until(async () => expect(await waitOf(name)).toBe(reason));
const untilServed = (name: string, replicas: number) => until(async () => expect([await replicasOf(name), await waitOf(name)]).toEqual([replicas, undefined]));
const whole = { allocationPolicy: 'AllOrNothing' } as const;

test('of two large batches that want all or nothing one waits without a single pod, and is served when the other ends (R13, R14, R15)', async () => {
  await warmPool(5);
  await create('first', 3, whole);
  await untilServed('first', 3);
  await create('second', 3, whole);
  await untilWaiting('second', 'PoolExhausted');
  await until(async () => expect((await operator.pool('warm')).status).toMatchObject({ allocated: 3, available: 2 }));
  await operator.delete(pathOf('batchsandboxes', 'first'));
  await untilServed('second', 3);
});

test.each([
  ['leaves the line', () => operator.delete(pathOf('batchsandboxes', 'large'))],
  ['has too much held before it', () => operator.patch(pathOf('batchsandboxes', 'holder'), { spec: { priority: 1 } })],
  ['can no longer be served', () => operator.patch(pathOf('batchsandboxes', 'large'), { spec: { replicas: 4 } })],
])('pods that are kept for a batch are given out as soon as it %s (R14)', async (_name, change) => {
  await warmPool(3);
  await create('holder', 1, { priority: -1 });
  await untilServed('holder', 1);
  await create('large', 3, whole);
  await untilWaiting('large', 'PoolExhausted');
  await create('small', 1);
  await untilWaiting('small', 'Queued');
  await change();
  await untilServed('small', 1);
});

test('a batch that no pool of this size can hold says so and keeps nobody waiting (R15)', async () => {
  await warmPool(2);
  await create('too-large', 3, whole);
  await untilWaiting('too-large', 'PoolTooSmall');
  await create('small', 2);
  await untilServed('small', 2);
  await operator.patch(pathOf('pools', 'warm'), { spec: { capacitySpec: { poolMax: 5 } } });
  await until(async () => expect(await operator.pods()).toHaveLength(5));
  await operator.makeReady();
  await untilServed('too-large', 3);
});

test('a raised priority counts at once: the next pod goes to the younger batch (R14)', async () => {
  await warmPool(1);
  await create('holder', 1);
  await untilServed('holder', 1);
  await create('a-older', 1);
  await untilWaiting('a-older', 'PoolExhausted');
  await create('b-younger', 1);
  await untilWaiting('b-younger', 'PoolExhausted');
  await operator.patch(pathOf('batchsandboxes', 'b-younger'), { spec: { priority: 1 } });
  await until(async () => expect((await operator.batch('b-younger')).status?.observedGeneration).toBe(2));
  await operator.delete(pathOf('batchsandboxes', 'holder'));
  await untilServed('b-younger', 1);
  expect(await replicasOf('a-older')).toBe(0);
});

test('whoever becomes the first of the line learns what it waits for (R15)', async () => {
  await operator.createPool('warm', { capacitySpec: { bufferMin: 0, bufferMax: 0, poolMin: 0, poolMax: 5 } });
  await create('a', 1);
  await untilWaiting('a', 'PoolScaling');
  await create('b', 1);
  await untilWaiting('b', 'Queued');
  await operator.delete(pathOf('batchsandboxes', 'a'));
  await untilWaiting('b', 'PoolScaling');
});
