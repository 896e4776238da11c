import { Annotation, Finalizer, Label } from '../../src/schema/names';
import { useCluster } from '../targets/cluster-under-test';
import { handMadeTemplate } from '../support/hand-made-pods';
import { readTaskOutput, readTasks } from '../support/executor';
import { fixedPool } from '../support/pool-spec';
import { endpointsOf, mirroredPodsOf, recordedUIDsOf, type Space } from '../support/space';
import { actingSince } from '../support/take-over';
import { inParallel, PATIENCE_MS, until, withPatience } from '../support/waiting';

const cluster = useCluster();

/** An instant that many ms from now, as manifests write it: whole seconds, rounded up. */
const instant = (inMs: number) => `${new Date(Math.ceil((Date.now() + inMs) / 1000) * 1000).toISOString().slice(0, 19)}Z`;
const untilPast = (time: string, byMs: number) => until(() => expect(Date.now()).toBeGreaterThan(Date.parse(time) + byMs));

test('a batch whose expireTime has passed is deleted at once, and gets no pod (R45)', async () => {
  const space = await cluster.newSimulatedSpace();
  await space.create('Pool', 'warm', fixedPool(1, handMadeTemplate()));
  await space.untilWarm('warm', 1);
  const [before] = await space.list('Pod');
  await space.create('BatchSandbox', 'pooled', { replicas: 1, poolRef: 'warm', expireTime: instant(-60_000) });
  await space.create('BatchSandbox', 'own', { replicas: 1, template: handMadeTemplate(), expireTime: instant(-60_000) });
  await space.untilGone('BatchSandbox', 'pooled');
  await space.untilGone('BatchSandbox', 'own');
  await space.expectEvent('pooled', 'Expired');
  expect((await space.list('Event')).filter(({ reason }) => reason === 'PodsAllocated')).toEqual([]);
  expect((await space.list('Pod')).map(({ metadata }) => metadata.uid)).toEqual([before?.metadata.uid]);
});

test('a batch ends soon after its expireTime, unless that was moved or removed before (R44, R46)', async () => {
  const space = await cluster.newSimulatedSpace();
  await space.create('Pool', 'warm', fixedPool(3, handMadeTemplate()));
  await space.untilWarm('warm', 3);
  const names = ['ends', 'moved', 'removed'];
  for (const name of names) await space.create('BatchSandbox', name, { replicas: 1, poolRef: 'warm', expireTime: instant(3_600_000) });
  for (const name of names) await space.untilDelivered(name);
  const setEnd = (name: string, end: string | null) => space.patch('BatchSandbox', name, { spec: { expireTime: end } });
  const expireTime = instant(6_000); // time enough for these few requests
  await Promise.all(names.map((name) => setEnd(name, expireTime)));
  await setEnd('moved', instant(3_600_000));
  await setEnd('removed', null);
  await space.get('BatchSandbox', 'ends'); // not before its time
  await space.untilGone('BatchSandbox', 'ends');
  const goneAt = Date.now();
  expect(goneAt).toBeGreaterThanOrEqual(Date.parse(expireTime));
  expect(goneAt).toBeLessThan((await actingSince(cluster.target, Date.parse(expireTime))) + withPatience(5_000));
  await space.untilWarm('warm', 1);
  await untilPast(expireTime, 1_500);
  for (const name of ['moved', 'removed']) {
    const batch = await space.get('BatchSandbox', name);
    expect(batch.metadata.deletionTimestamp).toBeUndefined();
    expect(batch.status?.ready).toBe(1);
  }
});

