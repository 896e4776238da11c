// zod/mini: the executor runs in every sandbox, and the full zod costs it 4 to 12 MB of private memory.
import * as z from 'zod/mini';

/**
 * The API of commands and files inside a sandbox, on port 44772: what the SDKs of OpenSandbox call execd.
 *
 * @see shared/reference/execd.md
 */

/** Codes of errors, with the statuses that they come with. */
export const EXECD_CODES = {
  INVALID_REQUEST_BODY: [400],
  MISSING_QUERY: [400],
  INVALID_FILE: [400],
  INVALID_FILE_METADATA: [400],
  INVALID_FILE_CONTENT: [400],
  UNAUTHORIZED: [401],
  FILE_NOT_FOUND: [404],
  CONTEXT_NOT_FOUND: [404],
  TOO_LARGE: [413],
  TOO_MANY_REQUESTS: [429],
  RUNTIME_ERROR: [500, 409, 502, 503],
  NOT_SUPPORTED: [501],
  UNKNOWN: [400, 404, 405, 416, 426],
} as const satisfies Readonly<Record<string, readonly number[]>>;

export type ExecdCode = keyof typeof EXECD_CODES;

/** Body of every answer with a status of 400 or above. */
export interface ExecdErrorBody {
  readonly code: ExecdCode;
  readonly message: string;
}

/** Headers of requests and answers, in small letters. */
export const ExecdHeader = {
  /** Request: the access token, when one is configured. */
  accessToken: 'x-execd-access-token',
  /** Request: key of the lifecycle server, which the JavaScript SDK sends here too; dropped on arrival. */
  lifecycleKey: 'open-sandbox-api-key',
  /** Request: UID of the task whose variables commands have; what is asked waits until the sandbox has it. Endpoints name it. */
  taskUid: 'x-execd-task-uid',
  /** Answer: position after the last byte of log text that was sent. */
  tailCursor: 'execd-commands-tail-cursor',
} as const;

/** Most bytes of a body of JSON. */
export const MAX_EXECD_JSON_BYTES = 4 * 1024 * 1024;

/** Longest path of the kernel, in bytes. @see include/uapi/linux/limits.h of Linux */
export const MAX_PATH_LENGTH = 4096;
/** Most paths that one request changes: each keeps what it leads to open until all are looked at. */
export const MAX_EXECD_PATHS = 1_000;
/** Longest argument of a program that the kernel takes, in bytes, without its end. @see execve(2) */
const MAX_ARGUMENT_LENGTH = 131_071;

// The kernel ends an argument or a variable at the first NUL.
const kernelText = z.string().check(z.regex(/^[^\0]*$/, 'expected text without NUL characters'), z.maxLength(MAX_ARGUMENT_LENGTH));
const envName = z.string().check(z.regex(/^[^\0=]+$/, 'expected a name without = and NUL characters'));
/** 2^32-1 stands for "no change" in the calls of the kernel. */
const userId = z.int().check(z.minimum(0), z.maximum(2 ** 32 - 2));
const milliseconds = z.int().check(z.minimum(0));

/** Body of POST /command; `null` is as good as nothing. Unknown members are ignored: newer SDKs send more. */
export const runCommandRequest = z.object({
  /** For a shell; exactly one of this and `argv`. */
  command: z.nullish(kernelText),
  /** Program and arguments, run without a shell. */
  argv: z.nullish(z.array(kernelText).check(z.minLength(1))),
  /** Must be a directory. */
  cwd: z.nullish(kernelText),
  background: z.nullish(z.boolean()),
  /** Limit in ms; 0 is none. */
  timeout: z.nullish(milliseconds),
  uid: z.nullish(userId),
  /** Only with `uid`. */
  gid: z.nullish(userId),
  envs: z.nullish(z.record(envName, kernelText)),
  /** `continue` keeps a command of the foreground running when its caller goes; an addition of ours. */
  on_disconnect: z.nullish(z.enum(['continue', 'end'])),
});
export type RunCommandRequest = z.infer<typeof runCommandRequest>;

/** An event that only runs of code contexts have. */
export type ExecdCodeEvent =
  /** Which run of its context it is, from 1 on. */
  | { readonly type: 'execution_count'; readonly execution_count: number }
  /** How the interpreter says that the run has ended. */
  | { readonly type: 'status'; readonly text: 'ok' | 'error' }
  /** Value of the last expression by MIME type; `text` stands for `text/plain`, since the Python SDK reads that one only. */
  | { readonly type: 'result'; readonly results: { readonly 'text/plain': string; readonly text: string } };

