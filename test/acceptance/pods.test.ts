import { isDeepStrictEqual } from 'node:util';
import type { BatchSandbox } from '../../src/schema/batch-sandbox';
import type { Pod, PodTemplateSpec } from '../../src/schema/kubernetes';
import { Label } from '../../src/schema/names';
import { useCluster } from '../targets/cluster-under-test';
import { createReadyPool, handMadeTemplate, makeReady } from '../support/hand-made-pods';
import { History, versionsOf } from '../support/history';
import { elasticPool, fixedPool } from '../support/pool-spec';
import { conditionOf, endpointsOf, recordedUIDsOf, type Space } from '../support/space';
import { undisturbed } from '../support/take-over';
import { inParallel, until } from '../support/waiting';

/** Half a minute until a pool says why it does not grow, and room for the 5 s from one look at it to the next. */
const BLOCKED_WITHIN_MS = 50_000;

// The pods here run nowhere: the test itself says how they are, so that each change comes alone.
const cluster = useCluster();

/** A pool of so many Ready pods. */
async function newPool(size: number): Promise<Space> {
  const space = await cluster.newSpace();
  await createReadyPool(space, 'warm', size);
  return space;
}

/** Name of the pod in a slot of a batch. */
async function podOf(space: Space, batch: string, slot: number): Promise<string> {
  const uid = recordedUIDsOf(await space.get('BatchSandbox', batch))[slot];
  return (await space.list('Pod')).find(({ metadata }) => metadata.uid === uid)?.metadata.name ?? '';
}

test('a held pod that is not Ready any more shows in counts, phase and conditions, and keeps its slot (R115)', async () => {
  const space = await newPool(2);
  await space.create('BatchSandbox', 'fleet', { replicas: 2, poolRef: 'warm' });
  const before = await space.untilDelivered('fleet');
  const setReady = async (slot: number, status: 'True' | 'False') =>
    space.patch('Pod', await podOf(space, 'fleet', slot), { status: { conditions: [{ type: 'Ready', status }] } }, 'status');

  await setReady(0, 'False');
  const half = await space.until('BatchSandbox', 'fleet', ({ status }) => expect(status).toMatchObject({ replicas: 2, allocated: 2, ready: 1, phase: 'Succeed' }));
  expect(conditionOf(half, 'AllReady')).toBeUndefined();
  await setReady(1, 'False');
  const none = await space.until('BatchSandbox', 'fleet', ({ status }) => expect(status).toMatchObject({ ready: 0, phase: 'Pending' }));
  expect(conditionOf(none, 'Ready')).toBeUndefined();
  expect(endpointsOf(none)).toEqual(endpointsOf(before));
  await setReady(0, 'True');
  await setReady(1, 'True');
  const again = await space.until('BatchSandbox', 'fleet', ({ status }) => expect(status).toMatchObject({ ready: 2, phase: 'Succeed' }));
  expect(recordedUIDsOf(again)).toEqual(recordedUIDsOf(before));
});

test.each(['Failed', 'Succeeded'])('a held pod that ends in phase %s leaves its slot for another, and is deleted (R113, R114)', async (phase) => {
  const space = await newPool(3);
  await space.create('BatchSandbox', 'fleet', { replicas: 2, poolRef: 'warm' });
  const before = await space.untilDelivered('fleet');
  const dead = await podOf(space, 'fleet', 1);
  await space.patch('Pod', dead, { status: { phase } }, 'status');
  const after = await space.until('BatchSandbox', 'fleet', (batch) => {
    expect(batch.status).toMatchObject({ replicas: 2, ready: 2 });
    expect(endpointsOf(batch)[1]).not.toBe(endpointsOf(before)[1]);
  });
  expect(endpointsOf(after)[0]).toBe(endpointsOf(before)[0]);
  await space.untilGone('Pod', dead);
  await until(async () => expect(await space.list('Pod')).toHaveLength(3)); // the pool has made another
  await space.expectEvent('fleet', 'PodReplaced');
});

