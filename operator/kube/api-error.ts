/** What the API server says about a refused request. */
export interface ApiStatus {
  readonly reason?: string;
  readonly message?: string;
  readonly details?: ApiStatusDetails;
}

/** Details of a refusal, as far as they are read. */
export interface ApiStatusDetails {
  readonly kind?: string;
  readonly name?: string;
  readonly uid?: string;
  readonly causes?: readonly { readonly reason?: string; readonly field?: string; readonly message?: string }[];
  readonly retryAfterSeconds?: number;
}

/** The API server answered, but not with what was asked. */
export class ApiError extends Error {
  override readonly name = 'ApiError';

  constructor(
    /** HTTP status. */
    readonly status: number,
    /** Kubernetes' word, such as `NotFound`; `''` when the answer names none. */
    readonly reason: string,
    message: string,
    readonly details: ApiStatusDetails = {},
    /** Wait that the server asks for, in ms. */
    readonly retryAfterMs?: number,
  ) {
    super(message);
  }
}

/** No answer came: the connection failed, broke, or the deadline passed. Whether a write took effect is unknown. */
export class TransportError extends Error {
  override readonly name = 'TransportError';
}

/** A write was refused by ourselves, since this process does not lead. */
export class NotLeadingError extends Error {
  override readonly name = 'NotLeadingError';
}

/** Builds the error for an answer outside 200 to 299. */
export function toApiError(subject: string, status: number, retryAfter: string | undefined, body: string): ApiError {
  const said = parseStatus(body);
  const seconds = retryAfter !== undefined && /^\d+$/.test(retryAfter) ? Number(retryAfter) : said.details?.retryAfterSeconds;
  return new ApiError(
    status,
    said.reason ?? '',
    `${subject}: HTTP ${status}: ${said.message ?? body.slice(0, 200)}`,
    said.details,
    seconds === undefined ? undefined : seconds * 1000,
  );
}

function parseStatus(body: string): ApiStatus {
  try {
    const parsed: unknown = JSON.parse(body);
    return typeof parsed === 'object' && parsed !== null ? parsed : {};
  } catch {
    return {};
  }
}

const hasStatus = (error: unknown, status: number): error is ApiError => error instanceof ApiError && error.status === status;

/** The object, or its kind, does not exist. */
export const isNotFound = (error: unknown): error is ApiError => hasStatus(error, 404);
/** Create: an object of this name exists. */
export const isAlreadyExists = (error: unknown): error is ApiError => hasStatus(error, 409) && error.reason === 'AlreadyExists';
/** The object is not as the precondition said: read again, decide again. */
export const isConflict = (error: unknown): error is ApiError => hasStatus(error, 409) && error.reason !== 'AlreadyExists';
/** A list token or a version to watch from is too old: list anew. */
export const isGone = (error: unknown): error is ApiError => hasStatus(error, 410);
/** The namespace is being deleted, or is gone: it takes nothing new. A missing object of another kind is not that. */
export const isNamespaceClosing = (error: unknown): error is ApiError =>
  (hasStatus(error, 403) && error.details.causes?.some(({ reason }) => reason === 'NamespaceTerminating') === true) ||
  (hasStatus(error, 404) && error.details.kind === 'namespaces');
/** A quota of the namespace refuses a new object. Kubernetes tells it from other refusals by its words alone. @see https://kubernetes.io/docs/concepts/policy/resource-quotas/ */
export const isQuotaRefusal = (error: unknown): boolean => hasStatus(error, 403) && error.reason === 'Forbidden' && /(exceeded|failed) quota\b/.test(error.message);
/** A step of a JSON patch does not fit the object. An answer about what breaks a schema names the kind, and this one does not. */
export const isMisfit = (error: unknown): error is ApiError => hasStatus(error, 422) && error.details.kind === undefined;
/** The same request may succeed later. */
export const isTransient = (error: unknown): boolean =>
  error instanceof TransportError || (error instanceof ApiError && (error.status === 429 || error.status >= 500));