/** One event of a stream. `timestamp` is in ms since 1970. */
export type ExecdEvent = { readonly timestamp: number } & (
  | ExecdCodeEvent
  | { readonly type: 'init' | 'ping' | 'stdout' | 'stderr'; readonly text: string }
  | { readonly type: 'error'; readonly error: ExecdEventError }
  | { readonly type: 'execution_complete'; readonly execution_time: number }
);

/** Why a run failed. */
export interface ExecdEventError {
  /** `CommandExecError` or `CommandTimeout` of a command, `InterpreterExited` of an interpreter that has ended, else the name of the error of the code. */
  readonly ename: string;
  /** Exit code in decimal, which SDKs take from here; of an error of the code its message. */
  readonly evalue: string;
  readonly traceback: readonly string[];
}

/** Answer of GET /command/status/{id}; times are RFC 3339. */
export interface CommandStatus {
  readonly id: string;
  /** The command as it was asked for, the first 16,384 characters of it. */
  readonly content: string;
  readonly running: boolean;
  readonly exit_code?: number;
  readonly error?: string;
  readonly started_at: string;
  readonly finished_at?: string;
}

// The kernel ends a path at the first NUL, and takes none that is longer.
const path = kernelText.check(z.minLength(1), z.maxLength(MAX_PATH_LENGTH));

/** Rights on a file: `mode` is octal digits as a decimal number (755), 0 and what is missing stay as they are; owner and group are names. */
const permissionMembers = {
  mode: z.nullish(z.int().check(z.minimum(0), z.maximum(7777))),
  owner: z.nullish(z.string()),
  group: z.nullish(z.string()),
};
const permission = z.object(permissionMembers);
export type Permission = z.infer<typeof permission>;

/** Body of POST /files/permissions and POST /directories: rights by path. */
export const permissionsRequest = z.record(path, permission);

/** Body of POST /files/mv. */
export const moveRequest = z.array(z.object({ src: path, dest: path }));

/** Body of POST /files/replace: texts by path. */
export const replaceRequest = z.record(path, z.object({ old: z.string().check(z.minLength(1)), new: z.string() }));

/** First part of each pair of an upload. */
export const uploadMetadata = z.object({ path, ...permissionMembers });
export type UploadMetadata = z.infer<typeof uploadMetadata>;

/** A file or directory; links are not followed. Times are RFC 3339. */
export interface FileInfo {
  /** Absolute. */
  readonly path: string;
  readonly type: 'file' | 'directory' | 'symlink' | 'other';
  /** In bytes. */
  readonly size: number;
  readonly modified_at: string;
  /** Of the last change of the file's rights or content: Linux tells nothing older. */
  readonly created_at: string;
  readonly owner: string;
  readonly group: string;
  /** Octal digits as a decimal number, such as 755. */
  readonly mode: number;
}

/** Body of POST /session. */
export const createSessionRequest = z.object({
  /** Made if absent. */
  cwd: z.nullish(kernelText),
});

/** Body of POST /session/{id}/run. */
export const runInSessionRequest = z.object({
  command: kernelText.check(z.minLength(1)),
  /** Must be a directory; the session stays there. */
  cwd: z.nullish(kernelText),
  /** Limit in ms; 0 is 24 hours. */
  timeout: z.nullish(milliseconds),
});

/** Answer of GET /metrics. */
export interface ExecdMetrics {
  readonly cpu_count: number;
  /** Of all of these, from 0 to 100. */
  readonly cpu_used_pct: number;
  readonly mem_total_mib: number;
  readonly mem_used_mib: number;
  /** In ms since 1970. */
  readonly timestamp: number;
}

/** Code for a shell, which gets it as an argument. */
export const shellCode = kernelText.check(z.minLength(1));

/** Body of POST /code. */
export const runCodeRequest = z.object({
  code: z.string().check(z.minLength(1)),
  /** Without an id it is the context that all runs of a language share, without a language too a command for a shell. */
  context: z.nullish(z.object({ id: z.nullish(z.string()), language: z.nullish(z.string()) })),
});

/** Body of POST /code/context. */
export const createCodeContextRequest = z.object({
  language: z.string().check(z.minLength(1)),
  /** Made if absent. */
  cwd: z.nullish(kernelText),
});

/** What is told of a code context. */
export interface CodeContextInfo {
  readonly id: string;
  readonly language: string;
}

/** Body of POST /pty. */
export const createTerminalRequest = z.object({
  /** Must be a directory. */
  cwd: z.nullish(kernelText),
  /** For a shell; absent means a shell itself. */
  command: z.nullish(kernelText),
});
