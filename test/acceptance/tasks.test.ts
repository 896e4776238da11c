import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { findMarked, sendSignal } from '../../local/nodes/marked-processes';
import type { Pod } from '../../src/schema/kubernetes';
import { EXECUTOR_CONTAINER, Finalizer } from '../../src/schema/names';
import { useCluster } from '../targets/cluster-under-test';
import { readTaskOutput, readTasks, setTasks } from '../support/executor';
import { handMadeTemplate } from '../support/hand-made-pods';
import { fixedPool } from '../support/pool-spec';
import { conditionOf, endpointsOf, recordedUIDsOf, type Space } from '../support/space';
import { actingSince } from '../support/take-over';
import { inParallel, until, withPatience } from '../support/waiting';

const cluster = useCluster();

/** Waits until the states of a batch's tasks are these, and all its sandboxes are published. */
function untilStates(batch: string, states: string, of = space) {
  return of.until('BatchSandbox', batch, (object) => {
    expect(object.status?.taskStates).toBe(states);
    expect(endpointsOf(object)).toHaveLength(states.length);
  });
}

/** Variable by which a test finds the process of a task. */
const TASK_MARK = 'MARK_OF_A_TEST';
/** Sandboxes of the pool: as many as the largest batch of a test takes. */
const SIZE = 7;
/** Longest wait for the first of them in ms, before the patience of the cluster is counted in: other files start many more on the same node. */
const POOL_WITHIN_MS = 50_000;

/** A namespace with one pool for most tests. A pod comes back to it as it is, without tasks: new ones for each test would show nothing more. */
let space: Space;
beforeAll(async () => {
  space = await cluster.newSharedSpace();
  await space.create('Pool', 'warm', fixedPool(SIZE, cluster.target.podTemplate({ executor: true, env: [{ name: 'FROM_POD', value: 'pod' }] }), { recycleStrategy: { type: 'Noop' } }));
  await space.untilWarm('warm', SIZE, POOL_WITHIN_MS);
});
afterEach(async () => {
  const names = (await space.list('BatchSandbox')).map(({ metadata }) => metadata.name);
  for (const name of names) await space.delete('BatchSandbox', name);
  for (const name of names) await space.untilGone('BatchSandbox', name);
  await space.untilWarm('warm', SIZE);
});

/** Has a batch hold all pods but so many, which are returned. */
async function leaveIdle(count: number): Promise<readonly Pod[]> {
  await space.create('BatchSandbox', 'others', { replicas: SIZE - count, poolRef: 'warm' });
  const held = recordedUIDsOf(await space.untilDelivered('others'));
  return (await space.list('Pod')).filter(({ metadata: { uid = '' } }) => !held.includes(uid));
}

const shell = (script: string) => ({ command: ['sh', '-c', script] });

test('an executor answers the operator and nobody else, without a word of it in the template (R136, X25, X27)', async () => {
  await space.create('BatchSandbox', 'signed', { replicas: 1, poolRef: 'warm', taskTemplate: { spec: { process: shell('echo "[$AUTH_PUBLIC_KEY]"') } } });
  const [ip = ''] = endpointsOf(await untilStates('signed', 'S'));
  const answers = await inParallel(['/getTasks', '/tasks/signed-0/logs', '/version'], 3, async (path) => (await fetch(`${cluster.target.executorUrl(ip)}${path}`)).status);
  expect(answers).toEqual([401, 401, 401]);
  const setting = await fetch(`${cluster.target.executorUrl(ip)}/setTasks`, { method: 'POST', body: '[]' });
  expect(setting.status).toBe(401);
  expect(await readTaskOutput(cluster.target, ip, 'signed-0')).toBe('[]\n');
});

test('an executor with a key of its own is not commanded, and an event says what to do (R136)', async () => {
  const own = await cluster.newSpace();
  const template = cluster.target.podTemplate({ executor: true });
  const publicKey = generateKeyPairSync('ed25519').publicKey.export({ format: 'pem', type: 'spki' }).toString();
  const env = [{ name: 'AUTH_PUBLIC_KEY', value: publicKey }, { name: 'AUTH_AUDIENCE', value: 'mine' }];
  const containers = template.spec?.containers?.map((container) => (container.name === EXECUTOR_CONTAINER ? { ...container, env } : container));
  await own.create('Pool', 'own', fixedPool(1, { ...template, spec: { ...template.spec, containers } }));
  await own.create('BatchSandbox', 'refused', { replicas: 1, poolRef: 'own', taskTemplate: { spec: { process: { command: ['true'] } } } });
  await own.expectEvent('refused', 'ExecutorUnauthorized', { message: expect.stringContaining('delete these pods, or give the operator the key that they know') as string });
  await untilStates('refused', 'U', own);
  // Nobody can stop the task of such a pod, so the batch would wait for it before it goes.
  await own.delete('Pool', 'own');
  for (const { metadata } of await own.list('Pod')) await own.delete('Pod', metadata.name);
});

