/** What one code of the lifecycle API means to its caller. */
interface LifecycleErrorEntry {
  /** Status of an answer with this code, unless the caller of {@link LIFECYCLE_ERRORS} has a reason for another. */
  readonly httpStatus: number;
  /** Default message, for errors that have nothing more exact to say. */
  readonly sentence: string;
}

const table = <C extends string>(codes: Record<C, LifecycleErrorEntry>): Readonly<Record<C, LifecycleErrorEntry>> => codes;

/**
 * Every code in the body `{code, message}` of an error of the lifecycle API. Clients of OpenSandbox match on them, so they keep its form.
 *
 * @see docs/errors.md
 */
export const LIFECYCLE_ERRORS = table({
  'SANDBOX::INVALID_PARAMETER': { httpStatus: 400, sentence: 'the request has a value that cannot be used' },
  'SANDBOX::INVALID_METADATA_LABEL': { httpStatus: 400, sentence: 'a metadata key or value is no Kubernetes label, or reserved' },
  INVALID_METADATA_LABEL: { httpStatus: 400, sentence: 'a metadata key of the patch is reserved' },
  INVALID_METADATA_FORMAT: { httpStatus: 400, sentence: 'the metadata filter is not k=v&k2=v2' },
  'VOLUME::INVALID': { httpStatus: 400, sentence: 'a volume cannot be mounted as asked' },
  'DOCKER::INVALID_ENTRYPOINT': { httpStatus: 400, sentence: 'a sandbox with an image needs an entrypoint' },
  'DOCKER::INVALID_PORT': { httpStatus: 400, sentence: 'the port is out of range' },
  'DOCKER::INVALID_EXPIRATION': { httpStatus: 400, sentence: 'the expiry cannot be set as asked' },
  DIAGNOSTICS_SCOPE_UNSUPPORTED: { httpStatus: 400, sentence: 'the scope is unknown' },
  MISSING_API_KEY: { httpStatus: 401, sentence: 'the header OPEN-SANDBOX-API-KEY is missing' },
  INVALID_API_KEY: { httpStatus: 401, sentence: 'the key in OPEN-SANDBOX-API-KEY is not valid' },
  MISSING_OR_INVALID_SECURE_ACCESS: { httpStatus: 401, sentence: 'the proxy needs the API key or the access token of the sandbox' },
  'KUBERNETES::QUOTA_EXCEEDED': { httpStatus: 403, sentence: 'a quota of the namespace is used up' },
  'KUBERNETES::SANDBOX_NOT_FOUND': { httpStatus: 404, sentence: 'there is no such sandbox' },
  'KUBERNETES::POOL_NOT_FOUND': { httpStatus: 404, sentence: 'there is no such pool' },
  'KUBERNETES::POD_IP_NOT_AVAILABLE': { httpStatus: 404, sentence: 'the sandbox has no address yet' },
  'GENERAL::NOT_FOUND': { httpStatus: 404, sentence: 'there is no such route' },
  'GENERAL::METHOD_NOT_ALLOWED': { httpStatus: 405, sentence: 'the route takes another method' },
  'KUBERNETES::INVALID_STATE': { httpStatus: 409, sentence: 'the state of the object does not allow this' },
  'KUBERNETES::POOL_ALREADY_EXISTS': { httpStatus: 409, sentence: 'there is a pool of this name' },
  'IDEMPOTENCY::KEY_REUSED': { httpStatus: 409, sentence: 'the idempotency key was used for another request' },
  'GENERAL::BODY_TOO_LARGE': { httpStatus: 413, sentence: 'the body is larger than the server reads' },
  'KUBERNETES::POOL_CAPACITY_EXHAUSTED': { httpStatus: 429, sentence: 'the pool has no sandbox left and may not grow' },
  'GENERAL::TOO_MANY_REQUESTS': { httpStatus: 429, sentence: 'the key has too many requests under way' },
  'KUBERNETES::API_ERROR': { httpStatus: 500, sentence: 'the cluster refused the server what it needs' },
  'KUBERNETES::POD_FAILED': { httpStatus: 500, sentence: 'the sandbox cannot start' },
  'GENERAL::UNKNOWN_ERROR': { httpStatus: 500, sentence: 'a fault of the server; its log has more under the request id' },
  'SNAPSHOT::NOT_IMPLEMENTED': { httpStatus: 501, sentence: 'this runtime takes no snapshots yet' },
  BACKEND_CONNECTION_FAILED: { httpStatus: 502, sentence: 'nothing answers in the sandbox on this port' },
  BACKEND_RESPONSE_FAILED: { httpStatus: 502, sentence: 'the answer from the sandbox broke off' },
  'KUBERNETES::INITIALIZATION_ERROR': { httpStatus: 503, sentence: 'the server has not read the state of the cluster yet' },
  'KUBERNETES::UNAVAILABLE': { httpStatus: 503, sentence: 'the API server of the cluster does not answer' },
  'KUBERNETES::POD_READY_TIMEOUT': { httpStatus: 503, sentence: 'the sandbox was not ready in time' },
  'GENERAL::SHUTTING_DOWN': { httpStatus: 503, sentence: 'the server is shutting down' },
  BACKEND_TIMEOUT: { httpStatus: 504, sentence: 'nothing came from the sandbox in time' },
});

export type LifecycleErrorCode = keyof typeof LIFECYCLE_ERRORS;
