import { hostLauncher } from '../../executor/tasks/launch';
import { RunnerPool } from '../../executor/tasks/runner';
import { RUNNER_MODE } from '../../executor/tasks/runner-protocol';
import type { TaskStore } from '../../executor/tasks/store';
import { Supervisor } from '../../executor/tasks/supervisor';
import { systemClock } from '../../src/program/clock';
import type { ExecutorTask } from '../../src/schema/executor-api';
import { EXECUTOR_PROGRAM } from './executor-process';

/** A supervisor of this process, with real runners; one task at a time. */
export function superviseIn(store: TaskStore, workingDir: string): Supervisor {
  const log = { info: () => undefined, error: () => undefined };
  const runners = new RunnerPool({ argv: [process.execPath, EXECUTOR_PROGRAM, RUNNER_MODE], env: {} }, store.dataDir, 0);
  const launcher = hostLauncher({ PATH: process.env['PATH'] ?? '' }, workingDir);
  return new Supervisor({ store, runners, launcher, clock: systemClock, log, scope: 'in-process', maxTasks: 1, stopGraceSeconds: 1, taskLogMaxBytes: 65536 });
}

/** Longest wait for a list, in ms. */
const PATIENCE_MS = 20_000;

/** Waits until the list is as wanted, and returns it. */
export async function listUntil(supervisor: Supervisor, isWanted: (tasks: readonly ExecutorTask[]) => boolean): Promise<readonly ExecutorTask[]> {
  const deadline = AbortSignal.timeout(PATIENCE_MS);
  for (;;) {
    const { revision } = supervisor.changes;
    const tasks = supervisor.list();
    if (isWanted(tasks)) return tasks;
    if (deadline.aborted) throw new Error(`expected another list of tasks, got ${JSON.stringify(tasks)}`);
    await supervisor.changes.wait(revision, PATIENCE_MS, deadline);
  }
}

/** Whether every task has ended and none is being removed. */
export const isSettled = (tasks: readonly ExecutorTask[]): boolean =>
  tasks.every(({ processStatus, deletionTimestamp }) => processStatus?.terminated !== undefined && deletionTimestamp === undefined);