test('an idle pod with the evict label is deleted and never given out, and a held one stays until it comes back (R71, R72)', async () => {
  const space = await newPool(2);
  await space.create('BatchSandbox', 'holder', { replicas: 1, poolRef: 'warm' });
  await space.untilDelivered('holder');
  const held = await podOf(space, 'holder', 0);
  const idle = (await space.list('Pod')).map(({ metadata }) => metadata.name).find((name) => name !== held) ?? '';
  const evict = { metadata: { labels: { [Label.evict]: 'true' } } };
  await space.patch('Pod', held, evict);
  await space.patch('Pod', idle, evict);
  await space.untilGone('Pod', idle);
  await space.expectEvent('warm', 'PodEvicted');
  const holder = await space.get('BatchSandbox', 'holder');
  expect(holder.status).toMatchObject({ replicas: 1, ready: 1 });
  expect(await space.find('Pod', held)).toBeDefined();

  await space.delete('BatchSandbox', 'holder');
  await space.untilGone('BatchSandbox', 'holder');
  await space.untilGone('Pod', held);
});

test('each change of a pool and of a batch is told by one event (R98)', async () => {
  const change = async () => {
    const space = await newPool(3);
    await space.create('BatchSandbox', 'fleet', { replicas: 2, poolRef: 'warm' });
    const [, lost] = recordedUIDsOf(await space.untilDelivered('fleet'));
    await space.delete('Pod', await podOf(space, 'fleet', 1));
    await space.until('BatchSandbox', 'fleet', (batch) => {
      expect(batch.status).toMatchObject({ ready: 2 });
      expect(recordedUIDsOf(batch)).not.toContain(lost);
    });
    await space.patch('BatchSandbox', 'fleet', { spec: { replicas: 1 } });
    await space.until('BatchSandbox', 'fleet', ({ status }) => expect(status).toMatchObject({ replicas: 1, ready: 1 }));
    await space.patch('BatchSandbox', 'fleet', { spec: { expireTime: '2026-01-01T00:00:00Z' } });
    await space.untilGone('BatchSandbox', 'fleet');
    return space;
  };
  const toldOf = async (space: Space, name: string) => (await space.list('Event')).filter((event) => event.involvedObject.name === name).map(({ reason, count }) => `${reason} ${count}`).sort();
  await undisturbed(cluster.target, change, async (space) => {
    expect(await toldOf(space, 'fleet')).toEqual(['Expired 1', 'PodReplaced 1', 'PodsAllocated 2', 'PodsReturned 2']);
    expect((await space.list('Event')).map(({ message }) => message)).toContainEqual(expect.stringMatching(/^created \d pods: 'warm-.{5}'/));
  });
});

test('a pod that is not Ready is not given out (R11)', async () => {
  const space = await newPool(2);
  const [pod] = await space.list('Pod');
  await space.patch('Pod', pod?.metadata.name ?? '', { status: { conditions: [{ type: 'Ready', status: 'False' }] } }, 'status');
  await space.untilWarm('warm', 1);
  await space.create('BatchSandbox', 'picky', { replicas: 2, poolRef: 'warm' });
  const batch = await space.until('BatchSandbox', 'picky', ({ status }) => expect(status).toMatchObject({ replicas: 1, ready: 1 }));
  expect(recordedUIDsOf(batch)).not.toContain(pod?.metadata.uid);
  await space.patch('Pod', pod?.metadata.name ?? '', { status: { conditions: [{ type: 'Ready', status: 'True' }] } }, 'status');
  await space.untilDelivered('picky');
});

test('a hundred pods that become Ready one after another cost a batch far fewer writes; each changes the status, which never goes back (R97, R133)', async () => {
  const space = await cluster.newSpace();
  const history = await History.begin<BatchSandbox>(cluster.target, space.path('BatchSandbox'));
  const beganMs = performance.now();
  await space.create('BatchSandbox', 'own', { replicas: 100, template: handMadeTemplate() });
  await until(async () => expect(await space.list('Pod')).toHaveLength(100));
  await makeReady(space);
  await space.untilDelivered('own');
  const elapsedMs = performance.now() - beganMs;
  // Two every 250 ms, however slowly the pods become Ready (ADR 0025), and the few of its beginning and end.
  expect(await countWrites(space, ' batchsandboxes', 'own')).toBeLessThan(20 + elapsedMs / 125);

  const statuses = versionsOf(await history.end(), 'own').map(({ status }) => status);
  const changes = statuses.filter((status, index) => !isDeepStrictEqual(status, statuses[index - 1]));
  expect(changes).toHaveLength(await countWrites(space, ' batchsandboxes/status ', 'own'));
  for (const count of ['replicas', 'ready'] as const) {
    const counts = changes.map((status) => status?.[count] ?? 0);
    expect(counts).toEqual([...counts].sort((a, b) => a - b));
  }
});

