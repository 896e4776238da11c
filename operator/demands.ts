import { type Claimant, compareClaimants, placeOf } from './claimant';

/** What a batch waits for. */
export interface Demand {
  readonly claimant: Claimant;
  /** Slots without a pod; above 0. */
  readonly unmet: number;
  /** Slots that have one. */
  readonly held: number;
}

/** Whether a pool of at most `poolMax` pods can serve a demand at all: one that takes all or nothing must fit into it whole. */
export function fitsPool({ claimant, unmet, held }: Demand, poolMax: number): boolean {
  return !claimant.allOrNothing || held + unmet <= poolMax;
}

/** Which batches wait for pods of which pool, and for how many. A pool is named by its key: it may not exist yet. */
export class Demands {
  /** Pool key -> who waits for it, the first to be served first. */
  private readonly lines = new Map<string, Demand[]>();
  /** Batch UID -> the key of its pool, and its place by what it said last. */
  private readonly byBatch = new Map<string, { readonly poolKey: string; readonly demand: Demand }>();

  /** @param changed is called with the key of a pool whose demand changed, and with the batch that this made the first of the line */
  constructor(private readonly changed: (poolKey: string, first?: Claimant) => void) {}

  /**
   * Declares how many slots of a batch still wait for pods of a pool, and how many have one; 0 waiting ones end the wait. A batch waits for one
   * pool at a time.
   */
  set(poolKey: string, claimant: Claimant, unmet: number, held = 0): void {
    const known = this.byBatch.get(claimant.uid);
    if (known === undefined && unmet === 0) return;
    if (known?.poolKey === poolKey && isSame(known.demand, { claimant, unmet, held })) return;
    const leaves = known !== undefined && known.poolKey !== poolKey;
    const first = this.first(poolKey);
    const firstLeft = leaves ? this.first(known.poolKey) : undefined;
    if (known !== undefined) this.remove(known.poolKey, known.demand);
    if (unmet > 0) this.insert(poolKey, { claimant, unmet, held });
    if (leaves) this.noteChange(known.poolKey, firstLeft, claimant.uid);
    if (!leaves || unmet > 0) this.noteChange(poolKey, first, claimant.uid);
  }

  /** Declares the wait of a batch that has declared nothing, and tells nobody: for whoever looks at every batch and pool afterwards. */
  restore(poolKey: string, claimant: Claimant, unmet: number, held: number): void {
    if (unmet > 0 && !this.byBatch.has(claimant.uid)) this.insert(poolKey, { claimant, unmet, held });
  }

  /** Ends the wait of a batch. */
  drop(batchUID: string): void {
    const known = this.byBatch.get(batchUID);
    if (known !== undefined) this.set(known.poolKey, known.demand.claimant, 0);
  }

  /** Unmet slots over all batches that wait for a pool and can be served by `poolMax` pods. */
  unmet(poolKey: string, poolMax = Infinity): number {
    return this.line(poolKey).reduce((sum, demand) => sum + (fitsPool(demand, poolMax) ? demand.unmet : 0), 0);
  }

  /** What batches wait for, the first to be served first. */
  line(poolKey: string): readonly Demand[] {
    return this.lines.get(poolKey) ?? NOBODY;
  }

  private first(poolKey: string): Claimant | undefined {
    return this.line(poolKey)[0]?.claimant;
  }

  private insert(poolKey: string, demand: Demand): void {
    const line = this.lines.get(poolKey) ?? [];
    line.splice(placeOf(line, demand.claimant), 0, demand);
    this.lines.set(poolKey, line);
    this.byBatch.set(demand.claimant.uid, { poolKey, demand });
  }

  private remove(poolKey: string, { claimant }: Demand): void {
    const line = this.lines.get(poolKey) ?? [];
    line.splice(placeOf(line, claimant), 1);
    if (line.length === 0) this.lines.delete(poolKey);
    this.byBatch.delete(claimant.uid);
  }

  private noteChange(poolKey: string, firstBefore: Claimant | undefined, mover: string): void {
    const first = this.first(poolKey);
    // Whoever moved knows; the one that it let pass has no other news of it.
    const isNews = first !== undefined && first.uid !== firstBefore?.uid && first.uid !== mover;
    this.changed(poolKey, isNews ? first : undefined);
  }
}

const NOBODY: readonly Demand[] = [];

function isSame(a: Demand, b: Demand): boolean {
  return (
    a.unmet === b.unmet &&
    a.held === b.held &&
    a.claimant.allOrNothing === b.claimant.allOrNothing &&
    compareClaimants(a.claimant, b.claimant) === 0
  );
}
