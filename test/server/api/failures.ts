import { ApiError, TransportError } from '../../../operator/kube/api-error';
import { fromKubeError } from '../../../server/kube-errors';
import type { LifecycleError } from '../../../server/lifecycle-error';
import { judgeCreate } from '../../../server/sandboxes/verdict';
import type { BatchSandbox } from '../../../src/schema/batch-sandbox';
import { Annotation } from '../../../src/schema/names';

/** What the failures of the cluster mean to callers. */
export function failureSuite(): void {
  test.each<[string, Error, string, string | undefined]>([
    ['no answer', new TransportError('socket: 10.0.0.1 refused'), '503 KUBERNETES::UNAVAILABLE', '2'],
    ['too many requests', new ApiError(429, 'TooManyRequests', 'at 10.0.0.1', {}, 7_500), '503 KUBERNETES::UNAVAILABLE', '8'],
    ['a failure of its own', new ApiError(500, 'InternalError', 'etcd at 10.0.0.1'), '503 KUBERNETES::UNAVAILABLE', '2'],
    ['a quota', new ApiError(403, 'Forbidden', 'exceeded quota: 10.0.0.1'), '403 KUBERNETES::QUOTA_EXCEEDED', undefined],
    ['a right that the server lacks', new ApiError(403, 'Forbidden', 'user at 10.0.0.1'), '500 KUBERNETES::API_ERROR', undefined],
    ['a conflict', new ApiError(409, 'Conflict', 'at 10.0.0.1'), '409 KUBERNETES::INVALID_STATE', undefined],
    ['an object that is not valid', new ApiError(422, 'Invalid', 'at 10.0.0.1', { causes: [{ field: 'spec.x', message: 'Required value' }] }), '400 SANDBOX::INVALID_PARAMETER', undefined],
  ])('of the API server, %s is told without its own words (L39)', (_case, failure, told, retryAfter) => {
    const { status, code, message, headers } = fromKubeError(failure, "create sandbox 'a'") as LifecycleError;
    expect([`${status} ${code}`, headers['retry-after']]).toEqual([told, retryAfter]);
    expect(message).toMatch(/^create sandbox 'a': /);
    expect(message).not.toContain('10.0.0.1');
  });

  const batch = (status: object, annotations: Record<string, string> = {}) => ({ metadata: { name: 'a', annotations }, spec: { replicas: 1, poolRef: 'warm' }, status }) as BatchSandbox;
  const condition = (type: 'PodFailed' | 'PoolAllocationPending' | 'Accepted' | 'Progressing', reason: string, holds = true) => ({ conditions: [{ type, status: holds ? ('True' as const) : ('False' as const), reason, message: 'why' }] });
  test.each<[string, BatchSandbox | undefined, string]>([
    ['a container that cannot start', batch({ phase: 'Failed', ...condition('PodFailed', 'ImagePullBackOff') }), 'KUBERNETES::POD_FAILED'],
    ['an entrypoint that has failed', batch({ taskFailed: 1 }), 'KUBERNETES::POD_FAILED'],
    ['an object that nobody can read', batch(condition('Accepted', 'InvalidSpec', false)), 'SANDBOX::INVALID_PARAMETER'],
    ['a pool that is not there', batch(condition('PoolAllocationPending', 'PoolNotFound')), 'KUBERNETES::POOL_NOT_FOUND'],
    ['a pool whose image cannot be had', batch(condition('PoolAllocationPending', 'ImagePull')), 'KUBERNETES::POD_FAILED'],
    ['a quota that refuses its pod', batch(condition('Progressing', 'QuotaExceeded')), 'KUBERNETES::QUOTA_EXCEEDED'],
    ['a deletion by another', undefined, 'KUBERNETES::POD_FAILED'],
    ['a pool that is full', batch(condition('PoolAllocationPending', 'PoolExhausted')), 'wait'],
    ['an address without a Ready pod', batch({ ready: 0 }, { [Annotation.endpoints]: '["10.0.0.1"]' }), 'wait'],
    ['a Ready pod without an address', batch({ ready: 1 }), 'wait'],
    ['a Ready pod with an address', batch({ ready: 1 }, { [Annotation.endpoints]: '["10.0.0.1"]' }), 'ready'],
  ])('a create ends at once by what only a person can mend, and by nothing else: %s (L19, L20)', (_case, object, want) => {
    const verdict = judgeCreate(object, undefined, { now: new Date(), holders: 0, sinceLeftMs: Infinity });
    expect(verdict.kind === 'failed' ? verdict.error.code : verdict.kind).toBe(want);
  });
}
