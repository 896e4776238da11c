import type { Pool } from '../src/schema/pool';
import type { OwnWrites } from './own-writes';
import { reasonToWait } from './pool-news';

/** One difference in a Pool. */
export interface PoolChange {
  /** `<namespace>/<name>`. */
  readonly key: string;
  /** Absent: the Pool is new. */
  readonly before: Pool | undefined;
  /** Absent: the Pool is gone. */
  readonly after: Pool | undefined;
}

/** Whoever follows Pools. */
export interface PoolFollowers {
  /** Passes over the Pools themselves. */
  readonly queue: { add(poolKey: string): void; forget(poolKey: string): void };
  /** Pods on their way back to a Pool. */
  readonly recycler: { poolChanged(poolKey: string): void };
  /** Batches that wait for a Pool. */
  readonly waiting: { poolChanged(poolKey: string): void };
}

/**
 * Tells of a change of a Pool, once it is known whether it was ours; of our own writes only what they say to batches, since most of them are counts.
 *
 * While a write of the Pool is under way, that is known at its end: the watch may be faster than the answer.
 */
export function tellOfPool({ key, before, after }: PoolChange, ownWrites: OwnWrites, { queue, recycler, waiting }: PoolFollowers): void {
  const hasNewReason = reasonToWait(before) !== reasonToWait(after);
  if (hasNewReason) waiting.poolChanged(key);
  const tellOthers = () => {
    recycler.poolChanged(key);
    if (!hasNewReason) waiting.poolChanged(key);
  };
  if (after === undefined) {
    queue.forget(key);
    tellOthers();
    return;
  }
  ownWrites.unlessOwn(after, () => {
    queue.add(key);
    tellOthers();
  });
}
