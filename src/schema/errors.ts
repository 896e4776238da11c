/** What one error code means to whoever meets it. */
interface ErrorCodeEntry {
  /** Status of an HTTP answer that carries the code; absent where no HTTP is involved. */
  readonly httpStatus?: number;
  /** `retry`: the same call may succeed later. `terminal`: it fails until somebody changes something. */
  readonly retry: 'retry' | 'terminal';
  /** Default message, for errors that have nothing more exact to say. */
  readonly sentence: string;
}

const table = <C extends string>(codes: Record<C, ErrorCodeEntry>): Readonly<Record<C, ErrorCodeEntry>> => codes;

/** Every error code, in one place. */
export const ERROR_CODES = table({
  SYNTH_INVALID: { retry: 'terminal', sentence: 'the constructs describe something that no cluster would accept' },
  SETTINGS_INVALID: { retry: 'terminal', sentence: 'the settings are wrong' },
  SCHEMA_INVALID: { retry: 'terminal', sentence: 'the schema has no structural form' },
  OBJECT_INVALID: { httpStatus: 422, retry: 'terminal', sentence: 'the object does not fit its schema' },
  PATCH_INVALID: { httpStatus: 422, retry: 'terminal', sentence: 'the patch cannot be applied' },
  TASK_INVALID: { httpStatus: 400, retry: 'terminal', sentence: 'the task cannot be run as written' },
  TASK_NOT_FOUND: { httpStatus: 404, retry: 'terminal', sentence: 'no task of that name is held' },
  TASK_CONFLICT: { httpStatus: 409, retry: 'retry', sentence: 'the tasks that are held do not allow the change now' },
  REQUEST_TOO_LARGE: { httpStatus: 413, retry: 'terminal', sentence: 'the body is larger than the executor reads' },
  REQUEST_UNAUTHORIZED: { httpStatus: 401, retry: 'terminal', sentence: 'the request has no valid token' },
  SANDBOX_NOT_EMPTY: { httpStatus: 500, retry: 'retry', sentence: 'processes of tasks are left in the sandbox' },
  EXECUTOR_UNAVAILABLE: { retry: 'retry', sentence: 'the executor gave no usable answer' },
  EXECUTOR_UNAUTHORIZED: { retry: 'retry', sentence: 'the executor does not know the key of the operator' },
  EXECUTOR_REFUSED: { retry: 'terminal', sentence: 'the executor does not accept the request' },
});

export type ErrorCode = keyof typeof ERROR_CODES;

/** One value that is not as it should be. */
export interface Problem {
  /** Where it stands, such as `spec.slots[3].name`; empty for the whole. */
  readonly path: string;
  /** What would be right, such as `a whole number from 0 to 10`. */
  readonly expected: string;
  /** What is there instead, made by {@link showValue}. */
  readonly got: string;
  /** What to do, when that does not follow from `expected`. */
  readonly fix?: string;
}

/** Further facts about an error. */
export interface SandboxErrorOptions {
  /** Structured facts for programs; no secrets. */
  readonly details?: Readonly<Record<string, unknown>>;
  /** What led to this error. */
  readonly cause?: unknown;
}

const mark = Symbol.for('cdk8s-sandboxes.SandboxError');

/** The one error class of this project; tell its errors apart by `code`, never by message. */
export class SandboxError extends Error {
  readonly [mark] = true;
  override readonly name = 'SandboxError';
  readonly details?: Readonly<Record<string, unknown>>;

  constructor(
    readonly code: ErrorCode,
    message: string = ERROR_CODES[code].sentence,
    options: SandboxErrorOptions = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    if (options.details !== undefined) {
      this.details = options.details;
    }
  }
}

/** Whether `error` is a {@link SandboxError}, also one of another copy of this package. */
export function isSandboxError(error: unknown): error is SandboxError {
  return typeof error === 'object' && error !== null && mark in error;
}

/** Longest text that an error message quotes, in characters. */
const MAX_SHOWN_CHARACTERS = 200;

/** A value as error messages show it: text in quotes and cut, lists and objects by kind only, since they may hold secrets. */
export function showValue(value: unknown): string {
  if (typeof value === 'string') {
    return value.length > MAX_SHOWN_CHARACTERS ? `'${value.slice(0, MAX_SHOWN_CHARACTERS)}…'` : `'${value}'`;
  }
  if (value === undefined) {
    return 'nothing';
  }
  return value === null || typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint'
    ? String(value)
    : showKind(value);
}

/** What kind of value it is, without its content: for values that must not be printed. */
export function showKind(value: unknown): string {
  if (value === undefined) {
    return 'nothing';
  }
  if (value === null) {
    return 'null';
  }
  if (Array.isArray(value)) {
    return value.length === 1 ? 'a list of 1 item' : `a list of ${value.length} items`;
  }
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

/** `<path>: expected <what>, got <value>[; <what to do>]`, the message of a condition. */
export function formatProblem({ path, expected, got, fix }: Problem): string {
  return `${path === '' ? '' : `${path}: `}expected ${expected}, got ${got}${fix === undefined ? '' : `; ${fix}`}`;
}

/** `<subject>: <path>: expected <what>, got <value>[; <what to do>]`. */
export function problem(subject: string, path: string, expected: string, got: string, fix?: string): string {
  return `${subject}: ${formatProblem({ path, expected, got, fix })}`;
}

/** All problems of one subject as one message. */
export function joinProblems(subject: string, problems: readonly Problem[]): string {
  return joinSentences(subject, problems.map(formatProblem));
}

/** All that is wrong with one subject as one message, each told by a sentence already. */
export function joinSentences(subject: string, sentences: readonly string[]): string {
  const count = sentences.length === 1 ? '' : `${sentences.length} problems: `;
  return `${subject}: ${count}${sentences.join('; ')}`;
}
