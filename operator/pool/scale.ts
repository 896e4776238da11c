import type { PoolCounts } from '../pool-book';

/** What decides the size of a pool. */
export interface ScaleInput {
  readonly bufferMin: number;
  readonly bufferMax: number;
  readonly poolMin: number;
  readonly poolMax: number;
  /** `scaleStrategy.maxUnavailable`: pods, or a percentage of the wanted size. */
  readonly maxUnavailable: number | string | undefined;
  readonly counts: PoolCounts;
  /** U: unmet slots over all batches. */
  readonly unmet: number;
  /** V: pods that are replaced in this pass, because their template is old or they do not start. They are deleted beside what the plan removes. */
  readonly replaced: number;
  /** Pods that earlier passes replaced and that are still to be made: without them a buffer would end an update at the low end of its range. */
  readonly owed: number;
}

/** How many pods to create and how many idle ones to delete, and what holds growth back. */
export interface ScalePlan {
  readonly create: number;
  /** Idle pods to delete, beside the replaced ones. */
  readonly remove: number;
  /** Pods that the pool should have and does not have, whatever keeps them from being made now; 0 for one that is large enough. */
  readonly missing: number;
  /** Why fewer pods are created than wanted; `undefined` when nothing is in the way. */
  readonly blockedBy: 'NotReadyPods' | 'PoolMax' | undefined;
}

/** Pace when a pool names none. */
export const DEFAULT_MAX_UNAVAILABLE = '25%';

/**
 * Decides the size of a pool (R60, R61).
 *
 * The buffer is left alone inside its range and moves to the middle of it otherwise; poolMax wins over every other bound; held
 * pods are never deleted for size.
 */
export function planScale(input: ScaleInput): ScalePlan {
  const { counts, unmet, poolMax } = input;
  const wanted = wantedSize(input);
  const bounded = Math.min(wanted, Math.max(poolMax, counts.allocated));
  const pace = Math.max(1, resolveCount(input.maxUnavailable ?? DEFAULT_MAX_UNAVAILABLE, wanted));
  const missing = Math.max(0, bounded - counts.live);
  const room = Math.max(0, poolMax - counts.existing);
  const create = Math.max(0, Math.min(missing, room, pace - counts.idleNotReady));
  const atMax = unmet > 0 && counts.live + create >= poolMax && wanted > counts.live + create;
  return {
    create,
    remove: Math.max(0, counts.live - bounded),
    missing,
    blockedBy: atMax ? 'PoolMax' : create < Math.min(missing, room) && counts.idleNotReady > 0 ? 'NotReadyPods' : undefined,
  };
}

/**
 * Pods that are still owed once `created` pods were made in a pass with this plan: those replaced ones whose places the pass did not fill, as
 * far as the bounds still have room for them.
 */
export function planOwed(input: ScaleInput, plan: ScalePlan, created: number): number {
  const { counts, replaced, owed, bufferMax, poolMax } = input;
  const live = counts.live - replaced - plan.remove + created;
  const lacking = wantedSize(input) - counts.live - created;
  return Math.max(0, Math.min(replaced + owed, lacking, poolMax - live, bufferMax - (live - counts.allocated)));
}

/** D0: the size that the pool would have without poolMax. */
function wantedSize({ counts, unmet, replaced, owed, bufferMin, bufferMax, poolMin }: ScaleInput): number {
  const buffer = counts.live - counts.allocated;
  const wantedBuffer = buffer >= bufferMin && buffer <= bufferMax ? buffer : Math.floor((bufferMin + bufferMax) / 2);
  const stillOwed = Math.min(owed, Math.max(0, bufferMax - wantedBuffer));
  return Math.max(counts.allocated + unmet + replaced + stillOwed + wantedBuffer, poolMin);
}

/** A count of pods from a number or a percentage of `whole`, rounded up; 0 for what cannot be read. */
export function resolveCount(value: number | string, whole: number): number {
  if (typeof value === 'number') return value;
  const percent = /^(\d+)%$/.exec(value)?.[1];
  if (percent !== undefined) return Math.ceil((Number(percent) * whole) / 100);
  return /^\d+$/.test(value) ? Number(value) : 0;
}
