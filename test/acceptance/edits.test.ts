import { Annotation, API_VERSION, Finalizer } from '../../src/schema/names';
import { useCluster } from '../targets/cluster-under-test';
import { readTasks } from '../support/executor';
import { createReadyPool, handMadeTemplate } from '../support/hand-made-pods';
import { fixedPool } from '../support/pool-spec';
import { conditionOf, endpointsOf, mirroredPodsOf, recordedUIDsOf, type Space } from '../support/space';
import { until } from '../support/waiting';

// What people may do to the metadata that the operator writes, and what comes of it.
const cluster = useCluster();

/** Annotation of a user. */
const NOTES = 'example.org/notes';
/** Space that the operator leaves to annotations of others and its own together, in bytes: 4 KiB less than the API server takes. */
const MIRRORS_FROM = 262_144 - 4_096;

/** A pool of so many Ready pods that run nowhere. */
async function newPool(size: number): Promise<Space> {
  const space = await cluster.newSpace();
  await createReadyPool(space, 'warm', size);
  return space;
}

test('an edited or deleted mirror is written back, and gives no foreign pod (R104)', async () => {
  const space = await cluster.newSimulatedSpace();
  await space.create('Pool', 'warm', fixedPool(2, handMadeTemplate()));
  await space.untilWarm('warm', 2);
  await space.create('BatchSandbox', 'victim', { replicas: 1, poolRef: 'warm' });
  await space.create('BatchSandbox', 'greedy', { replicas: 1, poolRef: 'warm' });
  const victim = await space.untilDelivered('victim');
  const greedy = await space.untilDelivered('greedy');

  await space.patch('BatchSandbox', 'greedy', {
    metadata: { annotations: { [Annotation.endpoints]: victim.metadata.annotations?.[Annotation.endpoints], [Annotation.allocStatus]: victim.metadata.annotations?.[Annotation.allocStatus] } },
  });
  await space.until('BatchSandbox', 'greedy', (batch) => {
    expect(endpointsOf(batch)).toEqual(endpointsOf(greedy));
    expect(mirroredPodsOf(batch)).toEqual(mirroredPodsOf(greedy));
  });
  await space.patch('BatchSandbox', 'greedy', { metadata: { annotations: { [Annotation.endpoints]: null, [Annotation.allocStatus]: null } } });
  const restored = await space.until('BatchSandbox', 'greedy', (batch) => expect(endpointsOf(batch)).toEqual(endpointsOf(greedy)));
  expect(recordedUIDsOf(restored)).toEqual(recordedUIDsOf(greedy));
});

test('a batch that names the pod of another in every annotation gets neither address nor control of it (R105)', async () => {
  const space = await cluster.newSpace();
  await space.create('Pool', 'warm', fixedPool(1, cluster.target.podTemplate({ executor: true })));
  await space.untilWarm('warm', 1);
  await space.create('BatchSandbox', 'victim', { replicas: 1, poolRef: 'warm' });
  const victim = await space.untilDelivered('victim');
  const [ip = ''] = endpointsOf(victim);
  const pods = JSON.stringify({ pods: mirroredPodsOf(victim) });
  const annotations = { [Annotation.endpoints]: JSON.stringify([ip]), [Annotation.allocStatus]: pods, [Annotation.allocRelease]: pods, [Annotation.allocReleased]: pods };
  const spec = { replicas: 1, poolRef: 'warm', taskTemplate: { spec: { process: { command: ['true'] } } } };
  const made = await cluster.target.request('POST', space.path('BatchSandbox'), { apiVersion: API_VERSION, kind: 'BatchSandbox', metadata: { name: 'thief', annotations }, spec });
  expect(made.status).toBe(201);
  await space.until('BatchSandbox', 'thief', (batch) => {
    expect(conditionOf(batch, 'PoolAllocationPending')).toMatchObject({ reason: 'PoolExhausted' });
    expect(batch.status).toMatchObject({ replicas: 0, taskPending: 1 });
    expect([endpointsOf(batch), mirroredPodsOf(batch)]).toEqual([[''], []]);
  });
  await space.delete('BatchSandbox', 'thief');
  await space.untilGone('BatchSandbox', 'thief');
  expect(await readTasks(cluster.target, ip)).toEqual([]);
  const after = await space.get('BatchSandbox', 'victim');
  expect({ uids: recordedUIDsOf(after), status: after.status?.ready }).toEqual({ uids: recordedUIDsOf(victim), status: 1 });
  expect((await space.list('Pod')).map(({ metadata: { uid, deletionTimestamp } }) => [uid, deletionTimestamp])).toEqual([[recordedUIDsOf(victim)[0], undefined]]);
});

