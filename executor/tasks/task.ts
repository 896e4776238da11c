import type { ExecutorProcessStatus, ExecutorTask, ExecutorTaskRequest } from '../../src/schema/executor-api';
import { MAIN_WAIT_SECONDS } from './launch';
import type { ExitRecord, ProcessRecord, TaskRecord } from './records';

/**
 * Where a task stands.
 *
 *   waiting ──slot free──> starting ──runner reports──> running ──runner records, or is lost──> ended
 *                              └──cannot start──────────────────────────────────────────────> ended
 *
 * A move is on disk before it is here, and `ended` never changes. A task may be removed in every state.
 */
export type TaskState =
  | { readonly kind: 'waiting' }
  | { readonly kind: 'starting'; readonly isMainMissing?: boolean }
  | { readonly kind: 'running'; readonly process: ProcessRecord }
  | { readonly kind: 'ended'; readonly exit: ExitRecord };

/** One task that the server holds, from acceptance until its last process is gone. */
export interface HeldTask {
  record: TaskRecord;
  state: TaskState;
  /** Absent while waiting. */
  directory?: string;
  /** Set once the task is being removed. */
  removedAt?: Date;
  /** Why the removal does not end; absent while there is nothing to say. */
  stuck?: string;
  /** Resolves when the runner has ended and its last record is known; absent when there is no runner, or none any more. */
  runnerEnded?: Promise<void>;
}

/** A task as callers see it. */
export function toExecutorTask({ record, state, removedAt, stuck }: HeldTask): ExecutorTask {
  return {
    name: record.name,
    ...(record.uid === undefined ? {} : { uid: record.uid }),
    ...(removedAt === undefined ? {} : { deletionTimestamp: wholeSeconds(removedAt) }),
    ...(stuck === undefined ? {} : { message: stuck }),
    process: record.process,
    processStatus: toStatus(state),
  };
}

function toStatus(state: TaskState): ExecutorProcessStatus {
  switch (state.kind) {
    case 'waiting':
      return { waiting: { reason: 'WaitingForPrevious', message: 'starts when the processes of the task before it are gone' } };
    case 'starting':
      return { waiting: state.isMainMissing === true ? MAIN_MISSING : { reason: 'Pending' } };
    case 'running':
      return { running: { startedAt: wholeSeconds(new Date(state.process.startedAt)) } };
    case 'ended': {
      const { version: _version, id: _id, startedAt, finishedAt, ...facts } = state.exit;
      return {
        terminated: {
          ...facts,
          ...(startedAt === undefined ? {} : { startedAt: wholeSeconds(new Date(startedAt)) }),
          finishedAt: wholeSeconds(new Date(finishedAt)),
        },
      };
    }
  }
}

const MAIN_MISSING = { reason: 'MainContainerNotFound', message: `starts when the main container runs, fails when that takes longer than ${MAIN_WAIT_SECONDS} s` };

const wholeSeconds = (at: Date): string => `${at.toISOString().slice(0, 19)}Z`;

/** What a request changes about the wanted tasks. */
export interface SetPlan {
  /** For each wanted task, in request order: the held one that it means, or nothing when it is new. */
  readonly wanted: readonly { readonly request: ExecutorTaskRequest; readonly held?: HeldTask }[];
  readonly removed: readonly HeldTask[];
}

/** Compares a complete desired set with the wanted tasks (rule 18); pure. */
export function planSet(held: readonly HeldTask[], requests: readonly ExecutorTaskRequest[]): SetPlan {
  const wanted = requests.map((request) => ({ request, held: held.find((task) => isSameTask(task.record, request)) }));
  const kept = new Set(wanted.map((entry) => entry.held));
  return { wanted, removed: held.filter((task) => !kept.has(task)) };
}

/** Whether a request means a task that is held: same name, same uid when one is sent, same process. */
export function isSameTask(record: TaskRecord, request: ExecutorTaskRequest): boolean {
  return (
    record.name === request.name &&
    (request.uid === undefined || request.uid === record.uid) &&
    canonicalProcess(record.process) === canonicalProcess(request.process)
  );
}

/** Null, absent and empty lists mean the same, and so does the order of members. */
function canonicalProcess({ command, args, env, workingDir, timeoutSeconds, stopGraceSeconds }: ExecutorTaskRequest['process']): string {
  const variables = (env ?? []).map(({ name, value }) => [name, value ?? '']);
  return JSON.stringify([command ?? [], args ?? [], variables, workingDir, timeoutSeconds, stopGraceSeconds]);
}

/** The waiting tasks that may start now: a slot is free, and no task of the name is still being removed (rule 8); pure. */
export function planStarts(all: readonly HeldTask[], maxTasks: number): readonly HeldTask[] {
  const removed = all.filter(({ removedAt }) => removedAt !== undefined);
  const running = all.filter(({ removedAt, state }) => removedAt === undefined && (state.kind === 'starting' || state.kind === 'running'));
  const leaving = new Set(removed.map(({ record }) => record.name));
  const candidates = all.filter(({ removedAt, state, record }) => removedAt === undefined && state.kind === 'waiting' && !leaving.has(record.name));
  return candidates.slice(0, Math.max(0, maxTasks - removed.length - running.length));
}
