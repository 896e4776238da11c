import type { BatchSandbox } from '../../src/schema/batch-sandbox';
import type { KubeObject, Pod } from '../../src/schema/kubernetes';
import { type PodFacts, podFacts, sameFacts } from '../pod-facts';

/** Where a pod belongs. */
interface Place {
  /** `<namespace>/<name>/<UID>` of its batch. */
  readonly batch: string;
  readonly slot: number;
}

/**
 * Pods that batches made themselves, by batch and slot.
 *
 * Whose a pod is, its namespace, its name and its owner say together: labels can be edited, and a pod of another namespace can name any owner.
 */
export class OwnPods {
  private readonly byUID = new Map<string, PodFacts>();
  private readonly byBatch = new Map<string, Map<number, PodFacts>>();
  /** How many pods of a batch are Ready, so that no event of a pod costs the size of its batch. */
  private readonly readyByBatch = new Map<string, number>();

  /** A pod appeared, changed, or (without `after`) is gone. True when something that a plan reads has changed. */
  podChanged(before: Pod | undefined, after: Pod | undefined): boolean {
    // Another pod under the old name: its end and the new one may come as one change.
    if (before !== undefined && after !== undefined && before.metadata.uid !== after.metadata.uid) this.podChanged(before, undefined);
    const from = before && placeOf(before);
    const to = after && placeOf(after);
    const hasLeft = before !== undefined && from !== undefined && from.batch !== to?.batch && this.leave(from, before.metadata.uid ?? '');
    if (after === undefined || to === undefined) return hasLeft;
    const facts = podFacts(after);
    const known = this.byUID.get(facts.uid);
    this.byUID.set(facts.uid, facts);
    const slots = this.byBatch.get(to.batch) ?? new Map<number, PodFacts>();
    this.countReady(to.batch, slots.get(to.slot), facts);
    this.byBatch.set(to.batch, slots.set(to.slot, facts));
    return known === undefined || !sameFacts(known, facts);
  }

  /** Pods of a batch by slot. */
  of(batch: KubeObject): ReadonlyMap<number, PodFacts> {
    const { namespace, name, uid } = batch.metadata;
    return this.byBatch.get(batchText(namespace, name, uid)) ?? NONE;
  }

  /** Whether every slot of a batch has a Ready pod, and no other pod is left; costs nothing, whatever the size of the batch. */
  isWhole(batch: BatchSandbox): boolean {
    const { metadata: { namespace, name, uid }, spec: { replicas = 1 } } = batch;
    const ready = this.readyByBatch.get(batchText(namespace, name, uid)) ?? 0;
    return ready === replicas && this.of(batch).size === replicas;
  }

  /** Facts of a pod, or `undefined` when it does not exist. */
  get(uid: string): PodFacts | undefined {
    return this.byUID.get(uid);
  }

  /** True, for what it changes. */
  private leave({ batch, slot }: Place, uid: string): true {
    const slots = this.byBatch.get(batch);
    this.byUID.delete(uid);
    // A pod of the same name may have taken the slot before we saw the old one go.
    const left = slots?.get(slot);
    if (left?.uid === uid) {
      this.countReady(batch, left, undefined);
      slots?.delete(slot);
    }
    if (slots?.size === 0) {
      this.byBatch.delete(batch);
      this.readyByBatch.delete(batch);
    }
    return true;
  }

  private countReady(batch: string, before: PodFacts | undefined, after: PodFacts | undefined): void {
    const change = Number(after?.ready === true) - Number(before?.ready === true);
    if (change !== 0) this.readyByBatch.set(batch, (this.readyByBatch.get(batch) ?? 0) + change);
  }
}

/** `<namespace>/<name>` of what a pod says is its owner. */
export function ownerKeyOf(pod: Pod | undefined): string | undefined {
  const owner = pod && controllerOf(pod);
  return owner && `${pod.metadata.namespace ?? ''}/${owner.name}`;
}

const NONE: ReadonlyMap<number, PodFacts> = new Map();

const controllerOf = ({ metadata }: Pod) => metadata.ownerReferences?.find(({ controller }) => controller === true);
const batchText = (namespace = '', name: string, uid = ''): string => `${namespace}/${name}/${uid}`;

/** Undefined for a pod that is no batch's: its name is to be that of its owner with the number of a slot. */
function placeOf(pod: Pod): Place | undefined {
  const { namespace, name } = pod.metadata;
  const owner = controllerOf(pod);
  if (owner === undefined || !name.startsWith(`${owner.name}-`)) return undefined;
  const slot = name.slice(owner.name.length + 1);
  return /^(0|[1-9]\d{0,8})$/.test(slot) ? { batch: batchText(namespace, owner.name, owner.uid), slot: Number(slot) } : undefined;
}