test('one template with a patch for each shard gives each sandbox its own task and its own result; what it holds is told to nobody (R24, R25, R26, R29, R31, R33, R135, X1, X5)', async () => {
  const secret = 'correct-horse-battery-staple';
  await space.create('BatchSandbox', 'mixed', {
    replicas: 7,
    poolRef: 'warm',
    taskTemplate: { spec: { process: { ...shell('echo "$KIND $FROM_POD"'), env: [{ name: 'KIND', value: 'default' }, { name: 'OTHER', value: secret }] } } },
    shardTaskPatches: [
      { spec: { process: { args: ['ignored-zero'] } } },
      { spec: { process: { env: [{ name: 'KIND', value: 'patched' }] } } },
      { spec: { process: { command: ['sh', '-c', 'echo before; exit 3', secret] } } },
      { spec: { process: { command: [`no-such-program-${secret}`] } } },
      { spec: { process: { command: `${secret} is no list` } } },
      null,
    ],
  });
  const batch = await untilStates('mixed', 'SSFFFSS');
  expect(batch.status).toMatchObject({ taskSucceed: 4, taskFailed: 3, taskRunning: 0, taskPending: 0, taskUnknown: 0, phase: 'Succeed', ready: 7 });
  expect([...(batch.metadata.finalizers ?? [])].sort()).toEqual([Finalizer.taskCleanup, Finalizer.poolAllocation].sort());

  const outputs = await inParallel([0, 1, 2, 5, 6], 5, (slot) => readTaskOutput(cluster.target, endpointsOf(batch)[slot] ?? '', `mixed-${slot}`));
  expect(outputs).toEqual(['default pod\n', 'patched pod\n', 'before\n', 'default pod\n', 'default pod\n']);

  const ends = await inParallel([2, 3], 2, async (slot) => (await readTasks(cluster.target, endpointsOf(batch)[slot] ?? ''))[0]?.processStatus?.terminated);
  expect(ends).toMatchObject([
    { exitCode: 3, reason: 'Failed' },
    { exitCode: 127, reason: 'StartFailed' },
  ]);
  expect(await readTasks(cluster.target, endpointsOf(batch)[4] ?? '')).toEqual([]);
  await space.expectEvent('mixed', 'InvalidTaskPatch', { message: expect.stringContaining('shardTaskPatches[4]') as string });
  await space.expectEvent('mixed', 'TaskFailed', { message: expect.stringMatching(/among them that of slot [23]: (Failed, exit code 3|StartFailed, exit code 127)$/) as string });
  const log = await cluster.target.operatorLog();
  expect(log).toContain('"level":"info"');
  expect([log, JSON.stringify(await space.list('Event')), JSON.stringify(batch.status)].filter((text) => text.includes(secret))).toEqual([]);
});

test('shard patches without a template give tasks to their slots alone (R32)', async () => {
  await space.create('BatchSandbox', 'some', { replicas: 3, poolRef: 'warm', shardTaskPatches: [null, { spec: { process: shell('echo only me') } }] });
  const batch = await untilStates('some', '-S-');
  expect(batch.status).toMatchObject({ taskSucceed: 1, taskFailed: 0, taskRunning: 0, taskPending: 0, taskUnknown: 0 });
  expect(await readTaskOutput(cluster.target, endpointsOf(batch)[1] ?? '', 'some-1')).toBe('only me\n');
});

test('a task has its own working directory and environment, and ends as TaskTimeout when its time is over (R30, X3)', async () => {
  await space.create('BatchSandbox', 'limits', {
    replicas: 2,
    poolRef: 'warm',
    taskTemplate: { spec: { process: { ...shell('pwd; echo "$A"; echo "$B"'), workingDir: '/etc', env: [{ name: 'A', value: 'one two' }, { name: 'B', value: '$A' }] } } },
    shardTaskPatches: [null, { spec: { process: { command: ['sleep', '600'] }, timeoutSeconds: 1 } }],
  });
  const batch = await untilStates('limits', 'SF');
  const [first = '', second = ''] = endpointsOf(batch);
  expect(await readTaskOutput(cluster.target, first, 'limits-0')).toBe('/etc\none two\n$A\n');
  expect((await readTasks(cluster.target, second))[0]?.processStatus?.terminated).toMatchObject({ reason: 'TaskTimeout', exitCode: 143 });
});

