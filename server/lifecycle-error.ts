import { LIFECYCLE_ERRORS, type LifecycleErrorCode } from '../src/schema/lifecycle-errors';
import { formatProblem, type Problem } from '../src/schema/errors';

/** What an error may say beside its code and message. */
export interface LifecycleErrorOptions {
  /** Status of the answer. @default - that of the code */
  readonly status?: number;
  /** Whole seconds after which the same request may succeed. @default - not said */
  readonly retryAfterSeconds?: number;
  /** Further headers of the answer. @default - none */
  readonly headers?: Readonly<Record<string, string>>;
  /** What led to it; for the log, never for the caller. */
  readonly cause?: unknown;
}

/** A request that ends in an answer `{code, message}` of 400 or above. */
export class LifecycleError extends Error {
  override readonly name = 'LifecycleError';
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    readonly code: LifecycleErrorCode,
    message: string = LIFECYCLE_ERRORS[code].sentence,
    { status, retryAfterSeconds, headers = {}, cause }: LifecycleErrorOptions = {},
  ) {
    super(message, cause === undefined ? undefined : { cause });
    this.status = status ?? LIFECYCLE_ERRORS[code].httpStatus;
    this.headers = retryAfterSeconds === undefined ? headers : { ...headers, 'retry-after': String(retryAfterSeconds) };
  }
}

/** The error for values that cannot be used, all in one message. */
export function invalidRequest(problems: readonly Problem[], code: LifecycleErrorCode = 'SANDBOX::INVALID_PARAMETER'): LifecycleError {
  return new LifecycleError(code, problems.map(formatProblem).join('; '));
}

/** The error for a sandbox that is not there. */
export function sandboxNotFound(id: string): LifecycleError {
  return new LifecycleError('KUBERNETES::SANDBOX_NOT_FOUND', `sandbox '${id.slice(0, 100)}': not found; GET /v1/sandboxes lists those that there are`);
}

/** The error for a pool that is not there. */
export function poolNotFound(name: string): LifecycleError {
  return new LifecycleError('KUBERNETES::POOL_NOT_FOUND', `pool '${name.slice(0, 100)}': not found; GET /v1/pools lists those that there are`);
}
