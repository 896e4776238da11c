import type { ExecutorAnswer } from './executor-answer';

/**
 * One letter of `status.taskStates` (R37): `-` no task, `P` pending, `R` running, `S` succeeded, `F` failed, `U` unknown.
 *
 * `S` and `F` are ends: once recorded they stay.
 */
export type TaskLetter = '-' | 'P' | 'R' | 'S' | 'F' | 'U';

/** What is known of the task of one slot. */
export interface ObservedTask {
  readonly letter: TaskLetter;
  /**
   * The executor holds a task that is not this slot's: the pod was used before (R35). Nothing was sent to it; the caller replaces it.
   */
  readonly dirty: boolean;
  /**
   * A signal that this operator did not ask for ended it: that of a pod that ends as well as any other. Where the pod is known to end before
   * this is on record, the task was lost with it; where it is not, this is an end like any other.
   */
  readonly killed?: true;
  /** Exit code of an ended task; absent when it never ran. */
  readonly exitCode?: number;
  /** Reason of an ended or waiting task, such as `TaskTimeout`; at most 200 characters of the executor's words. */
  readonly reason?: string;
  /** Sentence to the reason; at most 200 characters of the executor's words. */
  readonly message?: string;
}

/** Whether a task of this letter has ended, so that it is never sent again. */
export function isEnd(letter: TaskLetter): letter is 'S' | 'F' {
  return letter === 'S' || letter === 'F';
}

/** What an executor's answer says of a task (R38). */
export function toObservedTask(task: ExecutorAnswer): ObservedTask {
  const { terminated, running, waiting } = task.processStatus ?? {};
  if (terminated) {
    const { exitCode, reason, message, signal } = terminated;
    const killed = exitCode !== 0 && reason !== 'TaskTimeout' && (reason === 'Stopped' || typeof signal === 'number');
    return { letter: exitCode === 0 ? 'S' : 'F', dirty: false, ...(killed && { killed }), exitCode, reason, message };
  }
  if (running) return { letter: 'R', dirty: false };
  return { letter: 'U', dirty: false, reason: waiting?.reason, message: waiting?.message };
}
