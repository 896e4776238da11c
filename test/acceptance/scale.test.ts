import { useCluster } from '../targets/cluster-under-test';
import { handMadeTemplate } from '../support/hand-made-pods';
import { readTasks } from '../support/executor';
import { fixedPool } from '../support/pool-spec';
import { conditionOf, endpointsOf, mirroredPodsOf, recordedUIDsOf } from '../support/space';
import { until } from '../support/waiting';

const cluster = useCluster();

test('scaling a pooled batch up adds slots at the end, and scaling it down takes the highest away (R20, R21)', async () => {
  const space = await cluster.newSimulatedSpace();
  await space.create('Pool', 'warm', fixedPool(6, handMadeTemplate()));
  await space.untilWarm('warm', 6);
  await space.create('BatchSandbox', 'fleet', { replicas: 3, poolRef: 'warm' });
  const three = await space.untilDelivered('fleet');

  await space.patch('BatchSandbox', 'fleet', { spec: { replicas: 6 } });
  const six = await space.untilDelivered('fleet');
  expect(recordedUIDsOf(six).slice(0, 3)).toEqual(recordedUIDsOf(three));
  expect(endpointsOf(six).slice(0, 3)).toEqual(endpointsOf(three));

  await space.patch('BatchSandbox', 'fleet', { spec: { replicas: 2 } });
  const two = await space.until('BatchSandbox', 'fleet', (batch) => {
    expect(batch.status).toMatchObject({ replicas: 2, allocated: 2, ready: 2 });
    expect(endpointsOf(batch)).toEqual(endpointsOf(six).slice(0, 2));
    expect(mirroredPodsOf(batch)).toEqual(mirroredPodsOf(six).slice(0, 2));
  });
  expect(recordedUIDsOf(two)).toEqual(recordedUIDsOf(six).slice(0, 2));
  // Delete is the default of recycleStrategy: what came back is replaced by new pods.
  await space.until('Pool', 'warm', ({ status }) => expect(status).toMatchObject({ total: 6, allocated: 2, available: 4 }));
  const uids = (await space.list('Pod')).map(({ metadata }) => metadata.uid);
  expect(recordedUIDsOf(six).filter((uid) => uids.includes(uid))).toEqual(recordedUIDsOf(two));
});

test('a batch without a pool grows and shrinks by its highest pods (R20, R21)', async () => {
  const space = await cluster.newSimulatedSpace();
  const podNames = async () => (await space.list('Pod')).map(({ metadata }) => metadata.name).sort();
  await space.create('BatchSandbox', 'own', { replicas: 2, template: handMadeTemplate() });
  const two = await space.untilDelivered('own');
  await space.patch('BatchSandbox', 'own', { spec: { replicas: 4 } });
  const four = await space.untilDelivered('own');
  expect(endpointsOf(four).slice(0, 2)).toEqual(endpointsOf(two));
  expect(await podNames()).toEqual(['own-0', 'own-1', 'own-2', 'own-3']);

  await space.patch('BatchSandbox', 'own', { spec: { replicas: 1 } });
  await until(async () => expect(await podNames()).toEqual(['own-0']));
  const one = await space.untilDelivered('own');
  expect(endpointsOf(one)).toEqual(endpointsOf(two).slice(0, 1));
});

test('replicas 0 is phase Pending without pods, and a batch can be scaled from it and back (R9)', async () => {
  const space = await cluster.newSimulatedSpace();
  await space.create('Pool', 'warm', fixedPool(2, handMadeTemplate()));
  await space.untilWarm('warm', 2);
  await space.create('BatchSandbox', 'fleet', { replicas: 0, poolRef: 'warm' });
  const isEmpty = (batch: Parameters<typeof conditionOf>[0] & { spec: object }) => {
    expect(batch.status).toMatchObject({ replicas: 0, allocated: 0, ready: 0, phase: 'Pending', observedGeneration: batch.metadata.generation });
    expect(conditionOf(batch, 'PoolAllocationPending')).toBeUndefined();
  };
  await space.until('BatchSandbox', 'fleet', isEmpty);
  await space.patch('BatchSandbox', 'fleet', { spec: { replicas: 2 } });
  await space.untilDelivered('fleet');
  await space.patch('BatchSandbox', 'fleet', { spec: { replicas: 0 } });
  const empty = await space.until('BatchSandbox', 'fleet', (batch) => {
    isEmpty(batch);
    expect(endpointsOf(batch)).toEqual([]);
  });
  expect(recordedUIDsOf(empty)).toEqual([]);
  await space.untilWarm('warm', 2);
});

