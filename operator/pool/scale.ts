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
}

/** How many pods to create and how many idle ones to delete, and what holds growth back. */
export interface ScalePlan {
  readonly create: number;
  readonly remove: number;
  /** Why fewer pods are created than wanted; `undefined` when nothing is in the way. */
  readonly blockedBy: 'NotReadyPods' | 'PoolMax' | undefined;
}

/** Pace when a pool names none. */
const DEFAULT_MAX_UNAVAILABLE = '25%';

/**
 * Decides the size of a pool (R60, R61).
 *
 * The buffer is left alone inside its range and moves to the middle of it otherwise; poolMax wins over every other bound; held
 * pods are never deleted for size.
 */
export function planScale(input: ScaleInput): ScalePlan {
  const { counts, unmet, bufferMin, bufferMax, poolMin, poolMax } = input;
  const buffer = counts.live - counts.allocated;
  const wantedBuffer = buffer >= bufferMin && buffer <= bufferMax ? buffer : Math.floor((bufferMin + bufferMax) / 2);
  const wanted = Math.max(counts.allocated + unmet + wantedBuffer, poolMin);
  const bounded = Math.min(wanted, Math.max(poolMax, counts.allocated));
  const pace = Math.max(1, resolveCount(input.maxUnavailable ?? DEFAULT_MAX_UNAVAILABLE, wanted));
  const missing = Math.max(0, bounded - counts.live);
  const room = Math.max(0, poolMax - counts.existing);
  const create = Math.max(0, Math.min(missing, room, pace - counts.idleNotReady));
  const atMax = unmet > 0 && counts.live + create >= poolMax && wanted > counts.live + create;
  return {
    create,
    remove: Math.max(0, counts.live - bounded),
    blockedBy: atMax ? 'PoolMax' : create < Math.min(missing, room) && counts.idleNotReady > 0 ? 'NotReadyPods' : undefined,
  };
}

/** A count of pods from a number or a percentage of `whole`, rounded up; 0 for what cannot be read. */
export function resolveCount(value: number | string, whole: number): number {
  if (typeof value === 'number') return value;
  const percent = /^(\d+)%$/.exec(value)?.[1];
  if (percent !== undefined) return Math.ceil((Number(percent) * whole) / 100);
  return /^\d+$/.test(value) ? Number(value) : 0;
}
