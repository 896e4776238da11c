import type { Clock } from '../src/program/clock';
import type { Pool } from '../src/schema/pool';
import type { Claimant } from './claimant';
import type { ObjectCache } from './kube/cache';
import type { Ledger } from './ledger';
import { servable } from './line';
import { poolSource } from './pool-source';

/** What {@link WaitingBatches} works with. */
export interface WaitingTools {
  readonly ledger: Ledger;
  readonly pools: ObjectCache<Pool>;
  readonly clock: Clock;
  /** Looks at a batch in `delayMs`. */
  readonly wake: (batchKey: string, delayMs: number) => void;
}

/** Wakes batches that wait for a pool, those for whom something changed and no others. */
export class WaitingBatches {
  constructor(private readonly tools: WaitingTools) {}

  /** Batches wait for more or fewer pods of a pool, or in another order; `first` is the batch that has come to the front without knowing it. */
  lineChanged(poolKey: string, first: Claimant | undefined): void {
    this.serve(poolKey);
    // What it waits for from now on is another thing than its turn (R15).
    if (first !== undefined) this.tools.wake(first.key, 0);
  }

  /** Pods of a pool came free: whoever gets them now is served. */
  serve(poolKey: string): void {
    const { ledger, pools, clock, wake } = this.tools;
    const line = ledger.demands.line(poolKey);
    const pool = pools.get(poolKey);
    if (line.length === 0 || pool === undefined) return;
    for (const batch of servable(line, ledger.supply(poolSource(pool, clock.now())))) wake(batch.key, 0);
  }

  /** A Pool appeared, changed or is gone: everybody who waits for it may have another reason to. */
  poolChanged(poolKey: string): void {
    for (const { claimant } of this.tools.ledger.demands.line(poolKey)) this.tools.wake(claimant.key, 0);
  }
}
