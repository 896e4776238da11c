import type { Clock } from '../../src/program/clock';
import type { BatchSandbox } from '../../src/schema/batch-sandbox';
import { KeyedListeners } from '../keyed-listeners';
import { addressOf, conditionOf } from './state';

/** What is known of a pool. */
interface PoolUse {
  /** Sandboxes that have a pod of it. */
  holders: number;
  /** Those of them that are being deleted. */
  leaving: number;
  /** When one was deleted or gave its pod up last, by the monotonic clock in ms; -Infinity when none has. */
  lastReturnAtMs: number;
}

/** After so long, in ms, nobody asks any more when the last pod came back to a pool. */
const FORGET_MS = 600_000;

/**
 * Which sandboxes have pods of pools, and when pods last came back or ended, by what the cache shows.
 *
 * A pod that comes back is there for the next sandbox in a moment, before the status of its pool says a word of it; and the status counts a pod for a sandbox
 * before that itself shows that it has one.
 */
export class PodHolders {
  private readonly byPool = new Map<string, PoolUse>();
  private readonly listeners = new KeyedListeners();
  /** Sandboxes that are being deleted, whose pods may be there. */
  private endingCount = 0;
  /** When one of them began to end or ended last, by the monotonic clock in ms; at first the start. */
  private lastEndAtMs: number;

  constructor(private readonly clock: Pick<Clock, 'monotonicMs'>) {
    this.lastEndAtMs = clock.monotonicMs();
  }

  /** A sandbox appeared, changed, or (without `after`) is gone. */
  note(before: BatchSandbox | undefined, after: BatchSandbox | undefined): void {
    // Another under the old name: its end and the new one may come as one change.
    if (before !== undefined && after !== undefined && before.metadata.uid !== after.metadata.uid) {
      this.note(before, undefined);
      this.note(undefined, after);
      return;
    }
    const [had, has] = [podPoolOf(before), podPoolOf(after)];
    const [wasLeaving, isLeaving] = [leavingPoolOf(before), leavingPoolOf(after)];
    if (had !== has) {
      if (had !== undefined) this.of(had).holders -= 1;
      if (has !== undefined) this.of(has).holders += 1;
    }
    if (wasLeaving !== isLeaving) {
      if (wasLeaving !== undefined) this.of(wasLeaving).leaving -= 1;
      if (isLeaving !== undefined) this.of(isLeaving).leaving += 1;
    }
    const returned = after === undefined ? had : wasLeaving === isLeaving ? undefined : (isLeaving ?? wasLeaving);
    if (returned !== undefined) this.of(returned).lastReturnAtMs = this.clock.monotonicMs();
    this.noteEnd(before, after);
    if (has !== undefined && has !== had) this.listeners.tell(has);
  }

  /** Calls the listener when one sandbox more has a pod of a pool; the returned function ends that. */
  onMore(pool: string, listener: () => void): () => void {
    return this.listeners.add(pool, listener);
  }

  /** Sandboxes that have a pod of a pool. */
  count(pool: string): number {
    return this.byPool.get(pool)?.holders ?? 0;
  }

  /** Ms since a sandbox of a pool gave its pod back; 0 while one is about to, Infinity when none is known. */
  sinceReturnMs(pool: string): number {
    const { leaving = 0, lastReturnAtMs = -Infinity } = this.byPool.get(pool) ?? {};
    return leaving > 0 ? 0 : this.clock.monotonicMs() - lastReturnAtMs;
  }

  /**
   * Ms since a sandbox of any pool or of none ended or began to, whose pod may count in quotas; 0 while one ends, and at most since the start, of before
   * which nothing is known.
   */
  sinceEndMs(): number {
    return this.endingCount > 0 ? 0 : this.clock.monotonicMs() - this.lastEndAtMs;
  }

  private noteEnd(before: BatchSandbox | undefined, after: BatchSandbox | undefined): void {
    const [wasEnding, isEnding] = [isEndingWithPod(before), isEndingWithPod(after)];
    this.endingCount += Number(isEnding) - Number(wasEnding);
    if (wasEnding !== isEnding || (after === undefined && mayHavePod(before)) || hasLostOwnPod(before, after)) this.lastEndAtMs = this.clock.monotonicMs();
  }

  private of(pool: string): PoolUse {
    const known = this.byPool.get(pool);
    if (known !== undefined) return known;
    const nowMs = this.clock.monotonicMs();
    for (const [name, { holders, leaving, lastReturnAtMs }] of this.byPool) {
      if (holders === 0 && leaving === 0 && nowMs - lastReturnAtMs > FORGET_MS) this.byPool.delete(name);
    }
    const use = { holders: 0, leaving: 0, lastReturnAtMs: -Infinity };
    this.byPool.set(pool, use);
    return use;
  }
}

/** The pool that a sandbox has a pod of, or gives one back to; undefined for one that waits for its pod: it leaves nothing to anybody. */
function podPoolOf(batch: BatchSandbox | undefined): string | undefined {
  const { replicas = 0, allocation } = batch?.status ?? {};
  const hasPod = batch !== undefined && (replicas > 0 || addressOf(batch) !== undefined || (allocation?.returning?.length ?? 0) > 0);
  return hasPod ? batch.spec.poolRef : undefined;
}

function leavingPoolOf(batch: BatchSandbox | undefined): string | undefined {
  return batch?.metadata.deletionTimestamp === undefined ? undefined : podPoolOf(batch);
}

function isEndingWithPod(batch: BatchSandbox | undefined): boolean {
  return batch?.metadata.deletionTimestamp !== undefined && mayHavePod(batch);
}

/** Whether a sandbox without a pool has fewer pods than before, such as one whose pod was evicted. */
function hasLostOwnPod(before: BatchSandbox | undefined, after: BatchSandbox | undefined): boolean {
  return after?.spec.poolRef === undefined && (after?.status?.replicas ?? 0) < (before?.status?.replicas ?? 0);
}

/** Whether a pod of a sandbox may end with it: one without a pool may have had it made without saying so yet, unless a quota has refused it. */
function mayHavePod(batch: BatchSandbox | undefined): boolean {
  if (batch === undefined) return false;
  if (batch.spec.poolRef !== undefined) return podPoolOf(batch) !== undefined;
  return (batch.status?.replicas ?? 0) > 0 || conditionOf(batch, 'Progressing')?.reason !== 'QuotaExceeded';
}
