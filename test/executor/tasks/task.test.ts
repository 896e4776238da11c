import fc from 'fast-check';
import { type HeldTask, isSameTask, planSet, planStarts, type TaskState, toExecutorTask } from '../../../executor/tasks/task';

const leader = { pid: 1, startTime: 1, bootId: 'b' };
const STATES: Readonly<Record<TaskState['kind'], TaskState>> = {
  waiting: { kind: 'waiting' },
  starting: { kind: 'starting' },
  running: { kind: 'running', process: { version: 1, leader, startedAt: '2026-01-01T00:00:01.900Z' } },
  ended: { kind: 'ended', exit: { version: 1, id: 'i', exitCode: 3, reason: 'Failed', finishedAt: '2026-01-01T00:00:02.500Z' } },
};

const held = (name: string, kind: TaskState['kind'] = 'waiting', more: Partial<HeldTask> = {}): HeldTask => ({
  record: { version: 1, id: 'i', name, process: { command: ['x'] }, acceptedAt: '2026-01-01T00:00:00.000Z', sequence: 1 },
  state: STATES[kind],
  ...more,
});
const removed = (name: string, kind: TaskState['kind'] = 'running') => held(name, kind, { removedAt: new Date(0) });

describe('a task as callers see it', () => {
  test.each([
    ['waiting', { waiting: { reason: 'WaitingForPrevious' } }],
    ['starting', { waiting: { reason: 'Pending' } }],
    ['running', { running: { startedAt: '2026-01-01T00:00:01Z' } }],
    ['ended', { terminated: { exitCode: 3, reason: 'Failed', finishedAt: '2026-01-01T00:00:02Z' } }],
  ] as const)('when %s', (kind, want) => {
    expect(toExecutorTask(held('a', kind)).processStatus).toMatchObject(want);
  });

  test('leaves out what is not known (X2)', () => {
    expect(toExecutorTask(held('a', 'ended'))).toEqual({
      name: 'a',
      process: { command: ['x'] },
      processStatus: { terminated: { exitCode: 3, reason: 'Failed', finishedAt: '2026-01-01T00:00:02Z' } },
    });
  });
});

describe('whether a request means a held task', () => {
  const record = { ...held('a').record, uid: 'u', process: { command: ['x'], env: [{ name: 'A', value: '' }] } };
  const same = { name: 'a', uid: 'u', process: { command: ['x'], env: [{ name: 'A' }] } };
  test.each([
    ['the same', same, true],
    ['without uid', { ...same, uid: undefined }, true],
    ['null for nothing', { ...same, process: { ...same.process, args: null } }, true],
    ['another name', { ...same, name: 'b' }, false],
    ['another uid', { ...same, uid: 'v' }, false],
    ['another argument', { ...same, process: { ...same.process, args: ['y'] } }, false],
    ['another variable', { ...same, process: { ...same.process, env: [{ name: 'A', value: '1' }] } }, false],
    ['another limit', { ...same, process: { ...same.process, timeoutSeconds: 1 } }, false],
  ])('%s (X18)', (_title, request, want) => {
    expect(isSameTask(record, request)).toBe(want);
  });
});

test('a plan keeps what is wanted in request order and removes the rest (X18, X19)', () => {
  const [a, b] = [held('a', 'ended'), held('b')];
  const request = (name: string, command = 'x') => ({ name, process: { command: [command] } });
  const plan = planSet([a, b], [request('c'), request('b', 'y'), request('a')]);
  expect(plan.wanted.map((entry) => entry.held)).toEqual([undefined, undefined, a]);
  expect(plan.removed).toEqual([b]);
});

describe('which waiting tasks start', () => {
  const [w, v] = [held('w'), held('v')];
  test.each([
    ['one, when one slot is free', [w, v], 1, [w]],
    ['none behind a running task', [w, held('r', 'running')], 1, []],
    ['none behind one that starts', [w, held('r', 'starting')], 1, []],
    ['one behind a finished task', [w, held('r', 'ended')], 1, [w]],
    ['none behind a task being removed, also when that has ended', [w, removed('r', 'ended')], 1, []],
    ['none whose predecessor of the same name is being removed', [w, v, removed('w')], 3, [v]],
  ])('%s (X8)', (_title, all, maxTasks, want) => {
    expect(planStarts(all, maxTasks)).toEqual(want);
  });

  test('never more than there are slots (X8)', () => {
    const anyTask = fc.record({ name: fc.constantFrom('a', 'b', 'c', 'd'), kind: fc.constantFrom(...Object.values(STATES)), isRemoved: fc.boolean() });
    fc.assert(
      fc.property(fc.array(anyTask, { maxLength: 8 }), fc.integer({ min: 1, max: 4 }), (tasks, maxTasks) => {
        const all = tasks.map(({ name, kind, isRemoved }) => (isRemoved ? removed(name, kind.kind) : held(name, kind.kind)));
        const occupied = all.filter(({ removedAt, state }) => removedAt !== undefined || state.kind === 'starting' || state.kind === 'running');
        const starts = planStarts(all, maxTasks);
        expect(starts.length).toBeLessThanOrEqual(Math.max(0, maxTasks - occupied.length));
        expect(starts.every(({ state, removedAt }) => state.kind === 'waiting' && removedAt === undefined)).toBe(true);
      }),
    );
  });
});
