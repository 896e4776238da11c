import { buildArchives } from '../../images/archives';
import { programImages } from '../../images/program-images';
import type { BatchSandbox } from '../../src/schema/batch-sandbox';
import { loadImages } from '../cluster/node/run-on-node';
import { readTaskOutput } from '../support/executor';
import { Gate } from '../support/gate';
import { type SharedCluster, sharedCluster, targetOf } from '../targets/kubernetes-cluster';
import { installRuntime, renderRuntime } from '../targets/operator-on-node';
import { OPERATOR_NAMESPACE } from '../support/operator-identity';
import { fixedPool } from '../support/pool-spec';
import { endpointsOf, recordedUIDsOf, Space } from '../support/space';
import type { Target } from '../support/target';
import { inParallel, until } from '../support/waiting';

/** Sandboxes of the fleet. */
const SIZE = 100;
/** Those of them that start at a time: more would keep the processors from the pods of other tests, and be Ready no sooner. */
const AT_ONCE = 16;
/** Those of them with a task that runs while the operator is replaced; each task costs as much processor time as a third of a pod. */
const RUNNING = 20;
/** Longest wait for so many pods of two containers on one node, in ms, before the patience of this project is counted in. */
const POOL_WITHIN_MS = 60_000;
/** A version of the operator that follows the one of this package. */
const NEXT_VERSION = '99.0.0';

let cluster: SharedCluster;
let target: Target;
let space: Space;
const gates: Gate[] = [];

beforeAll(async () => {
  cluster = await sharedCluster();
  target = targetOf(cluster);
  space = await Space.create(target);
  await space.create('Pool', 'warm', fixedPool(SIZE, target.podTemplate({ executor: true, env: [{ name: 'WHERE', value: 'sandbox' }] }), { recycleStrategy: { type: 'Noop' }, scaleStrategy: { maxUnavailable: AT_ONCE } }));
  await space.untilWarm('warm', SIZE, POOL_WITHIN_MS);
});

afterAll(async () => {
  for (const gate of gates) gate.close();
  await space?.drop(); // the end of the run waits for it
  await target?.stop();
});

/** A task that notes each of its runs in a file of its sandbox, waits at a gate, tells the number of its runs, and then does what it is for. */
const patientTask = (batch: string, { url }: Gate, work = 'true') => ({
  spec: { process: { command: ['sh', '-c', `echo run >> /ran-${batch}; wget -q -O /dev/null ${url} && grep -c run /ran-${batch} && ${work}`] } },
});

const untilStates = (name: string, states: string) =>
  space.until('BatchSandbox', name, (batch) => {
    expect(batch.status?.taskStates).toBe(states);
    expect(endpointsOf(batch).filter((ip) => ip !== '')).toHaveLength(states.length);
  }, POOL_WITHIN_MS);

const outputsOf = (batch: BatchSandbox) => inParallel([...endpointsOf(batch).entries()], 8, ([slot, ip]) => readTaskOutput(target, ip, `${batch.metadata.name}-${slot}`));

/** Identity and restarts of all pods of the namespace. */
async function lives(): Promise<readonly string[]> {
  const { stdout } = await space.kubectl(['get', 'pods', '--output=jsonpath={range .items[*]}{.metadata.uid} {.status.containerStatuses[*].restartCount}{"\\n"}{end}']);
  return stdout.trim().split('\n').sort();
}

