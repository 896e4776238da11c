import type { BatchSandbox } from '../../src/schema/batch-sandbox';
import { ANY_POOL } from '../../src/schema/names';
import { type Claimant, claimantOf, compareClaimants } from '../claimant';

/** Batches whose `poolRef` is still `*`, to be looked at again when the Pools of their namespace change. */
export class UnassignedBatches {
  /** Namespace -> batch UID -> batch. */
  private readonly byNamespace = new Map<string, Map<string, Claimant>>();

  /** A batch appeared, changed, or (without `after`) is gone. */
  batchChanged(before: BatchSandbox | undefined, after: BatchSandbox | undefined): void {
    if (before?.spec.poolRef === ANY_POOL) this.remove(before);
    if (after?.spec.poolRef === ANY_POOL) this.add(after);
  }

  /** Keys of those of a namespace, the first to be served first. */
  of(namespace: string): string[] {
    return [...(this.byNamespace.get(namespace)?.values() ?? [])].sort(compareClaimants).map(({ key }) => key);
  }

  /** Keys of all of them, the first to be served first. */
  all(): string[] {
    return [...this.byNamespace.keys()].flatMap((namespace) => this.of(namespace));
  }

  private add(batch: BatchSandbox): void {
    const { namespace = '', uid = '' } = batch.metadata;
    const batches = this.byNamespace.get(namespace) ?? new Map<string, Claimant>();
    this.byNamespace.set(namespace, batches.set(uid, claimantOf(batch)));
  }

  private remove(batch: BatchSandbox): void {
    const { namespace = '', uid = '' } = batch.metadata;
    const batches = this.byNamespace.get(namespace);
    batches?.delete(uid);
    if (batches?.size === 0) this.byNamespace.delete(namespace);
  }
}
