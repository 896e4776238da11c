import { objectKey } from '../src/schema/kubernetes';
import type { Pool } from '../src/schema/pool';

/** A Pool, as the ledger gives out its pods. */
export interface PoolSource {
  readonly key: string;
  readonly uid: string;
  /** Most pods that it can have. */
  readonly poolMax: number;
  /** What must be left of the life of a pod that is given out, in ms. */
  readonly minRemainingMs: number;
  /** Time of day, in ms since 1970. */
  readonly nowMs: number;
}

/**
 * Least remaining life of a pod that is given out when a pool names none, in seconds. A delivery takes less than a tenth of a second and a task
 * begins within the next, so this is time for a short task to run, and little of the hours that a pool's pods usually live.
 */
const DEFAULT_MIN_REMAINING_SECONDS = 60;

/** What the ledger needs to know of a Pool. */
export function poolSource(pool: Pool, now: Date): PoolSource {
  const { minRemainingLifetimeSeconds = DEFAULT_MIN_REMAINING_SECONDS, capacitySpec } = pool.spec;
  return {
    key: objectKey(pool),
    uid: pool.metadata.uid ?? '',
    poolMax: capacitySpec.poolMax,
    minRemainingMs: minRemainingLifetimeSeconds * 1000,
    nowMs: now.getTime(),
  };
}
