import { Changes } from '../../../executor/tasks/changes';
import { TaskVariables } from '../../../executor/tasks/task-variables';
import type { ExecutorTask } from '../../../src/schema/executor-api';
import { ManualClock } from '../../support/manual-clock';

const task = (uid: string, env: Readonly<Record<string, string>>, more: Partial<ExecutorTask> = {}): ExecutorTask => ({
  name: `task-${uid}`,
  uid,
  process: { command: ['true'], env: Object.entries(env).map(([name, value]) => ({ name, value })) },
  ...more,
});
const never = new AbortController().signal;

test('are those of all tasks that are wanted, ended or not, the later before the earlier', () => {
  const ended = task('1', { A: '1', B: '1' }, { processStatus: { terminated: { exitCode: 0, reason: 'Succeeded', finishedAt: '2026-01-01T00:00:00Z' } } });
  const tasks = [ended, task('2', { B: '2' }), task('3', { A: 'gone', C: 'gone' }, { deletionTimestamp: '2026-01-01T00:00:00Z' }), { name: 'bare', process: { command: ['true'], env: [{ name: 'D' }] } }];
  expect(new TaskVariables({ list: () => tasks, changes: new Changes() }, new ManualClock()).current()).toEqual({ A: '1', B: '2', D: '' });
});

test('whoever waits for a task goes on when it comes, when he leaves, when the executor ends, and when it takes too long', async () => {
  const tasks: ExecutorTask[] = [];
  const changes = new Changes();
  const waitOf = (limitMs: number) => new TaskVariables({ list: () => tasks, changes }, new ManualClock(), limitMs);
  expect(await waitOf(0).arrivalOf('1', never)).toBe(false);
  const leaving = new AbortController();
  const [coming, left] = [waitOf(60_000).arrivalOf('1', never), waitOf(60_000).arrivalOf('1', leaving.signal)];
  leaving.abort();
  expect(await left).toBe(false);
  tasks.push(task('2', {}));
  changes.announce(); // another one
  tasks.push(task('1', {}));
  changes.announce();
  expect(await coming).toBe(true);
  expect(await waitOf(0).arrivalOf('1', never)).toBe(true);
  const lost = waitOf(60_000).arrivalOf('3', never);
  changes.close();
  expect(await lost).toBe(false);
});
