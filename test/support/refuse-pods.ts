import type { KubeApi } from '../../operator/kube/api';
import { ApiError } from '../../operator/kube/api-error';
import { PODS } from '../../operator/kube/resource-types';

/** What Kubernetes answers to a pod for which a quota has no room, in the words in which its client tells it; the embedded API server counts nothing. */
export const QUOTA_REFUSAL = new ApiError(
  403,
  'Forbidden',
  'POST /api/v1/namespaces/default/pods: HTTP 403: pods "some-pod" is forbidden: exceeded quota: compute, requested: pods=1, used: pods=1, limited: pods=1',
);

/** Makes an API refuse pods until the returned function is called. */
export function refusePods(api: KubeApi, refusal: Error): () => void {
  const create = api.create.bind(api);
  let isRefusing = true;
  jest.spyOn(api, 'create').mockImplementation((type, object, options) => (type === PODS && isRefusing ? Promise.reject(refusal) : create(type, object, options)));
  return () => {
    isRefusing = false;
  };
}
