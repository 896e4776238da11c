import type { BatchSandbox } from '../../src/schema/batch-sandbox';
import type { Pool } from '../../src/schema/pool';
import { LifecycleError, poolNotFound } from '../lifecycle-error';
import { conditionOf, isRunning, sandboxStatus } from './state';

/** What a waiting create does next. */
export type Verdict =
  | { readonly kind: 'ready' }
  | { readonly kind: 'failed'; readonly error: LifecycleError }
  /** `full`: its pool has no pod for it and may not make one. */
  | { readonly kind: 'wait'; readonly full: boolean; readonly message?: string };

/**
 * Judges a create by what the cluster says of its sandbox; pure.
 *
 * What nobody but a person can mend ends the wait at once (L19); that there is no room does not.
 *
 * @param batch undefined when it has been deleted meanwhile
 * @param pool its Pool, as far as it is known
 */
export function judgeCreate(batch: BatchSandbox | undefined, pool: Pool | undefined): Verdict {
  if (batch === undefined || batch.metadata.deletionTimestamp !== undefined) return { kind: 'failed', error: deletedBeforeReady() };
  const { state, message } = sandboxStatus(batch);
  if (state === 'Failed') {
    const invalid = conditionOf(batch, 'Accepted')?.status === 'False';
    return failed(invalid ? 'SANDBOX::INVALID_PARAMETER' : 'KUBERNETES::POD_FAILED', message ?? 'it cannot start');
  }
  // A task may have ended by then, as that of an entrypoint that sets something up: the sandbox is there.
  if (isRunning(batch)) return { kind: 'ready' };
  const waiting = conditionOf(batch, 'PoolAllocationPending');
  switch (waiting?.reason ?? '') {
    case 'PoolNotFound':
    case 'PoolTerminating':
      return { kind: 'failed', error: poolNotFound(batch.spec.poolRef ?? '') };
    case 'NoEligiblePool':
      return failed('KUBERNETES::POOL_NOT_FOUND', waiting?.message ?? 'no pool suits');
    case 'PoolNotAccepted':
    case 'ImagePull':
      return failed('KUBERNETES::POD_FAILED', waiting?.message ?? 'its pool cannot make pods');
    case 'PoolExhausted':
    case 'PoolTooSmall':
      return { kind: 'wait', full: true, message: waiting?.message };
    case 'Queued':
      return { kind: 'wait', full: pool !== undefined && isFull(pool), message: waiting?.message };
    default:
      return { kind: 'wait', full: false, message: waiting?.message };
  }
}

/** The error for a sandbox that somebody has deleted before its create was answered. */
export function deletedBeforeReady(): LifecycleError {
  return new LifecycleError('KUBERNETES::POD_FAILED', 'sandbox: it was deleted before it was ready');
}

/** Whether a pool has all the pods that it may have, and none is idle. */
function isFull({ spec, status }: Pool): boolean {
  return (status?.total ?? 0) >= spec.capacitySpec.poolMax && (status?.available ?? 0) === 0;
}

function failed(code: ConstructorParameters<typeof LifecycleError>[0], message: string): Verdict {
  return { kind: 'failed', error: new LifecycleError(code, `sandbox: ${message}`) };
}
