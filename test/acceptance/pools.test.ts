import { Label } from '../../src/schema/names';
import { useCluster } from '../targets/cluster-under-test';
import { handMadeTemplate } from '../support/hand-made-pods';
import { elasticPool, fixedPool } from '../support/pool-spec';
import { conditionOf, endpointsOf, recordedUIDsOf, type Space } from '../support/space';
import { until } from '../support/waiting';

const cluster = useCluster();

const poolUIDs = async (space: Space) => (await space.list('Pod')).filter(({ metadata }) => metadata.deletionTimestamp === undefined).map(({ metadata }) => metadata.uid ?? '');
const untilCounts = (space: Space, pool: string, counts: object) => space.until('Pool', pool, ({ status }) => expect(status).toMatchObject(counts));

test('a pool rests within its bounds before, during and after a batch (R60)', async () => {
  const space = await cluster.newSimulatedSpace();
  // 25% is the default pace: how far the buffer grows depends on when each pod becomes Ready, but never leaves its range.
  const spec = { ...elasticPool({ bufferMin: 2, bufferMax: 10, poolMin: 5, poolMax: 20 }, handMadeTemplate()), scaleStrategy: undefined };
  await space.create('Pool', 'example', spec);
  const rest = await untilCounts(space, 'example', { total: 5, allocated: 0, available: 5, updated: 5 });
  expect(rest.status?.observedGeneration).toBe(rest.metadata.generation);
  expect(rest.status?.revision).toMatch(/^[0-9a-f]{16}$/);
  const untilAtRest = (allocated: number, least: number) =>
    space.until('Pool', 'example', ({ status: { total = 0, available = 0, ...status } = { allocated: 0, revision: '' } }) => {
      expect(status).toMatchObject({ allocated });
      expect(total).toBe(allocated + available);
      expect(available).toBeGreaterThanOrEqual(least);
      expect(available).toBeLessThanOrEqual(10);
    });

  await space.create('BatchSandbox', 'seven', { replicas: 7, poolRef: 'example' });
  await space.untilDelivered('seven');
  await untilAtRest(7, 2);
  await space.delete('BatchSandbox', 'seven');
  await space.untilGone('BatchSandbox', 'seven');
  await untilAtRest(0, 5);
});

test('a pool grows and shrinks when its bounds are edited (R60, R62)', async () => {
  const space = await cluster.newSimulatedSpace();
  await space.create('Pool', 'edited', fixedPool(2, handMadeTemplate()));
  await space.untilWarm('edited', 2);
  const first = await poolUIDs(space);
  const madeAt = Math.max(...(await space.list('Pod')).map(({ metadata }) => Date.parse(metadata.creationTimestamp ?? '')));
  await until(() => expect(Date.now()).toBeGreaterThan(madeAt + 1000)); // ages have whole seconds
  await space.patch('Pool', 'edited', { spec: { capacitySpec: { poolMin: 5, bufferMax: 5, poolMax: 5 } } });
  await untilCounts(space, 'edited', { total: 5, available: 5 });
  await space.patch('Pool', 'edited', { spec: { capacitySpec: { poolMin: 1, bufferMax: 1, bufferMin: 1, poolMax: 5 } } });
  await untilCounts(space, 'edited', { total: 1, available: 1 });
  const left = await poolUIDs(space);
  expect(left).toHaveLength(1);
  expect(first).toEqual(expect.arrayContaining(left)); // the newest go first
});

