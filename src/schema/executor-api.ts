// zod/mini: the executor runs in every sandbox, and the full zod costs it 4 to 12 MB of private memory.
import * as z from 'zod/mini';
import { lazy } from './lazy';

/**
 * The task API of the executor, on port 5758.
 *
 * @see shared/reference/executor.md sections 2 to 5 and 12
 */

/** Header that names the revision of an answer; opaque, compare for equality only. */
export const REVISION_HEADER = 'x-task-revision';

/** Headers of an answer with log text: position of the first byte sent, position after the last, `true` when nothing will follow. */
export const LogHeader = {
  offset: 'x-log-offset',
  nextOffset: 'x-log-next-offset',
  complete: 'x-log-complete',
} as const;

/** Longest wait of a long-poll, in seconds. */
export const MAX_WAIT_SECONDS = 25;

/** Most bytes of one answer with log text, and the default. */
export const MAX_LOG_CHUNK_BYTES = 1024 * 1024;

/** Names of tasks (rule 17): no path can be built from one that leaves its directory. */
export const TASK_NAME = /^[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?$/;

const wholeNumber = (min: number) => z.int().check(z.minimum(min));

/** What a task runs, on the wire. `command` may be empty only if `args` is not. */
export const executorProcess = lazy(() => {
  // The kernel ends an argument or a variable at the first NUL.
  const kernelText = z.string().check(z.regex(/^[^\0]*$/, 'expected text without NUL characters'));
  const envName = z.string().check(z.regex(/^[^\0=]*$/, 'expected a name without = and NUL characters'));
  return z.strictObject({
    command: z.nullish(z.array(kernelText)),
    args: z.nullish(z.array(kernelText)),
    env: z.nullish(z.array(z.strictObject({ name: envName, value: z._default(kernelText, '') }))),
    workingDir: z.optional(kernelText),
    timeoutSeconds: z.optional(wholeNumber(1)),
    stopGraceSeconds: z.optional(wholeNumber(0)),
  });
});

/** A task in a request. Members of answers are accepted and ignored. */
export const executorTask = lazy(() =>
  z.strictObject({
    name: z.string().check(z.regex(TASK_NAME)),
    uid: z.optional(z.string().check(z.minLength(1), z.maxLength(128))),
    process: executorProcess(),
    message: z.optional(z.unknown()),
    deletionTimestamp: z.optional(z.unknown()),
    processStatus: z.optional(z.unknown()),
    podStatus: z.optional(z.unknown()),
  }),
);

export type ExecutorProcess = z.input<ReturnType<typeof executorProcess>>;

/** Why a task's process is over. */
export const TERMINATED_REASONS = ['Succeeded', 'Failed', 'StartFailed', 'TaskTimeout', 'Stopped', 'ProcessCrashed'] as const;
export type TerminatedReason = (typeof TERMINATED_REASONS)[number];

/** Status of a task's process: at most one member. Times are RFC 3339 with whole seconds. */
export interface ExecutorProcessStatus {
  readonly waiting?: { readonly reason: string; readonly message?: string };
  readonly running?: { readonly startedAt: string };
  readonly terminated?: {
    readonly exitCode: number;
    readonly signal?: number;
    readonly reason: TerminatedReason;
    readonly message?: string;
    readonly startedAt?: string;
    readonly finishedAt: string;
  };
}

/** A task in an answer. */
export interface ExecutorTask {
  readonly name: string;
  readonly uid?: string;
  /** Present once the task is being removed; it stays listed until its last process is gone. */
  readonly deletionTimestamp?: string;
  /** What keeps a removal from ending, such as a process that survives SIGKILL. */
  readonly message?: string;
  readonly process: ExecutorProcess;
  readonly processStatus?: ExecutorProcessStatus;
}

/** A task in a request. */
export type ExecutorTaskRequest = Pick<ExecutorTask, 'name' | 'uid' | 'process'>;

/** Answer of `POST /reset`: no process of any task is left, nor any record. */
export interface ExecutorResetAnswer {
  readonly empty: true;
  /** Processes that were alive when the reset began. */
  readonly killed: number;
  readonly revision: string;
}

/** Answer of `GET /version`. */
export interface ExecutorVersion {
  readonly version: string;
  readonly mode: 'host' | 'sidecar';
  readonly bootId: string;
}

/** Body of every answer with a status of 400 or above. `reason` is stable, `message` is for people. */
export interface ExecutorErrorBody {
  /** Standard HTTP reason phrase of the status. */
  readonly code: string;
  readonly reason: string;
  readonly message: string;
}