test('growing again gives new pods and runs the tasks of those slots again (R21)', async () => {
  const space = await cluster.newSpace();
  const { target } = cluster;
  await space.create('BatchSandbox', 'tasks', {
    replicas: 2,
    template: target.podTemplate({ executor: true }),
    taskTemplate: { spec: { process: { command: ['sh', '-c', 'echo "$SANDBOX_TASK_ID"'] } } },
  });
  const untilAll = (states: string) => space.until('BatchSandbox', 'tasks', ({ status }) => expect(status?.taskStates).toBe(states));
  await untilAll('SS');
  const uidOfSlot1 = async () => (await space.find('Pod', 'tasks-1'))?.metadata.uid;
  const first = await uidOfSlot1();

  await space.patch('BatchSandbox', 'tasks', { spec: { replicas: 1 } });
  await untilAll('S');
  await space.untilGone('Pod', 'tasks-1');
  await space.patch('BatchSandbox', 'tasks', { spec: { replicas: 2 } });
  await untilAll('SS');
  const again = await space.untilDelivered('tasks');
  expect(again.status).toMatchObject({ taskStates: 'SS', taskSucceed: 2 });
  expect(await uidOfSlot1()).not.toBe(first);
  const ip = endpointsOf(again)[1] ?? '';
  expect((await readTasks(target, ip)).map(({ name }) => name)).toEqual(['tasks-1']);
});

test('scaling down stops the task of a slot before its pod goes (R21)', async () => {
  const space = await cluster.newSpace();
  await space.create('Pool', 'warm', fixedPool(2, cluster.target.podTemplate({ executor: true }), { recycleStrategy: { type: 'Noop' } }));
  await space.untilWarm('warm', 2);
  await space.create('BatchSandbox', 'busy', { replicas: 2, poolRef: 'warm', taskTemplate: { spec: { process: { command: ['sleep', '600'] } } } });
  const running = await space.until('BatchSandbox', 'busy', (batch) => {
    expect(batch.status).toMatchObject({ taskStates: 'RR', taskRunning: 2 });
    expect(endpointsOf(batch).filter((ip) => ip !== '')).toHaveLength(2);
  });
  await space.patch('BatchSandbox', 'busy', { spec: { replicas: 1 } });
  await space.until('BatchSandbox', 'busy', ({ status }) => expect(status).toMatchObject({ taskStates: 'R', taskRunning: 1, replicas: 1 }));
  // With Noop the pod lives on, so its executor can be asked: it holds no task any more.
  expect(await readTasks(cluster.target, endpointsOf(running)[1] ?? '')).toEqual([]);
  await space.untilWarm('warm', 1);
});

test.each([
  ['kubectl scale', ['scale', 'batchsandbox/fleet', '--replicas=3']],
  ['kubectl patch', ['patch', 'batchsandbox', 'fleet', '--type=merge', '-p', '{"spec":{"replicas":3}}']],
])('%s changes the number of sandboxes', async (_name, args) => {
  const space = await cluster.newSimulatedSpace();
  await space.create('Pool', 'warm', fixedPool(3, handMadeTemplate()));
  await space.untilWarm('warm', 3);
  await space.create('BatchSandbox', 'fleet', { replicas: 1, poolRef: 'warm' });
  const one = await space.untilDelivered('fleet');
  expect(await space.kubectl(args)).toMatchObject({ exitCode: 0, stderr: '' });
  const three = await space.until('BatchSandbox', 'fleet', ({ status }) => expect(status?.ready).toBe(3));
  expect(recordedUIDsOf(three).slice(0, 1)).toEqual(recordedUIDsOf(one));
});
