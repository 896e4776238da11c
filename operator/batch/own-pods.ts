import { Label } from '../../src/schema/names';
import type { Pod } from '../../src/schema/kubernetes';
import { type PodFacts, podFacts, sameFacts } from '../pod-facts';

/** Pods that batches made themselves, by the UID of the batch and by slot. */
export class OwnPods {
  private readonly byUID = new Map<string, PodFacts>();
  private readonly byBatch = new Map<string, Map<number, PodFacts>>();

  /** A pod appeared, changed, or (without `after`) is gone. True when something that a plan reads has changed. */
  podChanged(before: Pod | undefined, after: Pod | undefined): boolean {
    // Another pod under the old name: its end and the new one may come as one change.
    if (before !== undefined && after !== undefined && before.metadata.uid !== after.metadata.uid) this.podChanged(before, undefined);
    const pod = after ?? before;
    const slot = Number(pod?.metadata.labels?.[Label.podIndex]);
    if (pod === undefined || !Number.isInteger(slot)) return false;
    const facts = podFacts(pod);
    const slots = this.byBatch.get(facts.ownerUID) ?? new Map<number, PodFacts>();
    if (after === undefined) {
      this.byUID.delete(facts.uid);
      // A pod of the same name may have taken the slot before we saw the old one go.
      if (slots.get(slot)?.uid === facts.uid) slots.delete(slot);
      if (slots.size === 0) this.byBatch.delete(facts.ownerUID);
      return true;
    }
    const known = this.byUID.get(facts.uid);
    this.byUID.set(facts.uid, facts);
    this.byBatch.set(facts.ownerUID, slots.set(slot, facts));
    return known === undefined || !sameFacts(known, facts);
  }

  /** Pods of a batch by slot. */
  of(batchUID: string): ReadonlyMap<number, PodFacts> {
    return this.byBatch.get(batchUID) ?? NONE;
  }

  /** Facts of a pod, or `undefined` when it does not exist. */
  get(uid: string): PodFacts | undefined {
    return this.byUID.get(uid);
  }
}

const NONE: ReadonlyMap<number, PodFacts> = new Map();
