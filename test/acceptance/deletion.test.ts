import type { PodTemplateSpec } from '../../src/schema/kubernetes';
import { useCluster } from '../targets/cluster-under-test';
import { handMadeTemplate, makeReady } from '../support/hand-made-pods';
import { fixedPool } from '../support/pool-spec';
import { conditionOf, type Space } from '../support/space';
import { inParallel, until } from '../support/waiting';

const cluster = useCluster();

/** `--task-stop-timeout` and 30 s: the longest deletion of a batch, whatever is out of reach (R119). */
const GONE_WITHIN_MS = 60_000;

type Named = readonly ['Pool' | 'BatchSandbox', string];

/** Pools by how they treat a pod that comes back, and one sandbox of each and of none, with a task and without. */
const POOLS = [true, false].flatMap((hasTask) => (['Delete', 'Noop'] as const).map((type) => ({ name: nameOf(type, hasTask), type, hasTask })));
const BATCHES = [...POOLS.map(({ name, hasTask }) => ({ name, poolRef: name, hasTask })), ...[true, false].map((hasTask) => ({ name: nameOf('own', hasTask), poolRef: undefined, hasTask }))];

function nameOf(kind: string, hasTask: boolean): string {
  return `${kind.toLowerCase()}-${hasTask ? 'task' : 'plain'}`;
}

const pools = POOLS.map(({ name }): Named => ['Pool', name]);
const batches = BATCHES.map(({ name }): Named => ['BatchSandbox', name]);

/** Makes them all, those with a task of pods with this template. */
async function create(space: Space, withTask: PodTemplateSpec, plain = handMadeTemplate()): Promise<void> {
  const templateOf = (hasTask: boolean) => (hasTask ? withTask : plain);
  for (const { name, type, hasTask } of POOLS) await space.create('Pool', name, fixedPool(1, templateOf(hasTask), { recycleStrategy: { type } }));
  const taskTemplate = { spec: { process: { command: ['sleep', '600'] } } };
  for (const { name, poolRef, hasTask } of BATCHES) {
    await space.create('BatchSandbox', name, { replicas: 1, ...(poolRef === undefined ? { template: templateOf(hasTask) } : { poolRef }), ...(hasTask && { taskTemplate }) });
  }
}

/** Waits until all are delivered, and their tasks are in this state. */
async function untilDelivered(space: Space, taskState: string): Promise<void> {
  for (const { name, hasTask } of BATCHES) {
    await space.untilDelivered(name);
    if (hasTask) await space.until('BatchSandbox', name, ({ status }) => expect(status?.taskStates).toBe(taskState));
  }
}

async function deleteAll(space: Space, objects: readonly Named[]): Promise<void> {
  for (const [kind, name] of objects) await space.delete(kind, name);
}

async function untilGone(space: Space, objects: readonly Named[]): Promise<void> {
  await inParallel(objects, objects.length, ([kind, name]) => space.untilGone(kind, name, GONE_WITHIN_MS));
}

const untilNoPods = (space: Space) => until(async () => expect(await space.list('Pod')).toEqual([]));

test.each([
  { order: 'the pools first', objects: [...pools, ...batches] },
  { order: 'the batches first', objects: [...batches, ...pools] },
])('everything can be deleted, $order (R47, R119, R120)', async ({ objects }) => {
  const space = await cluster.newSimulatedSpace();
  await create(space, cluster.target.podTemplate({ executor: true }));
  await untilDelivered(space, 'R');
  await deleteAll(space, objects);
  await untilGone(space, objects);
  await untilNoPods(space);
});

test('everything can be deleted at once, also while the operator is killed, and with the namespace (R119, R120, R121)', async () => {
  const [space, other] = [await cluster.newSimulatedSpace(), await cluster.newSimulatedSpace()];
  for (const each of [space, other]) {
    await create(each, cluster.target.podTemplate({ executor: true }));
    await untilDelivered(each, 'R');
  }
  const killed = cluster.target.killOperator();
  await Promise.all([...batches, ...pools].map((object) => deleteAll(space, [object])));
  const removed = other.remove();
  await killed;
  await untilGone(space, [...batches, ...pools]);
  await untilNoPods(space);
  await removed;
}, 200_000);

test('everything can be deleted although no executor answers, or the node of the pods is gone (R48, R49, R51, R119, R120, R123)', async () => {
  await Promise.all([deleteWithoutExecutors(), deleteWithoutNode()]); // both wait for the time that a stop may take
}, 200_000);

async function deleteWithoutExecutors(): Promise<void> {
  const space = await cluster.newSimulatedSpace();
  await create(space, cluster.target.podTemplate());
  await untilDelivered(space, 'U');
  await deleteAll(space, [...batches, ...pools]);
  await untilGone(space, [...batches, ...pools]);
  await untilNoPods(space);
}

async function deleteWithoutNode(): Promise<void> {
  const space = await cluster.newSpace();
  const template = { spec: { nodeName: 'gone', terminationGracePeriodSeconds: 1, containers: [{ name: 'main', image: 'none' }] } };
  await create(space, template, template);
  await until(async () => {
    await makeReady(space);
    expect((await space.list('Pod')).filter(({ status }) => status?.phase === 'Running')).toHaveLength(6);
  });
  await untilDelivered(space, 'U');
  await deleteAll(space, [...pools, ...batches]);
  await untilGone(space, [...pools, ...batches]);
  // Only the pods stay until somebody clears up after the node, and nothing of ours holds them.
  const left = await space.list('Pod');
  expect(left.filter(({ metadata }) => metadata.deletionTimestamp === undefined || (metadata.finalizers ?? []).length > 0)).toEqual([]);
  for (const { metadata } of left) await cluster.target.request('DELETE', `${space.path('Pod', metadata.name)}?gracePeriodSeconds=0`);
  await untilNoPods(space);
}

test('a batch can be deleted when its container crashes, when its pods are given back, and when it was not accepted (R119, R124)', async () => {
  const space = await cluster.newSpace();
  const { target } = cluster;
  await space.create('BatchSandbox', 'crashing', { replicas: 1, template: target.podTemplate({ command: ['false'] }) });
  await space.create('BatchSandbox', 'completed', {
    replicas: 1,
    template: target.podTemplate({ executor: true }),
    taskTemplate: { spec: { process: { command: ['true'] } } },
    taskResourcePolicyWhenCompleted: 'Release',
  });
  await space.create('BatchSandbox', 'refused', { replicas: 1, template: { spec: { containers: [] } } });
  await space.until('BatchSandbox', 'crashing', ({ status }) => expect(status?.phase).toBe('Failed'));
  await space.until('BatchSandbox', 'completed', (batch) => expect(conditionOf(batch, 'Completed')).toMatchObject({ status: 'True' }));
  await space.until('BatchSandbox', 'refused', (batch) => expect(conditionOf(batch, 'Accepted')).toMatchObject({ status: 'False' }));
  const objects = ['crashing', 'completed', 'refused'].map((name): Named => ['BatchSandbox', name]);
  await deleteAll(space, objects);
  await untilGone(space, objects);
  await untilNoPods(space);
});
