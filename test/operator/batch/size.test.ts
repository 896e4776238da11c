import { formatAllocation, type Slot } from '../../../operator/allocation-record';
import { refuseBatch } from '../../../operator/batch/check';
import { planMetadata } from '../../../operator/batch/publish';
import { bytesToAdd } from '../../../operator/batch/size';
import { endpointsOf, planBatchStatus } from '../../../operator/batch/status';
import { Finalizer } from '../../../src/schema/names';
import { batchOf, podOf } from '../../support/builders';

const REPLICAS = 10_000;
/** The longest name of a pool whose pods it does not cut. */
const POOL = 'p'.repeat(57);
const pods = Array.from({ length: REPLICAS }, (_, index) => podOf('pool-uid', `${POOL}-${String(index).padStart(5, '0')}`, { uid: `123e4567-e89b-12d3-a456-4266141${String(index).padStart(5, '0')}`, ip: '100.100.100.100' }));
const podByUID = new Map(pods.map((pod) => [pod.uid, pod]));
const held = pods.map(({ name, uid }): Slot => ({ state: 'held', name, uid }));
const finished = pods.map((): Slot => ({ state: 'finished' }));
const podOfUID = (uid: string) => podByUID.get(uid);

/** Bytes of all that the operator writes into a batch of 10,000. */
function bytesWritten(slots: readonly Slot[], returning: readonly { name: string; uid: string }[]): number {
  const batch = batchOf('b', { poolRef: POOL, replicas: REPLICAS });
  const tasks = { taskStates: 'R'.repeat(REPLICAS), taskPending: 0, taskRunning: REPLICAS, taskSucceed: 0, taskFailed: 0, taskUnknown: 0 };
  const record = { poolName: POOL, poolUID: 'pool-uid', slots, returning };
  const status = planBatchStatus({ batch, slots, record, pod: podOfUID, tasks, wait: undefined, now: new Date() });
  const podNames = slots.flatMap((slot) => (slot.state === 'held' ? [slot.name] : []));
  const metadata = planMetadata(batch, { finalizers: [Finalizer.poolAllocation, Finalizer.taskCleanup], endpoints: endpointsOf(slots, REPLICAS, podOfUID), podNames, releasedNames: returning.map(({ name }) => name) });
  return Buffer.byteLength(JSON.stringify({ status, metadata }));
}

test.each([
  ['holds all its pods', held, []],
  ['has half of them coming back', [...held.slice(0, 5_000), ...finished.slice(5_000)], pods.slice(5_000)],
  ['has all of them coming back', finished, pods],
])('what is written into a batch of 10,000 that %s fits into 1,000,000 bytes, and into what is foreseen (R131)', (_title, slots, returning) => {
  const bytes = bytesWritten(slots, returning);
  expect(bytes).toBeGreaterThan(450_000);
  expect(bytes).toBeLessThan(1_000_000);
  expect(bytes).toBeLessThan(bytesToAdd(REPLICAS) + 20_000); // conditions, finalizers, names of fields
  expect(formatAllocation({ poolName: POOL, poolUID: 'pool-uid', slots, returning })?.podPrefix).toBe(`${POOL}-`);
});

test.each([
  ['a small batch with a large spec', 1_000, 1_200_000, undefined],
  ['a large batch with a spec that leaves room', REPLICAS, 700_000, undefined],
  ['a large batch with a spec that leaves none', REPLICAS, 900_000, 'TooLarge'],
])('%s is refused for its size or not (R131)', (_title, replicas, bytes, reason) => {
  const shardTaskPatches = [{ spec: { process: { command: ['x'.repeat(bytes)] } } }];
  const refusal = refuseBatch(batchOf('b', { poolRef: 'warm', replicas, shardTaskPatches }));
  expect(refusal?.reason).toBe(reason);
  if (reason !== undefined) expect(refusal?.message).toMatch(/^spec: expected at most \d+ bytes, annotations included, for 10000 replicas, got \d+; split the batch/);
});
