import { type Claimant, compareClaimants } from './claimant';

/** How many pods of which pool batches hold by their records; a batch holds pods of one pool at a time. */
export class Holdings {
  private readonly byPool = new Map<string, Map<string, { readonly claimant: Claimant; readonly held: number }>>();
  private readonly poolByBatch = new Map<string, string>();

  /** Says what a batch holds; 0 is nothing. */
  set(poolUID: string, claimant: Claimant, held: number): void {
    this.drop(claimant.uid);
    if (held === 0) return;
    const holders = this.byPool.get(poolUID) ?? new Map<string, { claimant: Claimant; held: number }>();
    this.byPool.set(poolUID, holders.set(claimant.uid, { claimant, held }));
    this.poolByBatch.set(claimant.uid, poolUID);
  }

  /** Forgets what a batch holds. */
  drop(batchUID: string): void {
    const poolUID = this.poolByBatch.get(batchUID);
    if (poolUID === undefined) return;
    this.poolByBatch.delete(batchUID);
    const holders = this.byPool.get(poolUID);
    holders?.delete(batchUID);
    if (holders?.size === 0) this.byPool.delete(poolUID);
  }

  /** Pods of a pool that batches hold which are served before this one; costs the number of holders. */
  heldBefore(poolUID: string, claimant: Claimant): number {
    let sum = 0;
    for (const holder of this.byPool.get(poolUID)?.values() ?? []) if (compareClaimants(holder.claimant, claimant) < 0) sum += holder.held;
    return sum;
  }
}
