import { isDeepStrictEqual } from 'node:util';
import { ApiError, TransportError } from '../../../operator/kube/api-error';
import { BATCHES } from '../../../operator/kube/resource-types';
import type { BatchSandbox } from '../../../src/schema/batch-sandbox';
import { Finalizer } from '../../../src/schema/names';
import { type OperatorInProcess, pathOf, startOperator } from '../../support/operator-in-process';
import { patchedFields } from '../../support/patched-fields';
import { endpointsOf, recordedUIDsOf } from '../../support/space';
import { until } from '../../support/waiting';

/** The body of a write to a batch, as far as it is read here. */
interface BatchPatch {
  readonly metadata: { readonly resourceVersion?: string; readonly finalizers?: readonly string[]; readonly annotations?: object };
  readonly status?: { readonly allocation?: object };
}

/** One write to a batch. */
interface BatchWrite {
  readonly name: string;
  readonly subresource: string | undefined;
  readonly patch: BatchPatch;
}

let operator: OperatorInProcess;

beforeEach(async () => {
  operator = await startOperator();
});
afterEach(() => operator.stop());

/** A pool of so many Ready pods. */
async function warmPool(size: number): Promise<void> {
  await operator.createPool('warm', { capacitySpec: { bufferMin: 0, bufferMax: size, poolMin: size, poolMax: size } });
  await until(async () => expect(await operator.pods()).toHaveLength(size));
  await operator.makeReady();
  await until(async () => expect((await operator.pool('warm')).status).toMatchObject({ available: size }));
}

/** Has `decide` look at each write to a batch before it is sent; it may send it itself, and may throw. */
function watchWrites(decide: (write: BatchWrite, send: () => Promise<unknown>) => Promise<void>): void {
  const { api } = operator.manager;
  const patch = api.patch.bind(api);
  jest.spyOn(api, 'patch').mockImplementation(async (...call) => {
    const [type, { name }, , body, options] = call;
    if (isDeepStrictEqual(type, BATCHES)) await decide({ name, subresource: options?.subresource, patch: patchedFields(body) as BatchPatch }, () => patch(...call));
    return patch(...call);
  });
}

const untilServed = (name: string) =>
  until(async () => {
    const batch = await operator.batch(name);
    expect(endpointsOf(batch).filter((ip) => ip !== '')).toHaveLength(batch.spec.replicas ?? 1);
    return batch;
  });

test('a delivery writes the record first, then what shows it, each on the version that was decided on, and no second pass adds to it (R16, R106, R107)', async () => {
  await warmPool(4);
  const writes: BatchWrite[] = [];
  watchWrites((write) => Promise.resolve(void writes.push(write)));
  await operator.createBatch('ordered', { replicas: 2, poolRef: 'warm' });
  const held = recordedUIDsOf(await untilServed('ordered'));
  await operator.patch(pathOf('batchsandboxes', 'ordered'), { spec: { replicas: 3 } });
  const after = await untilServed('ordered');
  expect(writes.map(({ subresource, patch: { metadata, status } }) => [subresource, status?.allocation !== undefined, metadata.finalizers, metadata.annotations !== undefined])).toEqual([
    ['status', true, undefined, false],
    [undefined, false, [Finalizer.poolAllocation], true],
    ['status', true, undefined, false],
    [undefined, false, undefined, true],
  ]);
  expect(writes.map(({ patch }) => patch.metadata.resourceVersion)).toEqual(writes.map(() => expect.stringMatching(/^\d+$/) as string));
  expect(recordedUIDsOf(after)).toEqual([...held, expect.any(String)]);
});

test('what a crash between the two writes leaves, nobody has seen, and the next pass completes it with the same pods (R16)', async () => {
  await warmPool(2);
  let between: BatchSandbox | undefined;
  watchWrites(async ({ subresource }) => {
    if (subresource !== undefined || between !== undefined) return;
    between = await operator.batch('cut');
    throw new ApiError(500, 'InternalError', 'cut');
  });
  await operator.createBatch('cut', { replicas: 2, poolRef: 'warm' });
  const batch = await untilServed('cut');
  expect([between?.metadata.finalizers, between?.metadata.annotations]).toEqual([undefined, undefined]);
  expect(recordedUIDsOf(batch)).toHaveLength(2);
  expect(between && recordedUIDsOf(between)).toEqual(recordedUIDsOf(batch));
  expect(batch.metadata.finalizers).toEqual([Finalizer.poolAllocation]);
});

test('what the record says is told once, although an edit meets the write that shows it (R98)', async () => {
  await warmPool(2);
  let isEdited = false;
  watchWrites(async ({ subresource }) => {
    if (subresource !== undefined || isEdited) return;
    isEdited = true;
    await operator.patch(pathOf('batchsandboxes', 'edited'), { spec: { replicas: 1 } });
  });
  await operator.createBatch('edited', { replicas: 2, poolRef: 'warm' });
  await untilServed('edited');
  await until(async () => {
    const told = (await operator.events()).filter(({ involvedObject }) => involvedObject.name === 'edited').map(({ reason, count }) => `${reason} ${count}`);
    expect(told.sort()).toEqual(['PodsAllocated 1', 'PodsReturned 1']);
  });
});

test.each([
  ['was stored', true],
  ['was not stored', false],
])('while nobody knows whether a record %s, its pod is given to nobody else (R103, R106)', async (_title, isStored) => {
  await warmPool(1);
  let isKnown = false;
  watchWrites(async ({ name, subresource }, send) => {
    if (name !== 'first' || subresource !== 'status' || isKnown) return;
    if (isStored) await send();
    await operator.createBatch('second', { replicas: 1, poolRef: 'warm' });
    await until(async () => expect((await operator.batch('second')).status).toMatchObject({ observedGeneration: 1, allocated: 0 }));
    isKnown = true;
    throw new TransportError('no answer');
  });
  await operator.createBatch('first', { replicas: 1, poolRef: 'warm' });
  const [pod] = await operator.pods();
  expect(recordedUIDsOf(await untilServed('first'))).toEqual([pod?.metadata.uid]);
  expect((await operator.batch('second')).status).toMatchObject({ allocated: 0, phase: 'Pending' });
});