test('deletion first stops tasks, by force if they ignore TERM, and ends although an executor is out of reach (R47, R48, R49, X6)', async () => {
  const space = await cluster.newSpace();
  const { target } = cluster;
  await space.create('Pool', 'warm', fixedPool(2, target.podTemplate({ executor: true }), { recycleStrategy: { type: 'Noop' } }));
  await space.create('Pool', 'mute', fixedPool(1, target.podTemplate(), { recycleStrategy: { type: 'Noop' } }));
  await space.untilWarm('warm', 2);
  await space.untilWarm('mute', 1);
  const stubborn = { spec: { process: { command: ['sh', '-c', 'trap "" TERM; echo ready; while :; do sleep 1; done'] } } };
  await space.create('BatchSandbox', 'stubborn', { replicas: 2, poolRef: 'warm', taskTemplate: stubborn });
  await space.create('BatchSandbox', 'unheard', { replicas: 1, poolRef: 'mute', taskTemplate: stubborn });
  const running = await space.until('BatchSandbox', 'stubborn', (batch) => {
    expect(batch.status?.taskStates).toBe('RR');
    expect(endpointsOf(batch)).toHaveLength(2);
  });
  await inParallel(endpointsOf(running), 2, (ip) => until(async () => expect((await readTasks(target, ip))[0]?.processStatus?.running).toBeDefined()));
  await until(async () => expect(await readTaskOutput(target, endpointsOf(running)[0] ?? '', 'stubborn-0')).toBe('ready\n'));
  await space.untilDelivered('unheard');
  const held = await space.list('Pod');

  await space.delete('BatchSandbox', 'unheard');
  await space.delete('BatchSandbox', 'stubborn');
  // While the tasks run, the batch is guarded and holds its pods: nobody else may get one.
  const ending = await space.get('BatchSandbox', 'stubborn');
  expect(ending.metadata.finalizers).toEqual(expect.arrayContaining([Finalizer.taskCleanup, Finalizer.poolAllocation]));
  await space.until('Pool', 'warm', ({ status }) => expect(status).toMatchObject({ allocated: 2, available: 0 }));
  await space.untilGone('BatchSandbox', 'stubborn', 10_000 + PATIENCE_MS);
  expect(await inParallel(endpointsOf(running), 2, (ip) => readTasks(target, ip))).toEqual([[], []]);
  await space.untilWarm('warm', 2);

  await space.untilGone('BatchSandbox', 'unheard', 30_000 + PATIENCE_MS);
  await space.expectEvent('unheard', 'TaskStopTimeout');
  await space.untilWarm('mute', 1);
  const left = (await space.list('Pod')).map(({ metadata }) => metadata.uid);
  const survivors = held.filter(({ metadata }) => left.includes(metadata.uid)).map(({ metadata }) => metadata.name.replace(/-[^-]+$/, ''));
  expect(survivors).toEqual(['warm', 'warm']);
}, 300_000);

test('batches whose pool has gone by force are deleted, and their slots say PoolNotFound (R121, R123)', async () => {
  const space = await cluster.newSimulatedSpace();
  await space.create('Pool', 'warm', fixedPool(2, handMadeTemplate()));
  await space.untilWarm('warm', 2);
  await space.create('BatchSandbox', 'left', { replicas: 2, poolRef: 'warm' });
  await space.untilDelivered('left');
  await space.delete('Pool', 'warm');
  await space.patch('Pool', 'warm', { metadata: { finalizers: null } });
  await space.untilGone('Pool', 'warm');
  // The pods go with their owner.
  await until(async () => expect(await space.list('Pod')).toEqual([]));
  await space.until('BatchSandbox', 'left', (batch) => {
    expect(batch.status).toMatchObject({ replicas: 0, ready: 0, phase: 'Pending' });
    expect(batch.status?.conditions).toContainEqual(expect.objectContaining({ type: 'PoolAllocationPending', reason: 'PoolNotFound' }));
  });
  await space.delete('BatchSandbox', 'left');
  await space.untilGone('BatchSandbox', 'left');
});

test('a batch made again under its old name inherits neither pods nor tasks (R111)', async () => {
  const space = await cluster.newSpace();
  await space.create('Pool', 'warm', fixedPool(2, cluster.target.podTemplate({ executor: true })));
  await space.untilWarm('warm', 2);
  const spec = (text: string) => ({ replicas: 1, poolRef: 'warm', taskTemplate: { spec: { process: { command: ['echo', text] } } } });
  const untilDone = () =>
    space.until('BatchSandbox', 'phoenix', (batch) => {
      expect(batch.status).toMatchObject({ taskStates: 'S', ready: 1 });
      expect(endpointsOf(batch)).toHaveLength(1);
    });
  await space.create('BatchSandbox', 'phoenix', spec('first'));
  const first = await untilDone();
  await space.delete('BatchSandbox', 'phoenix');
  await space.untilGone('BatchSandbox', 'phoenix');
  await space.create('BatchSandbox', 'phoenix', spec('second'));
  const second = await untilDone();
  expect(recordedUIDsOf(second)).not.toEqual(recordedUIDsOf(first));
  expect(await readTaskOutput(cluster.target, endpointsOf(second)[0] ?? '', 'phoenix-0')).toBe('second\n');
});