test('a pool never has more pods than poolMax, whatever batches ask for (R60)', async () => {
  const space = await cluster.newSimulatedSpace();
  await space.create('Pool', 'tight', elasticPool({ bufferMin: 2, bufferMax: 4, poolMin: 2, poolMax: 6 }, handMadeTemplate()));
  await space.untilWarm('tight', 3); // the middle of the buffer's range
  await Promise.all(Array.from({ length: 5 }, (_, index) => space.create('BatchSandbox', `batch-${index}`, { replicas: 3, poolRef: 'tight' })));
  const sizes: number[] = [];
  await until(async () => {
    sizes.push((await space.list('Pod')).length);
    expect((await space.list('BatchSandbox')).flatMap((batch) => recordedUIDsOf(batch))).toHaveLength(6);
    expect((await space.get('Pool', 'tight')).status).toMatchObject({ total: 6, allocated: 6 });
  });
  for (let index = 0; index < 5; index += 1) {
    const name = `batch-${index}`;
    await space.delete('BatchSandbox', name);
    await until(async () => {
      sizes.push((await space.list('Pod')).length);
      expect(await space.find('BatchSandbox', name)).toBeUndefined();
    });
  }
  await space.until('Pool', 'tight', ({ status }) => {
    expect(status?.allocated).toBe(0);
    expect([2, 3, 4]).toContain(status?.available);
  });
  expect(Math.max(...sizes)).toBeLessThanOrEqual(6);
});

test('the revision follows the meaning of the template, and new pods carry it (R66)', async () => {
  const space = await cluster.newSimulatedSpace();
  const template = handMadeTemplate({ color: 'red' });
  await space.create('Pool', 'revised', fixedPool(1, template));
  const first = await space.untilWarm('revised', 1);
  const [pod] = await space.list('Pod');
  expect(pod?.metadata.labels).toMatchObject({ color: 'red', [Label.poolName]: 'revised', [Label.poolRevision]: first.status?.revision });
  expect(pod?.metadata.ownerReferences).toMatchObject([{ kind: 'Pool', name: 'revised', uid: first.metadata.uid, controller: true }]);
  expect(pod?.metadata.name).toMatch(/^revised-[a-z0-9]{5}$/);

  const blue = handMadeTemplate({ color: 'blue' });
  await space.patch('Pool', 'revised', { spec: { template: blue, capacitySpec: { poolMin: 2, poolMax: 2, bufferMax: 2 } } });
  const second = await space.until('Pool', 'revised', ({ status }) => {
    expect(status?.revision).not.toBe(first.status?.revision);
    expect(status).toMatchObject({ total: 2, available: 2 });
  });
  const revisions = (await space.list('Pod')).map(({ metadata }) => metadata.labels?.[Label.poolRevision]);
  expect(revisions).toContain(second.status?.revision);

  await space.patch('Pool', 'revised', { spec: { template } });
  await space.until('Pool', 'revised', ({ status }) => expect(status?.revision).toBe(first.status?.revision));
});

test.each([
  { type: 'Delete', title: 'with Delete returned pods are replaced by new ones (R51)', kept: 0 },
  { type: 'Noop', title: 'with Noop returned pods are idle again under their UIDs (R52)', kept: 3 },
] as const)('$title', async ({ type, kept }) => {
  const space = await cluster.newSimulatedSpace();
  await space.create('Pool', 'warm', fixedPool(3, handMadeTemplate(), { recycleStrategy: { type } }));
  await space.untilWarm('warm', 3);
  const before = await poolUIDs(space);
  await space.create('BatchSandbox', 'visitor', { replicas: 3, poolRef: 'warm' });
  const batch = await space.untilDelivered('visitor');
  expect([...recordedUIDsOf(batch)].sort()).toEqual([...before].sort());
  await space.delete('BatchSandbox', 'visitor');
  await space.untilGone('BatchSandbox', 'visitor');
  await untilCounts(space, 'warm', { total: 3, allocated: 0, available: 3 });
  const after = await poolUIDs(space);
  expect(after.filter((uid) => before.includes(uid))).toHaveLength(kept);
});

