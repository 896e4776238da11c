import { ApiError, isQuotaRefusal, TransportError } from '../operator/kube/api-error';
import { LifecycleError } from './lifecycle-error';

/** Seconds after which a call to an API server that did not answer is worth another try. */
const RETRY_AFTER_SECONDS = 2;

/**
 * What the failure of a call to the API server means to the caller of ours; other errors come back as they are.
 *
 * It is told by status and reason alone; the text of the API server goes to the log, but for what it says of the caller's own object.
 *
 * @param what the call was for, such as `create sandbox 'a1'`
 */
export function fromKubeError(error: unknown, what: string): unknown {
  if (error instanceof TransportError) {
    return new LifecycleError('KUBERNETES::UNAVAILABLE', `${what}: the API server of the cluster does not answer`, { retryAfterSeconds: RETRY_AFTER_SECONDS, cause: error });
  }
  return error instanceof ApiError ? fromApiError(error, what) : error;
}

function fromApiError(error: ApiError, what: string): LifecycleError {
  if (isQuotaRefusal(error)) {
    return new LifecycleError('KUBERNETES::QUOTA_EXCEEDED', `${what}: a quota of the namespace is used up`, { cause: error });
  }
  if (error.status === 409) return new LifecycleError('KUBERNETES::INVALID_STATE', `${what}: it was changed by others at the same time; try again`, { cause: error });
  if (error.status === 422 || error.status === 400) {
    const fields = error.details.causes?.flatMap(({ field, message }) => (field === undefined ? [] : [`${field}: ${message ?? 'not valid'}`])) ?? [];
    return new LifecycleError('SANDBOX::INVALID_PARAMETER', `${what}: the cluster does not accept it${fields.length === 0 ? '' : `: ${fields.join('; ')}`}`, { cause: error });
  }
  if (error.status === 429 || error.status >= 500) {
    const retryAfterSeconds = error.retryAfterMs === undefined ? RETRY_AFTER_SECONDS : Math.ceil(error.retryAfterMs / 1000);
    return new LifecycleError('KUBERNETES::UNAVAILABLE', `${what}: the API server of the cluster cannot serve it now`, { retryAfterSeconds, cause: error });
  }
  return new LifecycleError('KUBERNETES::API_ERROR', `${what}: the cluster refused it; the log of the server has more`, { cause: error });
}
