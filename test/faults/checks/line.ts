import type { BatchSandbox } from '../../../src/schema/batch-sandbox';
import { recordOf } from './records';

/** Whether a batch takes pods for all its empty slots at once, or none. */
export const isWhole = ({ spec }: BatchSandbox): boolean => spec.allocationPolicy === 'AllOrNothing';

/** Slots of a pooled batch without a pod that are not finished. */
export function unmetOf(batch: BatchSandbox): number {
  const { replicas = 1 } = batch.spec;
  return replicas - heldOf(batch) - recordOf(batch).finished.filter((index) => index < replicas).length;
}

/** Slots of a pooled batch that have a pod, but those beyond `replicas`. */
export function heldOf(batch: BatchSandbox): number {
  return recordOf(batch).held.filter(({ index }) => index < (batch.spec.replicas ?? 1)).length;
}

/** Order in which batches are served: by priority, the highest first, then by age, then by name (R14). */
export function compareRank(a: BatchSandbox, b: BatchSandbox): number {
  const [{ creationTimestamp: first = '', name }, { creationTimestamp: second = '', name: other }] = [a.metadata, b.metadata];
  return (b.spec.priority ?? 0) - (a.spec.priority ?? 0) || (first < second ? -1 : first > second ? 1 : name < other ? -1 : name > other ? 1 : 0);
}

/** Whether a pool of `poolMax` pods could ever hold a batch, which matters only to one that wants all at once. */
export const fits = (batch: BatchSandbox, poolMax: number): boolean => !isWhole(batch) || heldOf(batch) + unmetOf(batch) <= poolMax;

/**
 * The first of the batches that wait which should have pods by now; undefined when all have to wait (R13, R14, ADR 0015).
 *
 * @param batches all that want or have pods of one pool
 * @param available pods that could be given out
 */
export function neglected(batches: readonly BatchSandbox[], available: number, poolMax: number): BatchSandbox | undefined {
  let left = available;
  let heldBefore = 0;
  for (const batch of [...batches].sort(compareRank)) {
    const [unmet, held] = [unmetOf(batch), heldOf(batch)];
    if (unmet > 0 && left > 0) {
      if (!isWhole(batch) || unmet <= left) return batch;
      // Pods are kept for it as long as the pool could hold it beside those before it.
      if (heldBefore + held + unmet <= poolMax) left -= unmet;
    }
    heldBefore += recordOf(batch).held.length;
  }
  return undefined;
}
