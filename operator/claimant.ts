import type { BatchSandbox } from '../src/schema/batch-sandbox';
import { objectKey } from '../src/schema/kubernetes';
import { compareText } from './ready-queue';

/** A batch, as the ledger orders and names it. */
export interface Claimant {
  readonly key: string;
  readonly uid: string;
  readonly createdAt: string;
}

/** The ledger's view of a batch. */
export function claimantOf(batch: BatchSandbox): Claimant {
  return { key: objectKey(batch), uid: batch.metadata.uid ?? '', createdAt: batch.metadata.creationTimestamp ?? '' };
}

/** Order in which batches are served: oldest first, then by name (R14). */
export function compareClaimants(a: Claimant, b: Claimant): number {
  return compareText(a.createdAt, b.createdAt) || compareText(a.key, b.key) || compareText(a.uid, b.uid);
}
