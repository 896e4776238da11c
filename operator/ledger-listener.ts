import type { Claimant } from './claimant';

/** What changed in the ledger that somebody should look at. */
export interface LedgerListener {
  /** Counts of a pool changed; `poolUID` may belong to a Pool that is not known (yet, or any more). */
  poolChanged(poolUID: string): void;
  /** A pod that a batch holds changed. */
  heldPodChanged(batchKey: string): void;
  /** The demand for pods of a pool, by its key, changed; `first` is the batch that is served first from now on, when it has no other news of that. */
  demandChanged(poolKey: string, first?: Claimant): void;
}
