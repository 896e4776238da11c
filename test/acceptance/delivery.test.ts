import type { BatchSandbox } from '../../src/schema/batch-sandbox';
import { Finalizer } from '../../src/schema/names';
import { LARGEST_BATCH, useCluster } from '../targets/cluster-under-test';
import { createReadyPool, handMadeTemplate, makeReady } from '../support/hand-made-pods';
import { History, versionsOf } from '../support/history';
import { elasticPool, fixedPool } from '../support/pool-spec';
import { conditionOf, endpointsOf, mirroredPodsOf, recordedUIDsOf, type Space } from '../support/space';
import { undisturbed } from '../support/take-over';
import type { WriteCounts } from '../support/target';
import { inParallel, until } from '../support/waiting';

const cluster = useCluster();

test('batches of 1 and 10 from a warm pool get counts, conditions, finalizer and endpoints that answer (R16)', async () => {
  const space = await cluster.newSpace();
  // A hundred with executors: the quickstart (test/local/main.test.ts) and, on a real node, test/kubernetes/fleet.test.ts.
  const sizes = [1, 10];
  const total = 11;
  await space.create('Pool', 'warm', fixedPool(total, cluster.target.podTemplate({ executor: true })));
  await space.untilWarm('warm', total);
  const poolPods = (await space.list('Pod')).map(({ metadata }) => metadata.name);

  for (const replicas of sizes) {
    const name = `batch-${replicas}`;
    await space.create('BatchSandbox', name, { replicas, poolRef: 'warm' });
    const batch = await space.untilDelivered(name);
    expect(batch.status).toMatchObject({
      observedGeneration: 1, // nobody but the user has written the spec
      phase: 'Succeed',
      taskRunning: 0,
      taskSucceed: 0,
      taskFailed: 0,
      taskPending: 0,
      taskUnknown: 0,
    });
    expect(batch.metadata.generation).toBe(1);
    expect(conditionOf(batch, 'Ready')).toMatchObject({ status: 'True', reason: 'PodsReady' });
    expect(conditionOf(batch, 'AllReady')).toMatchObject({ status: 'True' });
    expect(conditionOf(batch, 'PoolAllocationPending')).toBeUndefined();
    expect(batch.metadata.finalizers).toEqual([Finalizer.poolAllocation]);
    expect(new Set(recordedUIDsOf(batch)).size).toBe(replicas);
    expect(new Set(mirroredPodsOf(batch)).size).toBe(replicas);
    expect(poolPods).toEqual(expect.arrayContaining([...mirroredPodsOf(batch)]));

    const endpoints = endpointsOf(batch);
    expect(new Set(endpoints).size).toBe(replicas);
    const healthy = await inParallel(endpoints, 10, async (ip) => (await fetch(`${cluster.target.executorUrl(ip)}/health`)).status);
    expect(healthy).toEqual(endpoints.map(() => 200));
  }
  await space.until('Pool', 'warm', ({ status }) => expect(status).toMatchObject({ total, allocated: total, available: 0 }));
});

test.each([1, LARGEST_BATCH])('a batch of %d from a warm pool takes 3 writes, and none to its pods (R17)', async (replicas) => {
  const deliver = async () => {
    const space = await cluster.newSpace();
    await createReadyPool(space, 'warm', replicas);
    const before = await countWrites(space);

    await space.create('BatchSandbox', 'all', { replicas, poolRef: 'warm' });
    await space.untilDelivered('all');
    // Events and the counts of the pool are written after the delivery: when they are there, a late write of the batch would be too.
    await space.expectEvent('all', 'PodsAllocated');
    await space.until('Pool', 'warm', ({ status }) => expect(status).toMatchObject({ allocated: replicas, available: 0 }));
    return { before, after: await countWrites(space) };
  };
  await undisturbed(cluster.target, deliver, ({ before, after }) => {
    const added = Object.entries(after).flatMap(([key, count]) => (count === before[key] ? [] : [[key, count - (before[key] ?? 0)]]));
    const ofBatch = added.filter(([key]) => String(key).endsWith(' batchsandboxes') || String(key).includes(' batchsandboxes/'));
    expect(ofBatch.reduce((sum, [, count]) => sum + Number(count), 0)).toBe(3);
    expect(added.filter(([key]) => / pods(\/|$)/.test(String(key)))).toEqual([]);
  });
});

/** Writes of the namespace so far, by `VERB resource[/subresource]`. */
async function countWrites(space: Space): Promise<Record<string, number>> {
  return sumByResource(await cluster.target.writes(), space.namespace);
}