test('a held pod that is deleted is replaced in its slot, and no other slot moves (R96, R113)', async () => {
  const space = await cluster.newSimulatedSpace();
  await space.create('Pool', 'warm', fixedPool(4, handMadeTemplate()));
  await space.untilWarm('warm', 4);
  await space.create('BatchSandbox', 'fleet', { replicas: 3, poolRef: 'warm' });
  const before = await space.untilDelivered('fleet');
  const lost = (await space.list('Pod')).find(({ metadata }) => metadata.uid === recordedUIDsOf(before)[1]);
  await space.delete('Pod', lost?.metadata.name ?? '');
  const after = await space.until('BatchSandbox', 'fleet', (batch) => {
    expect(batch.status).toMatchObject({ replicas: 3, ready: 3 });
    expect(recordedUIDsOf(batch)).toHaveLength(3);
    expect(recordedUIDsOf(batch)).not.toContain(lost?.metadata.uid);
    expect(endpointsOf(batch)[1]).not.toBe(endpointsOf(before)[1]);
    expect(endpointsOf(batch)[1]).not.toBe('');
  });
  expect([0, 2].map((slot) => recordedUIDsOf(after)[slot])).toEqual([0, 2].map((slot) => recordedUIDsOf(before)[slot]));
  expect([0, 2].map((slot) => endpointsOf(after)[slot])).toEqual([0, 2].map((slot) => endpointsOf(before)[slot]));
  await space.expectEvent('fleet', 'PodReplaced');
  await untilCounts(space, 'warm', { total: 4, allocated: 3, available: 1 });
});

test('an idle pod that is deleted is made again (R60)', async () => {
  const space = await cluster.newSimulatedSpace();
  await space.create('Pool', 'warm', fixedPool(2, handMadeTemplate()));
  await space.untilWarm('warm', 2);
  const [victim] = await space.list('Pod');
  await space.delete('Pod', victim?.metadata.name ?? '');
  await until(async () => {
    const uids = await poolUIDs(space);
    expect(uids).toHaveLength(2);
    expect(uids).not.toContain(victim?.metadata.uid);
  });
  await space.untilWarm('warm', 2);
});

test('a pool deleted while in use lets idle pods go at once, gives nothing out, and ends with the last batch (R15, R120)', async () => {
  const space = await cluster.newSimulatedSpace();
  await space.create('Pool', 'draining', fixedPool(4, handMadeTemplate(), { recycleStrategy: { type: 'Noop' } }));
  await space.untilWarm('draining', 4);
  await space.create('BatchSandbox', 'user', { replicas: 2, poolRef: 'draining' });
  const user = await space.untilDelivered('user');
  await space.delete('Pool', 'draining');
  await until(async () => expect([...(await poolUIDs(space))].sort()).toEqual([...recordedUIDsOf(user)].sort()));

  await space.create('BatchSandbox', 'late', { replicas: 1, poolRef: 'draining' });
  await space.until('BatchSandbox', 'late', (batch) => expect(conditionOf(batch, 'PoolAllocationPending')).toMatchObject({ reason: 'PoolTerminating' }));
  expect((await space.get('BatchSandbox', 'user')).status).toMatchObject({ ready: 2, phase: 'Succeed' });
  expect(await space.find('Pool', 'draining')).toBeDefined();

  await space.delete('BatchSandbox', 'user');
  await space.untilGone('BatchSandbox', 'user');
  await space.untilGone('Pool', 'draining');
  await until(async () => expect(await space.list('Pod')).toEqual([]));
  await space.until('BatchSandbox', 'late', (batch) => expect(conditionOf(batch, 'PoolAllocationPending')).toMatchObject({ reason: 'PoolNotFound' }));
});

test('a batch that names another pool gives its pods back and is filled from the new one (R19)', async () => {
  const space = await cluster.newSimulatedSpace();
  const template = handMadeTemplate();
  await space.create('Pool', 'old', fixedPool(2, template, { recycleStrategy: { type: 'Noop' } }));
  await space.create('Pool', 'new', fixedPool(2, template));
  await space.untilWarm('old', 2);
  await space.untilWarm('new', 2);
  await space.create('BatchSandbox', 'mover', { replicas: 2, poolRef: 'old' });
  const before = await space.untilDelivered('mover');
  await space.patch('BatchSandbox', 'mover', { spec: { poolRef: 'new' } });
  await untilCounts(space, 'new', { allocated: 2 });
  await untilCounts(space, 'old', { allocated: 0, available: 2 });
  const after = await space.untilDelivered('mover');
  expect(after.status?.allocation?.poolName).toBe('new');
  expect(endpointsOf(after).filter((ip) => endpointsOf(before).includes(ip))).toEqual([]);
});
