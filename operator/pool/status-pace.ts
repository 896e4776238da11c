import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../../src/program/clock';
import type { PoolStatus } from '../../src/schema/pool';

/** Counts that go on changing are written as often, in ms: people and tools read them, and no delivery waits for them (ADR 0025). */
const COUNTS_EVERY_MS = 250;

/** How long the status of a pool is to wait for its next write: while pods or batches come by the dozen, only its counts change. */
export class StatusPace {
  /** Pool UID -> time of its last write, by the monotonic clock. */
  private readonly writtenAtMs = new Map<string, number>();

  constructor(private readonly clock: Clock) {}

  /** In how many ms a status is to be written in the place of another; 0 is now, also when both are the same. */
  waitMs(poolUID: string, before: PoolStatus | undefined, after: PoolStatus): number {
    const isUrgent = before === undefined || (isWhole(after) && !isWhole(before)) || !isDeepStrictEqual(withoutCounts(before), withoutCounts(after));
    if (isUrgent || isDeepStrictEqual(before, after)) return 0;
    return Math.max(0, (this.writtenAtMs.get(poolUID) ?? -Infinity) + COUNTS_EVERY_MS - this.clock.monotonicMs());
  }

  /** A status of a pool is written. */
  note(poolUID: string): void {
    this.writtenAtMs.set(poolUID, this.clock.monotonicMs());
  }

  forget(poolUID: string): void {
    this.writtenAtMs.delete(poolUID);
  }
}

/** Whether no pod of the pool is on its way: who waits for that is not to wait longer. */
const isWhole = ({ total, allocated, available }: PoolStatus): boolean => allocated + available >= total;

const withoutCounts = ({ total: _total, allocated: _allocated, available: _available, updated: _updated, ...rest }: PoolStatus) => rest;