function sumByResource({ byObject }: WriteCounts, namespace: string): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const [key, count] of Object.entries(byObject)) {
    const [verb, resource, object = ''] = key.split(' ');
    if (object.startsWith(`${namespace}/`)) sums[`${verb} ${resource}`] = (sums[`${verb} ${resource}`] ?? 0) + count;
  }
  return sums;
}

test('a batch made before its pool waits with PoolNotFound and is served once the pool is there (R15, R18)', async () => {
  const space = await cluster.newSimulatedSpace();
  await space.create('BatchSandbox', 'early', { replicas: 2, poolRef: 'late' });
  const waiting = await space.until('BatchSandbox', 'early', (batch) =>
    expect(conditionOf(batch, 'PoolAllocationPending')).toMatchObject({ status: 'True', reason: 'PoolNotFound' }),
  );
  expect(waiting.status).toMatchObject({ replicas: 0, allocated: 0, ready: 0, phase: 'Pending' });
  expect(conditionOf(waiting, 'Progressing')).toMatchObject({ status: 'True', reason: 'Creating' });

  await space.create('Pool', 'late', fixedPool(2, handMadeTemplate()));
  const served = await space.untilDelivered('early');
  expect(conditionOf(served, 'PoolAllocationPending')).toBeUndefined();
});

test('a batch takes pods of the Pool of its own namespace, and makes none itself (R10)', async () => {
  const [space, other] = [await cluster.newSpace(), await cluster.newSpace()];
  for (const [each, size] of [[space, 1], [other, 2]] as const) await createReadyPool(each, 'warm', size);
  const pods = await space.list('Pod');
  await space.create('BatchSandbox', 'local', { replicas: 2, poolRef: 'warm' });
  const batch = await space.until('BatchSandbox', 'local', (object) => expect(conditionOf(object, 'PoolAllocationPending')).toMatchObject({ reason: 'PoolExhausted' }));
  expect(recordedUIDsOf(batch)).toEqual(pods.map(({ metadata }) => metadata.uid));
  expect(await space.list('Pod')).toHaveLength(1);
  expect((await other.get('Pool', 'warm')).status).toMatchObject({ allocated: 0, available: 2 });
});

test('a batch waits with PoolScaling while its cold pool makes pods (R15)', async () => {
  const space = await cluster.newSpace();
  await space.create('Pool', 'cold', elasticPool({ bufferMin: 0, bufferMax: 0, poolMin: 0, poolMax: 10 }, handMadeTemplate()));
  await space.create('BatchSandbox', 'patient', { replicas: 3, poolRef: 'cold' });
  await until(async () => expect(await space.list('Pod')).toHaveLength(3));
  const waiting = await space.until('BatchSandbox', 'patient', (batch) =>
    expect(conditionOf(batch, 'PoolAllocationPending')).toMatchObject({ status: 'True', reason: 'PoolScaling' }),
  );
  expect(waiting.status).toMatchObject({ replicas: 0, ready: 0, phase: 'Pending' });

  await makeReady(space);
  const served = await space.untilDelivered('patient');
  expect(conditionOf(served, 'PoolAllocationPending')).toBeUndefined();
  expect(await space.list('Pod')).toHaveLength(3);
});

test('a batch waits with PoolExhausted once its pool has poolMax pods, although none of them is Ready (R15)', async () => {
  const space = await cluster.newSpace();
  await space.create('Pool', 'slow', elasticPool({ bufferMin: 0, bufferMax: 0, poolMin: 0, poolMax: 2 }, handMadeTemplate()));
  await space.create('BatchSandbox', 'large', { replicas: 3, poolRef: 'slow' });
  await space.until('BatchSandbox', 'large', (batch) => expect(conditionOf(batch, 'PoolAllocationPending')?.reason).toBe('PoolExhausted'));
  expect(await space.list('Pod')).toHaveLength(2);
});

