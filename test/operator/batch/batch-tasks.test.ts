import { BatchTasks } from '../../../operator/batch/batch-tasks';
import type { BatchTools } from '../../../operator/batch/batch-tools';
import type { SlotTaskPlan } from '../../../operator/tasks/dispatch';
import type { ObservedTask, TaskLetter } from '../../../operator/tasks/task-state';
import type { TaskTracker } from '../../../operator/tasks/task-tracker';
import { batchOf, podOf } from '../../support/builders';
import { ManualClock } from '../../support/manual-clock';

/** Tasks of a batch whose pods never confirm a stop, and the delays after which the batch is to be looked at again. */
function unstoppable(taskStopTimeoutMs: number) {
  const clock = new ManualClock();
  const startedAt = new Map<string, number>();
  const looks: number[] = [];
  const gone = new Set<string>();
  const tools = {
    clock,
    taskStopTimeoutMs,
    requeue: (_key: string, delayMs: number) => void looks.push(delayMs),
    tasks: {
      stop: (_batch: unknown, pods: readonly { podUID: string }[]) => {
        for (const { podUID } of pods) if (!startedAt.has(podUID)) startedAt.set(podUID, clock.monotonicMs());
      },
      stopState: (uid: string) => (startedAt.has(uid) ? { state: 'stopping', startedAtMs: startedAt.get(uid) ?? 0 } : undefined),
    },
  } as unknown as BatchTools;
  const podNamed = (uid: string) => (gone.has(uid) ? undefined : podOf('pool-warm', uid));
  return { clock, looks, gone, startedAt, tasks: new BatchTasks(tools, batchOf('b'), podNamed) };
}

const pod = (index: number) => ({ index, name: `warm-${index}`, uid: `uid-${index}` });

test('a pod that does not confirm its stop is looked at when its own time is over, whenever the others began', async () => {
  const { clock, looks, tasks } = unstoppable(30_000);
  tasks.stop([pod(0)]);
  await clock.advance(20_000);
  tasks.stop([pod(0), pod(1)]);
  await clock.advance(9_999);
  tasks.stop([pod(0), pod(1)]);
  await clock.advance(1);
  expect([tasks.stopState('uid-0'), tasks.stopState('uid-1')]).toEqual(['timedOut', 'stopping']);
  tasks.stop([pod(1)]);
  expect(looks).toEqual([30_000, 10_000, 1, 20_000]);
});

test('a pod that went while the status was written is not asked to stop (R116)', () => {
  const { gone, looks, startedAt, tasks } = unstoppable(30_000);
  gone.add('uid-0');
  tasks.stop([pod(0)]);
  expect(looks).toEqual([]);
  tasks.stop([pod(0), pod(1)]);
  expect([...startedAt.keys()]).toEqual(['uid-1']);
});

test('an end that was seen in a pod that is gone counts until it is on record, also when the pass fails that was to record it (R37)', () => {
  const letters: readonly (readonly [number, TaskLetter])[] = [[0, 'S'], [1, 'R'], [2, 'F']];
  const observed = new Map(letters.map(([slot, letter]) => [slot, { letter, dirty: false }]));
  const forgotten: unknown[] = [];
  const tracker: Partial<TaskTracker> = { observed: () => observed, forgetPod: (...pod) => void forgotten.push(pod), forgetEnds: (batch) => void forgotten.push(batch) };
  const tools: Partial<BatchTools> = { tasks: tracker as TaskTracker };
  const pass = () => new BatchTasks(tools as BatchTools, batchOf('b', { replicas: 2, taskTemplate: {} }), () => undefined);
  pass().forget([pod(0), pod(2)]);
  // The last one is of a slot that is no longer wanted.
  expect(forgotten).toEqual([['batch-b', 'uid-0', true], ['batch-b', 'uid-2', false]]);
  const next = pass();
  expect(next.letter(0)).toBe('S');
  next.forgetEnds();
  expect(forgotten.slice(2)).toEqual(['batch-b']);
});

test.each([
  { title: 'a task that was killed in a pod that went meanwhile has not failed (R113)', isThere: false, states: 'U' },
  { title: 'a task that was killed in a pod that lives has failed', isThere: true, states: 'F' },
])('$title', ({ isThere, states }) => {
  const killed: ObservedTask = { letter: 'F', dirty: false, killed: true, exitCode: 137 };
  const plans: readonly SlotTaskPlan[] = [{ kind: 'task', task: { name: 'b-0', process: { command: ['true'] } } }];
  const tracker: Partial<TaskTracker> = { observed: () => new Map([[0, killed]]), plans: () => plans, podUID: () => 'uid-0' };
  const tools: Partial<BatchTools> = { tasks: tracker as TaskTracker };
  const tasks = new BatchTasks(tools as BatchTools, batchOf('b', { replicas: 1, taskTemplate: {} }), () => (isThere ? podOf('pool', 'a') : undefined));
  expect(tasks.status()).toMatchObject({ taskStates: states });
});