test('an operator killed in the middle of a burst gives no pod twice, delivers all, runs no task twice, and takes all back (R99, R100, R103)', async () => {
  const space = await cluster.newSpace();
  const { target } = cluster;
  const returning = await newReturningPod(space);
  await space.create('Pool', 'warm', fixedPool(4, target.podTemplate({ executor: true })));
  await space.untilWarm('warm', 4, 40_000);
  const podsOfPool = async () => (await space.list('Pod')).filter(({ metadata }) => metadata.labels?.[Label.poolName] === 'warm').map(({ metadata }) => metadata.uid ?? '');
  const pods = (await podsOfPool()).sort();
  const names = Array.from({ length: 4 }, (_, index) => `batch-${index}`);
  const ofBurst = async () => (await space.list('BatchSandbox')).filter(({ spec }) => spec.poolRef === 'warm');
  // A file of the pod says how often the task has run in it.
  const count = 'echo run >> ran-here; grep -c run ran-here';
  const create = (name: string) => space.create('BatchSandbox', name, { replicas: 1, poolRef: 'warm', taskTemplate: { spec: { process: { command: ['sh', '-c', count] } } } });

  await Promise.all(names.slice(0, 2).map(create));
  const early = await until(async () => {
    const delivered = (await ofBurst()).filter((batch) => endpointsOf(batch).length === 1);
    expect(delivered.length).toBeGreaterThan(0);
    return delivered;
  });
  const burst = Promise.all(names.slice(2).map(create));
  await target.killOperator();
  await burst;

  const done = await until(async () => {
    const batches = await ofBurst();
    expect(batches.map(({ status }) => status?.taskStates)).toEqual(names.map(() => 'S'));
    expect(batches.map((batch) => endpointsOf(batch).filter((ip) => ip !== '').length)).toEqual(names.map(() => 1));
    return batches;
  }, 45_000);
  expect(done.flatMap((batch) => recordedUIDsOf(batch)).sort()).toEqual(pods);
  for (const before of early) {
    const after = done.find(({ metadata }) => metadata.name === before.metadata.name);
    expect(after && { uids: recordedUIDsOf(after), endpoints: endpointsOf(after) }).toEqual({ uids: recordedUIDsOf(before), endpoints: endpointsOf(before) });
  }
  const slots = done.flatMap((batch) => endpointsOf(batch).map((ip, slot) => ({ ip, task: `${batch.metadata.name}-${slot}` })));
  const outputs = await inParallel(slots, 8, ({ ip, task }) => readTaskOutput(target, ip, task));
  expect(outputs).toEqual(slots.map(() => '1\n'));

  // And again while everything is being given back.
  await Promise.all(names.map((name) => space.delete('BatchSandbox', name)));
  await target.killOperator();
  await until(async () => expect(await ofBurst()).toEqual([]), 45_000);
  await space.until('Pool', 'warm', ({ status }) => expect(status).toMatchObject({ total: 4, allocated: 0, available: 4 }), 40_000);
  const after = await podsOfPool();
  expect(after).toHaveLength(4);
  expect(after.filter((uid) => pods.includes(uid))).toEqual([]); // Delete: nobody gets a used pod
  await returning.expectFinished();
}, 300_000);

/** A pod in the middle of its recycle, which takes as long as the test wants, and a batch that waits for a pod of the same pool. */
async function newReturningPod(space: Space): Promise<{ expectFinished(): Promise<void> }> {
  const setConfig = (config: object) => space.patch('Pool', 'slow', { metadata: { annotations: { [Annotation.restartConfig]: JSON.stringify(config) } } });
  const recordOf = async (pod: string) => (JSON.parse((await space.get('Pod', pod)).metadata.annotations?.[Annotation.restartRecord] ?? '{}') as Record<string, unknown>);
  await space.create('Pool', 'slow', fixedPool(1, cluster.target.podTemplate(), { recycleStrategy: { type: 'Restart' } }));
  await setConfig({ retryInterval: '1h' });
  await space.create('BatchSandbox', 'giver', { replicas: 1, poolRef: 'slow' });
  const [pod = ''] = mirroredPodsOf(await space.untilDelivered('giver'));
  await space.delete('BatchSandbox', 'giver');
  const record = await until(async () => {
    const seen = await recordOf(pod);
    expect(seen).toMatchObject({ retryCount: 0 });
    return seen;
  });
  await space.create('BatchSandbox', 'taker', { replicas: 1, poolRef: 'slow' });
  return {
    expectFinished: async () => {
      expect(recordedUIDsOf(await space.get('BatchSandbox', 'taker'))).toEqual([]);
      expect(await recordOf(pod)).toEqual(record);
      await setConfig({ retryInterval: '1s', maxRetries: 0 });
      await space.untilGone('BatchSandbox', 'giver');
      expect(mirroredPodsOf(await space.untilDelivered('taker', 40_000))).not.toEqual([pod]);
    },
  };
}