test('a task is sent to a pod that has an address and is not Ready, and one that nobody reaches delays no other (R33, R39)', async () => {
  const own = await cluster.newSpace();
  // Slot 0 leads nowhere: no node takes it, and the test gives it an address.
  const shardPatches = [{ spec: handMadeTemplate().spec }];
  const template = cluster.target.podTemplate({ executor: true });
  const readinessProbe = { tcpSocket: { port: 9 }, periodSeconds: 1 }; // nobody listens there
  const containers = template.spec?.containers?.map((container) => (container.name === 'main' ? { ...container, readinessProbe } : container));
  await own.create('BatchSandbox', 'unready', { replicas: 2, template: { ...template, spec: { ...template.spec, containers } }, shardPatches, taskTemplate: { spec: { process: shell('echo early') } } });
  await until(() => own.patch('Pod', 'unready-0', { status: { phase: 'Running', podIP: '198.18.0.1' } }, 'status'));
  const batch = await untilStates('unready', 'US', own);
  const shownAt = Date.now();
  expect(batch.status).toMatchObject({ replicas: 2, ready: 0, phase: 'Pending', taskSucceed: 1, taskUnknown: 1 });
  const [, ip = ''] = endpointsOf(batch);
  expect(await readTaskOutput(cluster.target, ip, 'unready-1')).toBe('early\n');
  const { finishedAt = '' } = (await readTasks(cluster.target, ip))[0]?.processStatus?.terminated ?? {};
  expect(shownAt - (await actingSince(cluster.target, Date.parse(finishedAt)))).toBeLessThan(1_000 + withPatience(5_000)); // it has whole seconds
});

test('while tasks run the counters say so, and they add up to the number of tasks; one that has ended is not sent again (R34, R38)', async () => {
  await leaveIdle(3);
  await space.create('BatchSandbox', 'waiting', {
    replicas: 4, // one more than there are idle pods
    poolRef: 'warm',
    taskTemplate: { spec: { process: { command: ['sleep', '600'] } } },
    shardTaskPatches: [{ spec: { process: { command: ['true'] } } }],
  });
  const batch = await untilStates('waiting', 'SRRP');
  expect(batch.status).toMatchObject({ taskSucceed: 1, taskRunning: 2, taskPending: 1, taskFailed: 0, taskUnknown: 0 });
  expect(conditionOf(batch, 'PoolAllocationPending')).toMatchObject({ reason: 'PoolExhausted' });

  const [ended = ''] = endpointsOf(batch);
  await setTasks(cluster.target, ended, []);
  await until(async () => expect(await readTasks(cluster.target, ended)).toEqual([]));
  await space.patch('BatchSandbox', 'waiting', { spec: { replicas: 3 } });
  await untilStates('waiting', 'SRR');
  expect(await readTasks(cluster.target, ended)).toEqual([]);
});

test('a pod whose executor holds the task of somebody else is deleted, and its slot gets another (R35)', async () => {
  const [dirty] = await leaveIdle(1);
  await setTasks(cluster.target, dirty?.status?.podIP ?? '', [{ name: 'clean-0', uid: 'foreign', process: { command: ['true'] } }]);
  await space.create('BatchSandbox', 'clean', { replicas: 1, poolRef: 'warm', taskTemplate: { spec: { process: shell('echo mine') } } });
  const batch = await untilStates('clean', 'S');
  expect(recordedUIDsOf(batch)).not.toContain(dirty?.metadata.uid);
  expect(await readTaskOutput(cluster.target, endpointsOf(batch)[0] ?? '', 'clean-0')).toBe('mine\n');
  await space.untilGone('Pod', dirty?.metadata.name ?? '');
});

test('an edit of the template changes and restarts no task that was sent (R36)', async () => {
  await space.create('BatchSandbox', 'steady', { replicas: 1, poolRef: 'warm', taskTemplate: { spec: { process: shell('echo "pid $$"') } } });
  const before = await untilStates('steady', 'S');
  const output = await readTaskOutput(cluster.target, endpointsOf(before)[0] ?? '', 'steady-0');
  await space.patch('BatchSandbox', 'steady', { spec: { replicas: 2, taskTemplate: { spec: { process: shell('echo new') } } } });
  const after = await untilStates('steady', 'SS');
  const [first = '', second = ''] = endpointsOf(after);
  expect(first).toBe(endpointsOf(before)[0]);
  expect(await readTaskOutput(cluster.target, first, 'steady-0')).toBe(output);
  expect(await readTaskOutput(cluster.target, second, 'steady-1')).toBe('new\n');
});