test('a hundred sandboxes of two containers each run a task of their own in the main container, although the operator is killed amid their delivery: the other replica finishes the batch, each sandbox is in it once, and no task runs twice (R99, R103)', async () => {
  const gate = await newGate();
  const shards = Array.from({ length: SIZE }, (_, slot) => ({ spec: { process: { args: [`shard ${slot}`] } } }));
  await space.create('BatchSandbox', 'fleet', {
    replicas: SIZE,
    poolRef: 'warm',
    taskTemplate: patientTask('fleet', gate, 'echo "$0 in $WHERE by $(id -u)"; test -e /www/index.html'),
    shardTaskPatches: shards,
  });
  await target.killOperator();
  await untilStates('fleet', 'R'.repeat(SIZE));
  gate.open();
  await untilStates('fleet', 'S'.repeat(SIZE));
  const batch = await space.untilDelivered('fleet'); // a pod of a busy node may be late to answer its probe
  expect(batch.status).toMatchObject({ replicas: SIZE, allocated: SIZE, ready: SIZE, taskSucceed: SIZE, taskFailed: 0, taskRunning: 0, taskPending: 0, taskUnknown: 0 });
  expect(new Set(recordedUIDsOf(batch)).size).toBe(SIZE);
  expect(await outputsOf(batch)).toEqual(shards.map((_, slot) => `1\nshard ${slot} in sandbox by 0\n`));
  await space.delete('BatchSandbox', 'fleet');
  await space.untilGone('BatchSandbox', 'fleet', POOL_WITHIN_MS);
  await space.untilWarm('warm', SIZE, POOL_WITHIN_MS);
});

test('a new version of operator and CRDs disturbs no sandbox and no task, and delivers', async () => {
  const gate = await newGate();
  await space.create('BatchSandbox', 'running', { replicas: RUNNING, poolRef: 'warm', taskTemplate: patientTask('running', gate) });
  const before = await untilStates('running', 'R'.repeat(RUNNING));
  const livesBefore = await lives();

  const next = (await programImages(NEXT_VERSION)).filter(({ name }) => name.includes('/sandbox-operator:'));
  const image = next[0]?.name;
  await loadImages(cluster.node, (await buildArchives(next)).map(({ archive }) => archive));
  // What a later version does: it adds a field.
  const manifest = renderRuntime({ image }).replace(/^( +)(poolRef:\n)/m, '$1laterField:\n$1  type: string\n$1$2');
  expect(manifest).toContain('laterField');
  await installRuntime(cluster, manifest);

  await until(async () => {
    const { stdout } = await target.kubectl(['get', 'pods', `--namespace=${OPERATOR_NAMESPACE}`, '--selector=control-plane=controller-manager', '--output=jsonpath={.items[*].spec.containers[0].image}']);
    expect(stdout).toBe(`${image} ${image}`); // the old ones are gone
  });
  await space.create('BatchSandbox', 'later', { replicas: 50, poolRef: 'warm' });
  await space.untilDelivered('later');
  await space.patch('BatchSandbox', 'later', { spec: { laterField: 'known now' } });
  expect((await space.get('BatchSandbox', 'later')).spec).toMatchObject({ laterField: 'known now' });
  const after = await untilStates('running', 'R'.repeat(RUNNING));
  expect([recordedUIDsOf(after), endpointsOf(after)]).toEqual([recordedUIDsOf(before), endpointsOf(before)]);
  expect(await lives()).toEqual(livesBefore);

  gate.open();
  expect(await outputsOf(await untilStates('running', 'S'.repeat(RUNNING)))).toEqual(Array.from({ length: RUNNING }, () => '1\n'));
  for (const name of ['running', 'later']) await space.delete('BatchSandbox', name);
  for (const name of ['running', 'later']) await space.untilGone('BatchSandbox', name, POOL_WITHIN_MS);
  await space.untilWarm('warm', SIZE, POOL_WITHIN_MS);
});

test('a pool of a hundred goes with all its pods; the end of the run sees that nothing of them is left on the node', async () => {
  await space.delete('Pool', 'warm');
  await space.untilGone('Pool', 'warm', POOL_WITHIN_MS);
  await until(async () => expect(await space.list('Pod')).toEqual([]), POOL_WITHIN_MS);
});

/** A closed gate that pods reach. */
async function newGate(): Promise<Gate> {
  const gate = await Gate.listen(cluster.node.network.host);
  gates.push(gate);
  return gate;
}