test('pods that alloc-release names are given back for good, and names of others are ignored, also of those that get the pod next (R22, R108)', async () => {
  const space = await cluster.newSimulatedSpace();
  await space.create('Pool', 'warm', fixedPool(4, handMadeTemplate(), { recycleStrategy: { type: 'Noop' } }));
  await space.untilWarm('warm', 4);
  await space.create('BatchSandbox', 'giver', { replicas: 3, poolRef: 'warm' });
  await space.create('BatchSandbox', 'other', { replicas: 1, poolRef: 'warm' });
  const giver = await space.untilDelivered('giver');
  const other = await space.untilDelivered('other');

  const pods = [mirroredPodsOf(giver)[1], ...mirroredPodsOf(other), 'nobody'];
  await space.patch('BatchSandbox', 'giver', { metadata: { annotations: { [Annotation.allocRelease]: JSON.stringify({ pods }) } } });
  const after = await space.until('BatchSandbox', 'giver', (batch) => {
    expect(batch.status).toMatchObject({ replicas: 2, ready: 2 });
    expect(endpointsOf(batch)).toEqual([endpointsOf(giver)[0], '', endpointsOf(giver)[2]]);
  });
  expect(after.status?.allocation?.slots?.[1]).toBe('-');
  expect(after.metadata.annotations).toMatchObject({ [Annotation.allocReleased]: JSON.stringify({ pods: [pods[0]] }) });
  await space.until('Pool', 'warm', ({ status }) => expect(status).toMatchObject({ allocated: 3, available: 1 }));
  expect(recordedUIDsOf(await space.get('BatchSandbox', 'other'))).toEqual(recordedUIDsOf(other));

  // The request stands, and the pod has another holder.
  await space.create('BatchSandbox', 'next', { replicas: 1, poolRef: 'warm' });
  const next = await space.untilDelivered('next');
  expect(mirroredPodsOf(next)).toEqual([mirroredPodsOf(giver)[1]]);
  const { metadata } = await space.patch('BatchSandbox', 'giver', { spec: { expireTime: '2100-01-01T00:00:00Z' } });
  await space.until('BatchSandbox', 'giver', ({ status }) => expect(status).toMatchObject({ observedGeneration: metadata.generation, replicas: 2 }));
  await space.until('Pool', 'warm', ({ status }) => expect(status).toMatchObject({ allocated: 4, available: 0 }));
  expect((await space.get('BatchSandbox', 'next')).status).toEqual(next.status);
});

test('when two records name one pod, the older batch keeps it and the other is filled again (R109)', async () => {
  const space = await cluster.newSimulatedSpace();
  await space.create('Pool', 'warm', fixedPool(3, handMadeTemplate()));
  await space.untilWarm('warm', 3);
  // Of two batches of the same second the one with the first name counts as the older.
  for (const name of ['a-first', 'b-second']) {
    await space.create('BatchSandbox', name, { replicas: 1, poolRef: 'warm' });
    await space.untilDelivered(name);
  }
  const first = await space.get('BatchSandbox', 'a-first');
  await space.patch('BatchSandbox', 'b-second', { status: { allocation: first.status?.allocation } }, 'status');
  await space.expectEvent('b-second', 'AllocationConflict');
  const second = await space.until('BatchSandbox', 'b-second', (batch) => {
    expect(batch.status).toMatchObject({ replicas: 1, ready: 1 });
    expect(recordedUIDsOf(batch)).toHaveLength(1);
    expect(recordedUIDsOf(batch)).not.toEqual(recordedUIDsOf(first));
    expect(endpointsOf(batch)).not.toEqual(endpointsOf(first));
  });
  const after = await space.get('BatchSandbox', 'a-first');
  expect({ uids: recordedUIDsOf(after), endpoints: endpointsOf(after) }).toEqual({ uids: recordedUIDsOf(first), endpoints: endpointsOf(first) });
  expect((await space.list('Pod')).map(({ metadata }) => metadata.uid)).toContain(recordedUIDsOf(second)[0]);
});

