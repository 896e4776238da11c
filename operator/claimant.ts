import type { BatchSandbox } from '../src/schema/batch-sandbox';
import { objectKey } from '../src/schema/kubernetes';
import { compareText } from './ready-queue';

/** A batch, as the ledger orders and names it. */
export interface Claimant {
  readonly key: string;
  readonly uid: string;
  readonly createdAt: string;
  /** `spec.priority`; higher is served first. */
  readonly priority: number;
  /** It takes pods for all its empty slots at once, or none. */
  readonly allOrNothing: boolean;
}

/** The ledger's view of a batch. */
export function claimantOf(batch: BatchSandbox): Claimant {
  return {
    key: objectKey(batch),
    uid: batch.metadata.uid ?? '',
    createdAt: batch.metadata.creationTimestamp ?? '',
    priority: batch.spec.priority ?? 0,
    allOrNothing: batch.spec.allocationPolicy === 'AllOrNothing',
  };
}

/** Order in which batches are served: highest priority first, then oldest, then by name (R14). */
export function compareClaimants(a: Claimant, b: Claimant): number {
  return b.priority - a.priority || compareAge(a, b);
}

/** Oldest first, then by name: an edit never changes which of two records of one pod counts (R109). */
export function compareAge(a: Claimant, b: Claimant): number {
  return compareText(a.createdAt, b.createdAt) || compareText(a.key, b.key) || compareText(a.uid, b.uid);
}

/** Index of a batch in a line that is in the order of {@link compareClaimants}, or the one that it would have. */
export function placeOf(line: readonly { readonly claimant: Claimant }[], claimant: Claimant): number {
  let low = 0;
  let high = line.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const other = line[middle]?.claimant;
    if (other !== undefined && compareClaimants(other, claimant) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
