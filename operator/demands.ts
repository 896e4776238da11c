import { type Claimant, compareClaimants } from './claimant';

interface Demand {
  readonly claimant: Claimant;
  readonly unmet: number;
}

/** Which batches wait for pods of which pool, and for how many. A pool is named by its key: it may not exist yet. */
export class Demands {
  private readonly byPool = new Map<string, Map<string, Demand>>();

  /** @param changed is called with the key of a pool whose demand changed */
  constructor(private readonly changed: (poolKey: string) => void) {}

  /** Declares how many slots of a batch still wait for pods of a pool; 0 ends the wait. A batch waits for one pool at a time. */
  set(poolKey: string, claimant: Claimant, unmet: number): void {
    for (const [key, demands] of this.byPool) {
      if (key !== poolKey && demands.delete(claimant.uid)) this.noteChange(key);
    }
    const demands = this.byPool.get(poolKey) ?? new Map<string, Demand>();
    if ((demands.get(claimant.uid)?.unmet ?? 0) === unmet) return;
    this.byPool.set(poolKey, demands);
    if (unmet === 0) demands.delete(claimant.uid);
    else demands.set(claimant.uid, { claimant, unmet });
    this.noteChange(poolKey);
  }

  /** Ends every wait of a batch. */
  drop(batchUID: string): void {
    for (const [key, demands] of this.byPool) if (demands.delete(batchUID)) this.noteChange(key);
  }

  /** Unmet slots over all batches that wait for a pool. */
  unmet(poolKey: string): number {
    return this.sum(poolKey, () => true);
  }

  /** Unmet slots of the batches that are served before this one. */
  unmetBefore(poolKey: string, claimant: Claimant): number {
    return this.sum(poolKey, (other) => other.uid !== claimant.uid && compareClaimants(other, claimant) < 0);
  }

  /** Batches that wait for a pool, the first to be served first. */
  waiting(poolKey: string): Claimant[] {
    return [...(this.byPool.get(poolKey)?.values() ?? [])].map((demand) => demand.claimant).sort(compareClaimants);
  }

  private sum(poolKey: string, counts: (claimant: Claimant) => boolean): number {
    let sum = 0;
    for (const demand of this.byPool.get(poolKey)?.values() ?? []) if (counts(demand.claimant)) sum += demand.unmet;
    return sum;
  }

  private noteChange(poolKey: string): void {
    if (this.byPool.get(poolKey)?.size === 0) this.byPool.delete(poolKey);
    this.changed(poolKey);
  }
}