test('a batch larger than its pool is served in part with PoolExhausted, and whole when poolMax is raised, which wins over its buffer (R13, R15, R61)', async () => {
  const space = await cluster.newSimulatedSpace();
  await space.create('Pool', 'small', elasticPool({ bufferMin: 1, bufferMax: 3, poolMin: 2, poolMax: 6 }, handMadeTemplate()));
  await space.untilWarm('small', 2);
  await space.create('BatchSandbox', 'large', { replicas: 8, poolRef: 'small' });
  const partly = await space.until('BatchSandbox', 'large', (batch) => {
    expect(batch.status).toMatchObject({ replicas: 6, allocated: 6, ready: 6, phase: 'Succeed' });
    expect(conditionOf(batch, 'PoolAllocationPending')).toMatchObject({ status: 'True', reason: 'PoolExhausted' });
    expect(endpointsOf(batch).filter((ip) => ip !== '')).toHaveLength(6);
  });
  expect(endpointsOf(partly)).toHaveLength(8);
  expect(conditionOf(partly, 'AllReady')).toBeUndefined();

  await space.patch('Pool', 'small', { spec: { capacitySpec: { poolMax: 8 } } });
  const whole = await space.untilDelivered('large');
  expect(recordedUIDsOf(whole)).toEqual(expect.arrayContaining([...recordedUIDsOf(partly)]));
  expect(endpointsOf(whole).slice(0, 6)).toEqual(endpointsOf(partly).slice(0, 6));
  await space.until('Pool', 'small', ({ status }) => expect(status).toMatchObject({ total: 8, allocated: 8, available: 0 }));
});

test('twenty batches made at once from one pool never share a pod, publish only what is on record, and take no more than they want (R103, R106, R107)', async () => {
  const space = await cluster.newSpace();
  const history = await History.begin<BatchSandbox>(cluster.target, space.path('BatchSandbox'));
  await createReadyPool(space, 'warm', 50);
  const names = Array.from({ length: 20 }, (_, index) => `batch-${index}`);
  await Promise.all(names.map((name) => space.create('BatchSandbox', name, { replicas: 3, poolRef: 'warm' })));
  const held = await until(async () => {
    const uids = (await space.list('BatchSandbox')).flatMap((batch) => recordedUIDsOf(batch));
    expect(uids).toHaveLength(50);
    return uids;
  });
  expect(new Set(held).size).toBe(50);
  const endpoints = (await space.list('BatchSandbox')).flatMap((batch) => endpointsOf(batch)).filter((ip) => ip !== '');
  expect(new Set(endpoints).size).toBe(endpoints.length);

  const changes = await history.end();
  const early = changes.filter(({ object }) => {
    const published = endpointsOf(object).filter((ip) => ip !== '').length;
    return published > recordedUIDsOf(object).length || (published > 0 && object.metadata.finalizers?.includes(Finalizer.poolAllocation) !== true);
  });
  expect(early).toEqual([]);
  const everHeld = names.map((name) => [...new Set(versionsOf(changes, name).flatMap((batch) => recordedUIDsOf(batch)))]);
  expect([Math.max(...everHeld.map(({ length }) => length)), everHeld.flat().sort()]).toEqual([3, [...held].sort()]);
});

test('a pod that comes free goes to the older of two waiting batches (R14)', async () => {
  const space = await cluster.newSimulatedSpace();
  await space.create('Pool', 'one', fixedPool(1, handMadeTemplate()));
  await space.untilWarm('one', 1);
  await space.create('BatchSandbox', 'holder', { replicas: 1, poolRef: 'one' });
  await space.untilDelivered('holder');
  // Equal ages are settled by name, so the older one gets the later name, and the other is made in a later second.
  const older = await space.create('BatchSandbox', 'waiting-z', { replicas: 1, poolRef: 'one' });
  await until(() => expect(Date.now()).toBeGreaterThan(Date.parse(older.metadata.creationTimestamp ?? '') + 1000));
  await space.create('BatchSandbox', 'waiting-a', { replicas: 1, poolRef: 'one' });
  await space.until('BatchSandbox', 'waiting-a', (batch) => expect(conditionOf(batch, 'PoolAllocationPending')?.reason).toBe('PoolExhausted'));

  await space.delete('BatchSandbox', 'holder');
  await space.untilDelivered('waiting-z');
  expect((await space.get('BatchSandbox', 'waiting-a')).status).toMatchObject({ replicas: 0, phase: 'Pending' });
});

test('a template beside poolRef does not stop allocation and makes no pod (R12)', async () => {
  const space = await cluster.newSimulatedSpace();
  const template = handMadeTemplate();
  await space.create('Pool', 'warm', fixedPool(2, template));
  await space.untilWarm('warm', 2);
  await space.create('BatchSandbox', 'both', { replicas: 2, poolRef: 'warm', template, shardPatches: [{ spec: { hostname: 'ignored' } }] });
  await space.untilDelivered('both');
  expect(await space.list('Pod')).toHaveLength(2);
  await space.expectEvent('both', 'ShardPatchesIgnored', { type: 'Warning', message: expect.stringContaining('shardPatches') as string });
});
