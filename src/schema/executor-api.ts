import { z } from 'zod';

/**
 * The task API of the executor, on port 5758.
 *
 * @see shared/reference/executor.md sections 2 to 5 and 12
 */

/** Header that names the revision of an answer; opaque, compare for equality only. */
export const REVISION_HEADER = 'x-task-revision';

/** Names of tasks (rule 17): no path can be built from one that leaves its directory. */
export const TASK_NAME = /^[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?$/;

/** What a task runs, on the wire. `command` may be empty only if `args` is not. */
export const executorProcess = z.strictObject({
  command: z.array(z.string()).nullish(),
  args: z.array(z.string()).nullish(),
  env: z.array(z.strictObject({ name: z.string(), value: z.string().default('') })).nullish(),
  workingDir: z.string().optional(),
  timeoutSeconds: z.int().min(1).optional(),
  stopGraceSeconds: z.int().min(0).optional(),
});

/** A task in a request. Members of answers are accepted and ignored. */
export const executorTask = z.strictObject({
  name: z.string().regex(TASK_NAME),
  uid: z.string().min(1).max(128).optional(),
  process: executorProcess,
  deletionTimestamp: z.unknown().optional(),
  processStatus: z.unknown().optional(),
  podStatus: z.unknown().optional(),
});

export type ExecutorProcess = z.input<typeof executorProcess>;

/** Status of a task's process: at most one member. Times are RFC 3339 with whole seconds. */
export interface ExecutorProcessStatus {
  readonly waiting?: { readonly reason: string; readonly message?: string };
  readonly running?: { readonly startedAt: string };
  readonly terminated?: {
    readonly exitCode: number;
    readonly signal?: number;
    /** `Succeeded`, `Failed`, `StartFailed`, `TaskTimeout`, `Stopped`, `ProcessCrashed`. */
    readonly reason: string;
    readonly message?: string;
    readonly startedAt?: string;
    readonly finishedAt: string;
  };
}

/** A task in an answer. */
export interface ExecutorTask {
  readonly name: string;
  readonly uid?: string;
  readonly deletionTimestamp?: string;
  readonly process: ExecutorProcess;
  readonly processStatus?: ExecutorProcessStatus;
}

/** A task in a request. */
export type ExecutorTaskRequest = Pick<ExecutorTask, 'name' | 'uid' | 'process'>;
