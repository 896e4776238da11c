import type { BatchSandbox } from '../../src/schema/batch-sandbox';
import type { Pool } from '../../src/schema/pool';
import { LifecycleError, poolNotFound } from '../lifecycle-error';
import { conditionOf, isRunning, sandboxStatus } from './state';

/** What a waiting create does next. */
export type Verdict =
  | { readonly kind: 'ready' }
  | { readonly kind: 'failed'; readonly error: LifecycleError }
  | Wait;

/** That a create goes on waiting, and what for. */
export interface Wait {
  readonly kind: 'wait';
  /** Its pool has no pod for it and may not make one. */
  readonly lack?: Lack;
  /** When time alone may change the verdict. */
  readonly lookInMs?: number;
  /** Another verdict may follow when more sandboxes show that they have a pod of its pool. */
  readonly countsHolders?: boolean;
  readonly message?: string;
}

/** What counts beside the objects. */
export interface Moment {
  readonly now: Date;
  /** Sandboxes that show that they have a pod of the pool. */
  readonly holders: number;
  /** Ms since a pod of the namespace ended or began to, as far as this server has seen, and at most since its start. */
  readonly sinceLeftMs: number;
}

/** That a pool has no pod to give, and may not make one. */
export interface Lack {
  /** What the create ends with, unless a pod comes back meanwhile. */
  readonly error: LifecycleError;
  /** Sandboxes that are known have all pods of the pool: none is idle, starts, or is on its way to this one. */
  readonly isCertain: boolean;
}

/** Seconds after which a pool that was full is worth another try. */
const ROOM_RETRY_SECONDS = 5;

/**
 * How long a quota must have refused pods of a pool, and no pod of the namespace left meanwhile, until it is certain that none will fit, in ms. A pod that
 * ends counts in the quota until it has gone: 30 s by default, and the rest is for its node to say so.
 */
const QUOTA_CERTAIN_MS = 40_000;

/**
 * Judges a create by what the cluster says of its sandbox; pure.
 *
 * What nobody but a person can mend ends the wait at once (L19); that there is no room does not.
 *
 * @param batch undefined when it has been deleted meanwhile
 * @param pool its Pool, as far as it is known; its status may come before or after what the batch says
 */
export function judgeCreate(batch: BatchSandbox | undefined, pool: Pool | undefined, moment: Moment): Verdict {
  if (batch === undefined || batch.metadata.deletionTimestamp !== undefined) return { kind: 'failed', error: deletedBeforeReady() };
  const { state, message } = sandboxStatus(batch);
  if (state === 'Failed') {
    const invalid = conditionOf(batch, 'Accepted')?.status === 'False';
    return failed(invalid ? 'SANDBOX::INVALID_PARAMETER' : 'KUBERNETES::POD_FAILED', message ?? 'it cannot start');
  }
  // A task may have ended by then, as that of an entrypoint that sets something up: the sandbox is there.
  if (isRunning(batch)) return { kind: 'ready' };
  const progress = conditionOf(batch, 'Progressing');
  if (progress?.reason === 'QuotaExceeded') return failed('KUBERNETES::QUOTA_EXCEEDED', progress.message ?? 'a quota of the namespace refuses its pod');
  const waiting = conditionOf(batch, 'PoolAllocationPending');
  const wait = (more: Pick<Wait, 'lack' | 'lookInMs' | 'countsHolders'> = {}): Wait => ({ kind: 'wait', ...more, message: waiting?.message });
  switch (waiting?.reason ?? '') {
    case 'PoolNotFound':
    case 'PoolTerminating':
      return { kind: 'failed', error: poolNotFound(batch.spec.poolRef ?? '') };
    case 'NoEligiblePool':
      return failed('KUBERNETES::POOL_NOT_FOUND', waiting?.message ?? 'no pool suits');
    case 'PoolNotAccepted':
    case 'ImagePull':
      return failed('KUBERNETES::POD_FAILED', waiting?.message ?? 'its pool cannot make pods');
    case 'QuotaExceeded': {
      const lookInMs = pool && untilQuotaIsCertainMs(pool, moment);
      if (lookInMs !== 0) return wait({ lookInMs, countsHolders: pool !== undefined && isGivenOut(pool) });
      return failed('KUBERNETES::QUOTA_EXCEEDED', waiting?.message ?? 'a quota of the namespace refuses pods of its pool');
    }
    case 'PoolExhausted':
    case 'PoolTooSmall':
      return wait(lackOf(pool, moment, waiting?.message));
    case 'Queued':
      return wait(pool !== undefined && isFull(pool) ? lackOf(pool, moment, waiting?.message) : {});
    default:
      return wait();
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

/**
 * In how many ms it is certain that a quota leaves a pool nothing for another sandbox, if nothing changes; undefined when that is not to be seen. The pool
 * may have been refused the last of many pods, and the one for this sandbox starts.
 */
function untilQuotaIsCertainMs(pool: Pool, { now, holders, sinceLeftMs }: Moment): number | undefined {
  const refusal = pool.status?.conditions?.find(({ type, reason }) => type === 'ScaleBlocked' && reason === 'QuotaExceeded');
  const refusedMs = now.getTime() - Date.parse(refusal?.lastTransitionTime ?? '');
  return !isHeld(pool, holders) || Number.isNaN(refusedMs) ? undefined : Math.max(0, QUOTA_CERTAIN_MS - Math.min(refusedMs, sinceLeftMs));
}

/** What a create lacks whose pool is said to be full. */
function lackOf(pool: Pool | undefined, { holders }: Moment, message: string | undefined): Pick<Wait, 'lack' | 'countsHolders'> {
  const countsHolders = pool !== undefined && isFull(pool) && isGivenOut(pool);
  return { lack: { error: full(message), isCertain: countsHolders && isHeld(pool, holders) }, countsHolders };
}

/**
 * Whether known sandboxes have all pods of a pool that it counts.
 *
 * A pool counts a pod as given out from when it was chosen for a sandbox, which says so itself a moment later: it may be the one that asks. It counts one
 * that is recycled, too.
 */
function isHeld(pool: Pool, holders: number): boolean {
  return isGivenOut(pool) && holders >= (pool.status?.allocated ?? 0);
}

/** Whether a pool says that all its pods are given out: none is idle and none starts. Those that are being deleted it does not count. */
function isGivenOut({ status }: Pool): boolean {
  return status !== undefined && status.allocated >= status.total && status.available === 0;
}

function full(message: string | undefined): LifecycleError {
  return new LifecycleError('KUBERNETES::POOL_CAPACITY_EXHAUSTED', message, { retryAfterSeconds: ROOM_RETRY_SECONDS });
}

function failed(code: ConstructorParameters<typeof LifecycleError>[0], message: string): Verdict {
  return { kind: 'failed', error: new LifecycleError(code, `sandbox: ${message}`) };
}