test('with Retain a pod stays with the batch after its task has ended (R40)', async () => {
  await space.create('BatchSandbox', 'keeper', { replicas: 2, poolRef: 'warm', taskTemplate: { spec: { process: { command: ['true'] } } } });
  const batch = await untilStates('keeper', 'SS');
  expect(batch.status).toMatchObject({ replicas: 2, ready: 2, phase: 'Succeed' });
  expect(conditionOf(batch, 'Completed')).toBeUndefined();
  expect(recordedUIDsOf(batch)).toHaveLength(2);
});

test('with Release pods go back to the pool as their tasks end, and the batch is Completed after the last (R41, R42, R43)', async () => {
  const mark = randomUUID();
  const pods = (await space.list('Pod')).map(({ metadata }) => metadata.uid).sort();
  await space.create('BatchSandbox', 'giver', {
    replicas: 3,
    poolRef: 'warm',
    taskResourcePolicyWhenCompleted: 'Release',
    taskTemplate: { spec: { process: { command: ['true'] } } },
    shardTaskPatches: [null, { spec: { process: { command: ['false'] } } }, { spec: { process: { command: ['sleep', '600'], env: [{ name: TASK_MARK, value: mark }] } } }],
  });
  const partly = await space.until('BatchSandbox', 'giver', (batch) => {
    expect(batch.status).toMatchObject({ taskStates: 'SFR', replicas: 1, ready: 1, allocated: 1, phase: 'Succeed' });
    expect(endpointsOf(batch).map((ip) => ip !== '')).toEqual([false, false, true]);
  });
  expect(partly.status?.allocation?.slots?.slice(0, 2)).toEqual(['-', '-']);
  await space.untilWarm('warm', SIZE - 1);

  // The nodes of all clusters are parts of this machine.
  for (const task of findMarked(TASK_MARK, (value) => value === mark)) sendSignal(task, 'SIGKILL');
  const done = await space.until('BatchSandbox', 'giver', (batch) => expect(conditionOf(batch, 'Completed')).toMatchObject({ status: 'True' }));
  expect(done.status).toMatchObject({ taskStates: 'SFF', replicas: 0, ready: 0, allocated: 0, phase: 'Succeed', taskRunning: 0 });
  await space.untilWarm('warm', SIZE);
  expect((await space.list('Pod')).map(({ metadata }) => metadata.uid).sort()).toEqual(pods);
});

test('an edit from Retain to Release frees the pods of a batch without a pool (R41, R43)', async () => {
  const own = await cluster.newSpace();
  await own.create('BatchSandbox', 'own', {
    replicas: 2,
    template: cluster.target.podTemplate({ executor: true }),
    taskTemplate: { spec: { process: { command: ['true'] } } },
  });
  await untilStates('own', 'SS', own);
  await own.patch('BatchSandbox', 'own', { spec: { taskResourcePolicyWhenCompleted: 'Release' } });
  await own.until('BatchSandbox', 'own', (batch) => {
    expect(conditionOf(batch, 'Completed')).toMatchObject({ status: 'True' });
    expect(batch.status).toMatchObject({ replicas: 0, taskSucceed: 2, taskStates: 'SS', phase: 'Succeed' });
    expect(endpointsOf(batch)).toEqual(['', '']);
  });
  await until(async () => expect(await own.list('Pod')).toEqual([]));
});

test('when a pod dies, a task that ran runs again in the new pod of its slot, and one that had ended does not (R37, R113, R116)', async () => {
  await space.create('BatchSandbox', 'moved', {
    replicas: 2,
    poolRef: 'warm',
    taskTemplate: { spec: { process: { command: ['sleep', '600'] } } },
    shardTaskPatches: [{ spec: { process: { command: ['true'] } } }],
  });
  const before = await untilStates('moved', 'SR');
  const held = recordedUIDsOf(before);
  for (const { metadata } of await space.list('Pod')) if (held.includes(metadata.uid ?? '')) await space.delete('Pod', metadata.name);

  const after = await space.until('BatchSandbox', 'moved', (batch) => {
    expect(batch.status).toMatchObject({ taskStates: 'SR', ready: 2, replicas: 2 });
    expect(recordedUIDsOf(batch).some((uid) => held.includes(uid))).toBe(false);
    expect(endpointsOf(batch).filter((ip) => ip !== '' && !endpointsOf(before).includes(ip))).toHaveLength(2);
  });
  const [first = '', second = ''] = endpointsOf(after);
  expect(await readTasks(cluster.target, first)).toEqual([]);
  expect((await readTasks(cluster.target, second)).map(({ name }) => name)).toEqual(['moved-1']);
  await space.expectEvent('moved', 'PodReplaced');
});
