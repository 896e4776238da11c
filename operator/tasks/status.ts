import type { BatchSandboxStatus } from '../../src/schema/batch-sandbox';
import type { SlotTaskPlan } from './dispatch';
import { isEnd, type ObservedTask, type TaskLetter } from './task-state';

/** The task fields of a batch's status. */
export type TaskStatus = Pick<
  BatchSandboxStatus,
  'taskStates' | 'taskPending' | 'taskRunning' | 'taskSucceed' | 'taskFailed' | 'taskUnknown'
>;

/** What the task fields follow from. */
export interface TaskStatusInput {
  /** `status.taskStates` as last written; empty before the first write. */
  readonly recorded: string;
  /** What each slot should run, in slot order. */
  readonly plans: readonly SlotTaskPlan[];
  /** What the tracker knows; a slot without a pod is not in it. */
  readonly observed: ReadonlyMap<number, ObservedTask>;
}

/**
 * Merges what is recorded and what is observed into the task fields of the status (R37, R38).
 *
 * The five counters add up to the number of slots that have a task. `taskStates` is absent when no slot has one.
 */
export function mergeTaskStatus({ recorded, plans, observed }: TaskStatusInput): TaskStatus {
  const counts: Record<TaskLetter, number> = { '-': 0, P: 0, R: 0, S: 0, F: 0, U: 0 };
  let taskStates = '';
  for (const [slot, plan] of plans.entries()) {
    const letter = mergeLetter(recordedLetter(recorded, slot), plan.kind, observed.get(slot)?.letter);
    counts[letter]++;
    taskStates += letter;
  }
  return {
    taskStates: counts['-'] === plans.length ? undefined : taskStates,
    taskPending: counts.P,
    taskRunning: counts.R,
    taskSucceed: counts.S,
    taskFailed: counts.F,
    taskUnknown: counts.U,
  };
}

/** Letter of one slot in `status.taskStates`; what is no letter, or beyond the text, reads as `-`. */
export function recordedLetter(taskStates: string | undefined, slot: number): TaskLetter {
  const letter = taskStates?.[slot];
  return isTaskLetter(letter) ? letter : '-';
}

function mergeLetter(recorded: TaskLetter, kind: SlotTaskPlan['kind'], observed: TaskLetter | undefined): TaskLetter {
  if (isEnd(recorded)) return recorded;
  // A task that was sent runs on when an edit takes its template away or spoils it (R36), so what is seen goes first.
  if (observed !== undefined) return observed;
  const unseen: Record<SlotTaskPlan['kind'], TaskLetter> = { none: '-', invalid: 'F', task: 'P' };
  return unseen[kind];
}

function isTaskLetter(letter: string | undefined): letter is TaskLetter {
  return letter !== undefined && letter.length === 1 && '-PRSFU'.includes(letter);
}