test('a pod that is going still counts against poolMax, although it is none of the pool any more (R59)', async () => {
  const space = await newPool(2);
  const [going] = await space.list('Pod');
  const name = going?.metadata.name ?? '';
  await space.patch('Pod', name, { metadata: { finalizers: ['example.org/keep'] } });
  await space.delete('Pod', name);
  await space.until('Pool', 'warm', ({ status }) => expect(status).toMatchObject({ total: 1, allocated: 0, available: 1 }));
  await space.create('BatchSandbox', 'large', { replicas: 2, poolRef: 'warm' });
  await space.until('BatchSandbox', 'large', (batch) => expect(conditionOf(batch, 'PoolAllocationPending')?.reason).toBe('PoolExhausted'));
  await space.until('Pool', 'warm', ({ status }) => expect(status).toMatchObject({ total: 1, allocated: 1, available: 0 }));
  expect(await space.list('Pod')).toHaveLength(2);

  await space.patch('Pod', name, { metadata: { finalizers: null } });
  await until(async () => {
    const pods = await space.list('Pod');
    expect([pods.length, pods.some(({ metadata }) => metadata.name === name)]).toEqual([2, false]);
  });
  await makeReady(space);
  await space.untilDelivered('large');
});

test('growth that is held back for half a minute shows in ScaleBlocked until it passes, and a pool at rest is neither changed nor written (R63, R64, R65, R97)', async () => {
  const space = await newPool(4);
  await space.create('BatchSandbox', 'holder', { replicas: 2, poolRef: 'warm' });
  await space.untilDelivered('holder');
  await space.until('Pool', 'warm', ({ status }) => expect(status).toMatchObject({ total: 4, allocated: 2, available: 2 }));
  const atRest = await History.begin<Pod>(cluster.target, space.path('Pod'));
  const countAll = async () => [await countWrites(space, ' pools', 'warm'), await countWrites(space, ' batchsandboxes', 'holder')];
  const before = await countAll();

  const refused: PodTemplateSpec = { spec: { ...handMadeTemplate().spec, containers: [{ name: 'main', image: 'none', imagePullPolicy: 'Whenever' }] } };
  await space.create('Pool', 'full', elasticPool({ bufferMin: 0, bufferMax: 0, poolMin: 0, poolMax: 1 }, handMadeTemplate()));
  await space.create('BatchSandbox', 'large', { replicas: 2, poolRef: 'full' });
  await space.create('Pool', 'slow', fixedPool(2, handMadeTemplate(), { scaleStrategy: { maxUnavailable: 1 } }));
  await space.create('Pool', 'refused', fixedPool(1, refused));
  await space.expectEvent('refused', 'FailedCreate', { type: 'Warning', message: expect.stringMatching(/^pod 'refused-.{5}' not created: .*imagePullPolicy/) as string });
  await space.expectEvent('full', 'SuccessfulCreate');
  const blocked = { full: 'PoolMax', slow: 'NotReadyPods', refused: 'CreateFailed' };
  await inParallel(Object.entries(blocked), 3, ([pool, reason]) =>
    space.until('Pool', pool, (object) => expect(conditionOf(object, 'ScaleBlocked')).toMatchObject({ status: 'True', reason }), BLOCKED_WITHIN_MS),
  );

  expect(await countAll()).toEqual(before);
  expect((await atRest.end()).filter(({ object }) => object.metadata.name.startsWith('warm-'))).toEqual([]);

  await space.patch('Pool', 'full', { spec: { capacitySpec: { poolMax: 2 } } });
  await space.patch('Pool', 'refused', { spec: { template: handMadeTemplate() } });
  await until(async () => {
    await makeReady(space);
    const pools = await Promise.all(Object.keys(blocked).map((pool) => space.get('Pool', pool)));
    expect(pools.map((pool) => conditionOf(pool, 'ScaleBlocked'))).toEqual([undefined, undefined, undefined]);
    expect(pools.map(({ status }) => status?.total)).toEqual([2, 2, 1]);
  });
}, 150_000);

/** Writes of an object so far whose description has this text; a space at its end leaves subresources out. */
async function countWrites(space: Space, what: string, name: string): Promise<number> {
  const { byObject } = await cluster.target.writes();
  return Object.entries(byObject).reduce((sum, [key, count]) => (key.includes(what) && key.endsWith(` ${space.namespace}/${name}`) ? sum + count : sum), 0);
}