test('a record that cannot be read keeps its pods from everybody, and counts again once it can be read (R127)', async () => {
  const space = await newPool(3);
  await space.create('BatchSandbox', 'spoilt', { replicas: 1, poolRef: 'warm' });
  const before = await space.untilDelivered('spoilt');
  await space.patch('BatchSandbox', 'spoilt', { status: { allocation: { slots: ['nonsense'] } } }, 'status');
  await space.until('BatchSandbox', 'spoilt', (batch) => expect(conditionOf(batch, 'Accepted')).toMatchObject({ status: 'False', reason: 'InvalidRecord' }));
  await space.create('BatchSandbox', 'other', { replicas: 3, poolRef: 'warm' });
  const other = await space.until('BatchSandbox', 'other', (batch) => {
    expect(batch.status?.replicas).toBe(2);
    expect(conditionOf(batch, 'PoolAllocationPending')).toMatchObject({ reason: 'PoolExhausted' });
  });
  expect(recordedUIDsOf(other)).not.toContain(recordedUIDsOf(before)[0]);
  expect(endpointsOf(await space.get('BatchSandbox', 'spoilt'))).toEqual(endpointsOf(before));

  await space.patch('BatchSandbox', 'spoilt', { status: { allocation: before.status?.allocation } }, 'status');
  const after = await space.until('BatchSandbox', 'spoilt', (batch) => expect(conditionOf(batch, 'Accepted')).toBeUndefined());
  expect([recordedUIDsOf(after), after.status?.ready]).toEqual([recordedUIDsOf(before), 1]);
});

test("mirrors that do not fit beside a user's annotations are left out and named, and sandboxes are delivered all the same (R132)", async () => {
  const space = await newPool(2);
  const notesOf = (size: number) => ({ metadata: { annotations: { [NOTES]: 'n'.repeat(size) } } });
  await space.create('BatchSandbox', 'wordy', { replicas: 1, poolRef: 'warm' });
  const before = await space.untilDelivered('wordy');
  const untilOmitted = (omitted: readonly string[]) =>
    space.until('BatchSandbox', 'wordy', ({ metadata: { annotations = {} } }) => {
      expect(JSON.parse(annotations[Annotation.mirrorOmitted] ?? '[]')).toEqual(omitted);
      expect(omitted.filter((key) => annotations[key] !== undefined)).toEqual([]);
    });
  // First the names of the pods go, which are only for people.
  await space.patch('BatchSandbox', 'wordy', notesOf(MIRRORS_FROM - NOTES.length - 60));
  expect(endpointsOf(await untilOmitted([Annotation.allocStatus]))).toEqual(endpointsOf(before));
  await space.patch('BatchSandbox', 'wordy', notesOf(MIRRORS_FROM - NOTES.length - 20));
  await untilOmitted([Annotation.endpoints, Annotation.allocStatus]);
  await space.patch('BatchSandbox', 'wordy', { spec: { replicas: 2 } });
  await space.until('BatchSandbox', 'wordy', (batch) => expect([batch.status?.ready, recordedUIDsOf(batch).length]).toEqual([2, 2]));
  await space.patch('BatchSandbox', 'wordy', notesOf(1));
  const after = await untilOmitted([]);
  expect([endpointsOf(after).length, mirroredPodsOf(after).length]).toEqual([2, 2]);
});

test('annotations that cannot be read change nothing, and an event says so (R126)', async () => {
  const space = await cluster.newSimulatedSpace();
  await space.create('Pool', 'warm', fixedPool(2, handMadeTemplate()));
  await space.untilWarm('warm', 2);
  await space.create('BatchSandbox', 'odd', { replicas: 1, poolRef: 'warm' });
  const before = await space.untilDelivered('odd');
  await space.patch('BatchSandbox', 'odd', { metadata: { annotations: { [Annotation.allocRelease]: '{"pods":', [Annotation.endpoints]: 'nonsense' } } });
  await space.expectEvent('odd', 'AnnotationIgnored', { message: expect.stringContaining('alloc-release') as string });
  await until(async () => expect((await space.get('BatchSandbox', 'odd')).metadata.annotations?.[Annotation.endpoints]).toBe(JSON.stringify(endpointsOf(before))));
  await space.patch('BatchSandbox', 'odd', { spec: { replicas: 2 } });
  const after = await space.untilDelivered('odd');
  expect(recordedUIDsOf(after).slice(0, 1)).toEqual(recordedUIDsOf(before));
});

test("another writer's finalizer is kept in its place, and ours go before it does (R122)", async () => {
  const space = await cluster.newSimulatedSpace();
  const foreign = 'example.org/audit';
  await space.create('Pool', 'warm', fixedPool(1, handMadeTemplate()));
  await space.untilWarm('warm', 1);
  await space.create('BatchSandbox', 'audited', { replicas: 1, poolRef: 'warm' });
  await space.untilDelivered('audited');
  await space.patch('BatchSandbox', 'audited', { metadata: { finalizers: [foreign, Finalizer.poolAllocation] } });
  await space.delete('BatchSandbox', 'audited');
  await space.until('BatchSandbox', 'audited', ({ metadata }) => expect(metadata.finalizers).toEqual([foreign]));
  await space.untilWarm('warm', 1);
  await space.patch('BatchSandbox', 'audited', { metadata: { finalizers: null } });
  await space.untilGone('BatchSandbox', 'audited');
});
