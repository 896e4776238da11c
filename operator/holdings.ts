import { type Claimant, placeOf } from './claimant';

interface Holder {
  readonly claimant: Claimant;
  readonly held: number;
}

interface Holders {
  /** The first to be served first. */
  readonly line: Holder[];
  /** Entry i is what the first i of the line hold; made anew when somebody asks after a change. */
  sums: readonly number[] | undefined;
}

/** How many pods of which pool batches hold by their records; a batch holds pods of one pool at a time. */
export class Holdings {
  private readonly byPool = new Map<string, Holders>();
  private readonly byBatch = new Map<string, { readonly poolUID: string; readonly holder: Holder }>();

  /** Says what a batch holds; 0 is nothing. */
  set(poolUID: string, claimant: Claimant, held: number): void {
    this.drop(claimant.uid);
    if (held === 0) return;
    const holders = this.byPool.get(poolUID) ?? { line: [], sums: undefined };
    const holder: Holder = { claimant, held };
    holders.line.splice(placeOf(holders.line, claimant), 0, holder);
    holders.sums = undefined;
    this.byPool.set(poolUID, holders);
    this.byBatch.set(claimant.uid, { poolUID, holder });
  }

  /** Forgets what a batch holds. */
  drop(batchUID: string): void {
    const known = this.byBatch.get(batchUID);
    if (known === undefined) return;
    this.byBatch.delete(batchUID);
    const holders = this.byPool.get(known.poolUID);
    if (holders === undefined) return;
    holders.line.splice(placeOf(holders.line, known.holder.claimant), 1);
    holders.sums = undefined;
    if (holders.line.length === 0) this.byPool.delete(known.poolUID);
  }

  /** Pods of a pool that batches hold which are served before this one. */
  heldBefore(poolUID: string, claimant: Claimant): number {
    const holders = this.byPool.get(poolUID);
    if (holders === undefined) return 0;
    holders.sums ??= sumsOf(holders.line);
    return holders.sums[placeOf(holders.line, claimant)] ?? 0;
  }
}

function sumsOf(line: readonly Holder[]): number[] {
  const sums = [0];
  let sum = 0;
  for (const { held } of line) sums.push((sum += held));
  return sums;
}
