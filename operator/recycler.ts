import type { RecordedPod } from './allocation-record';

/** A batch that gives pods back, or gave them back by vanishing. */
export interface Giver {
  /** `<namespace>/<name>`. */
  readonly key: string;
  readonly uid: string;
}

/** Makes pods that batches give back fit for the next one. */
export interface Recycler {
  /**
   * Declares every pod that a batch is giving back, as its record says: work on new ones begins, others of the batch are forgotten.
   *
   * Idempotent, and free of cost for a batch that gives nothing back.
   *
   * @returns UIDs of those of the pods that need not be waited for any more: they are fit for the next batch, or gone
   */
  recycle(giver: Giver, namespace: string, pods: readonly RecordedPod[]): ReadonlySet<string>;

  /** Forgets a batch that is gone; a pod that it left in the middle of its recycle goes on as an orphan. */
  forgetBatch(batchUID: string): void;
}
