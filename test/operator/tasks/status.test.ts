import fc from 'fast-check';
import type { SlotTaskPlan } from '../../../operator/tasks/dispatch';
import { mergeTaskStatus, recordedLetter } from '../../../operator/tasks/status';
import { isEnd, type ObservedTask, type TaskLetter, toObservedTask } from '../../../operator/tasks/task-state';

const plans: Record<string, SlotTaskPlan> = {
  t: { kind: 'task', task: { name: 'b-0', process: { command: ['x'] } } },
  n: { kind: 'none' },
  i: { kind: 'invalid', problems: ['bad'] },
};

/** One letter a slot: plans as above; observed letters, `.` for a slot without a pod. */
function merge(planned: string, recorded: string, observed: string) {
  return mergeTaskStatus({
    plans: [...planned].map((key) => plans[key] ?? { kind: 'none' }),
    recorded,
    observed: new Map([...observed].flatMap((letter, slot) => (letter === '.' ? [] : [[slot, { letter: letter as TaskLetter, dirty: false }]]))),
  });
}

const counters = ({ taskPending, taskRunning, taskSucceed, taskFailed, taskUnknown }: ReturnType<typeof merge>) => [
  taskPending,
  taskRunning,
  taskSucceed,
  taskFailed,
  taskUnknown,
];

describe('mergeTaskStatus', () => {
  test.each([
    { title: 'tasks without a pod are pending', planned: 'tt', recorded: '', observed: '..', want: 'PP', counts: [2, 0, 0, 0, 0] },
    { title: 'what is observed counts', planned: 'ttttt', recorded: '', observed: 'PRSFU', want: 'PRSFU', counts: [1, 1, 1, 1, 1] },
    { title: 'an end that was recorded stays (R37)', planned: 'tttt', recorded: 'SFSF', observed: '.RUS', want: 'SFSF', counts: [0, 0, 2, 2, 0] },
    { title: 'a running task whose pod is gone is pending (R38)', planned: 't', recorded: 'R', observed: '.', want: 'P', counts: [1, 0, 0, 0, 0] },
    { title: 'a task that could not be made failed', planned: 'ti', recorded: '', observed: 'R.', want: 'RF', counts: [0, 1, 0, 1, 0] },
    { title: 'a slot without a task is not counted', planned: 'tn', recorded: '', observed: 'R.', want: 'R-', counts: [0, 1, 0, 0, 0] },
    { title: 'a sent task runs on after an edit of its template', planned: 'nit', recorded: 'RRR', observed: 'RRR', want: 'RRR', counts: [0, 3, 0, 0, 0] },
    { title: 'new slots join at the end', planned: 'ttt', recorded: 'S', observed: '.R.', want: 'SRP', counts: [1, 1, 1, 0, 0] },
    { title: 'slots that are gone are left out', planned: 't', recorded: 'SSS', observed: '.', want: 'S', counts: [0, 0, 1, 0, 0] },
    { title: 'no tasks, no letters', planned: 'nn', recorded: '', observed: '..', want: undefined, counts: [0, 0, 0, 0, 0] },
    { title: 'text that is no letter reads as none', planned: 'tn', recorded: 'x?', observed: '..', want: 'P-', counts: [1, 0, 0, 0, 0] },
  ])('$title', ({ planned, recorded, observed, want, counts }) => {
    const status = merge(planned, recorded, observed);
    expect({ taskStates: status.taskStates, counts: counters(status) }).toEqual({ taskStates: want, counts });
  });

  const text = (letters: string, size: number) => fc.string({ unit: fc.constantFrom(...letters), minLength: size, maxLength: size });
  const batches = fc.nat(30).chain((size) => fc.record({ planned: text('tni', size), recorded: text('-PRSFU', size), observed: text('.PRSFU', size) }));

  test('counters add up to the slots with a letter, ends stay, and merging again changes nothing (R37, R38)', () => {
    fc.assert(
      fc.property(batches, ({ planned, recorded, observed }) => {
        const status = merge(planned, recorded, observed);
        const states = status.taskStates ?? '-'.repeat(planned.length);
        expect(counters(status).reduce((sum, count) => sum + count)).toBe(states.replaceAll('-', '').length);
        for (const [slot, letter] of [...recorded].entries()) {
          if (isEnd(recordedLetter(recorded, slot))) expect(states[slot]).toBe(letter);
        }
        expect(merge(planned, states, observed)).toEqual(status);
      }),
    );
  });

  test('every slot with a task or with one that could not be made has a letter', () => {
    fc.assert(
      fc.property(batches, ({ planned, recorded, observed }) => {
        const { taskStates } = merge(planned, recorded, observed);
        for (const [slot, plan] of [...planned].entries()) if (plan !== 'n') expect(taskStates?.[slot]).toMatch(/[PRSFU]/);
      }),
    );
  });
});

describe('toObservedTask', () => {
  const cases: [string, Parameters<typeof toObservedTask>[0]['processStatus'], ObservedTask][] = [
    ['an exit with 0 is success', { terminated: { exitCode: 0, reason: 'Succeeded', message: undefined } }, { letter: 'S', dirty: false, exitCode: 0, reason: 'Succeeded' }],
    ['any other exit is failure', { terminated: { exitCode: 143, reason: 'TaskTimeout', message: 'm' } }, { letter: 'F', dirty: false, exitCode: 143, reason: 'TaskTimeout', message: 'm' }],
    ['an end by a signal may be that of the pod', { terminated: { exitCode: 137, signal: 9, reason: 'Failed', message: undefined } }, { letter: 'F', dirty: false, killed: true, exitCode: 137, reason: 'Failed' }],
    ['so may a stop that nobody here asked for', { terminated: { exitCode: 143, reason: 'Stopped', message: undefined } }, { letter: 'F', dirty: false, killed: true, exitCode: 143, reason: 'Stopped' }],
    ['running is running', { running: {} }, { letter: 'R', dirty: false }],
    ['waiting is unknown', { waiting: { reason: 'WaitingForPrevious', message: undefined } }, { letter: 'U', dirty: false, reason: 'WaitingForPrevious' }],
    ['no status is unknown', undefined, { letter: 'U', dirty: false }],
  ];
  test.each(cases)('%s', (_, processStatus, want) => {
    expect(toObservedTask({ name: 'b-0', processStatus })).toEqual(want);
  });
});
