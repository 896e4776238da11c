import type { BatchSandbox } from '../../src/schema/batch-sandbox';
import type { RECYCLE_TYPES } from '../../src/schema/pool';
import { type AllocationRecord, EMPTY_SLOT, type RecordedPod, type Slot } from '../allocation-record';
import { claimantOf } from '../claimant';
import { removePods } from '../pod-removal';
import type { BatchTools } from './batch-tools';
import type { HeldSlot, SlotPlan } from './slots';

type RecycleType = (typeof RECYCLE_TYPES)[number];

/** What became of the pods that were to be given back. */
export interface Returned {
  readonly done: readonly HeldSlot[];
  /** How many of them come back for the first time: the record of a batch that is being deleted goes on naming those that live on. */
  readonly fresh: number;
  /** Those of them that live on in their pool as they are. */
  readonly clean: ReadonlySet<HeldSlot>;
  /** Those of them that restart first; the record names them as returning until they have. */
  readonly restarting: readonly HeldSlot[];
  /** Could not be deleted; their slots keep them until the next pass. */
  readonly kept: readonly HeldSlot[];
  readonly failure: unknown;
}

/** Gives the pods of a batch back to their pool, as the pool wants it: deleted, as they are, or restarted first. */
export class PodReturns {
  /** Batch UID -> names of the pods of its last return. */
  private readonly released = new Map<string, readonly string[]>();
  /** Batch UID -> UIDs of pods that it gave back and that live on, until that is on record. */
  private readonly unrecorded = new Map<string, ReadonlySet<string>>();

  constructor(private readonly tools: BatchTools) {}

  /** Deletes pods or leaves them as they are; those that restart are only named, since their record comes first. */
  async giveBack(batch: BatchSandbox, record: AllocationRecord, plan: SlotPlan, signal: AbortSignal): Promise<Returned> {
    const { api, ledger, metrics, poolPods } = this.tools;
    const strategy = this.strategyOf(batch, record);
    const treatedAs = (type: typeof strategy) => plan.giveBack.filter((pod) => (pod.force ? 'Delete' : strategy) === type);
    const [clean, dirty, restarting] = [treatedAs('Noop'), treatedAs('Delete'), treatedAs('Restart')];
    const reused = ledger.markClean(clean.map((pod) => pod.uid));
    // The claim of this batch stands until its record is written without the pod, so a crash here leaves a dead pod in a slot, no more.
    for (const pod of dirty) ledger.doom(pod.uid, ['held']);
    const namespace = batch.metadata.namespace ?? '';
    const failed = await removePods(api, poolPods, dirty.map((pod) => ({ ...pod, namespace })), signal);
    for (const { pod } of failed) ledger.spare(pod.uid);
    const kept = failed.map(({ pod }) => pod);
    const keptUIDs = new Set(kept.map(({ uid }) => uid));
    const labels = { namespace, pool: record.poolName, strategy };
    metrics.recycled({ ...labels, result: 'reused' }, reused);
    const deleted = dirty.length - kept.length;
    metrics.recycled({ ...labels, result: 'deleted' }, deleted);
    const done = plan.giveBack.filter(({ uid }) => !keptUIDs.has(uid));
    this.unrecorded.set(batch.metadata.uid ?? '', new Set([...clean, ...restarting].map(({ uid }) => uid)));
    return { done, fresh: reused + deleted + restarting.length, clean: new Set(clean), restarting, kept, failure: failed[0]?.reason };
  }

  /** Returning pods that are not fit for the next batch yet, as far as the record goes. */
  stillReturning(batch: BatchSandbox, record: AllocationRecord): RecordedPod[] {
    const over = this.recycle(batch, record.returning);
    return record.returning.filter(({ uid }) => !over.has(uid));
  }

  /** Declares all pods of a batch that are on their way back, as its record says; the UIDs of those that need not be waited for. */
  recycle(batch: BatchSandbox, returning: readonly RecordedPod[]): ReadonlySet<string> {
    return this.tools.recycler.recycle(claimantOf(batch), batch.metadata.namespace ?? '', returning);
  }

  /**
   * Whether a batch has given a pod back that its record names still. Its task was dropped, so it leaves, also when an edit that kept the record
   * from being written wants its slot again: it would run its task a second time (R21, R34).
   */
  isGivenBack(batchUID: string, podUID: string): boolean {
    return this.unrecorded.get(batchUID)?.has(podUID) === true;
  }

  /** Notes which pods a batch has given back for good, as its record says now; without any, its last return stays the last. */
  noteReleased(batchUID: string, pods: readonly RecordedPod[]): void {
    this.unrecorded.delete(batchUID);
    if (pods.length > 0) this.released.set(batchUID, pods.map(({ name }) => name).sort());
  }

  /** Names of the pods of the last return of a batch; `undefined` when this process knows of none. */
  releasedBy(batchUID: string): readonly string[] | undefined {
    return this.released.get(batchUID);
  }

  /** Forgets a batch that is gone. */
  forget(batchUID: string): void {
    this.released.delete(batchUID);
    this.unrecorded.delete(batchUID);
  }

  /** How a returned pod is treated; without its Pool, or with one that is going, it is deleted (R120). */
  strategyOf(batch: BatchSandbox, record: AllocationRecord): RecycleType {
    const pool = this.tools.pools.get(`${batch.metadata.namespace ?? ''}/${record.poolName}`);
    const reusable = pool !== undefined && pool.metadata.uid === record.poolUID && pool.metadata.deletionTimestamp === undefined;
    const wanted = reusable ? pool.spec.recycleStrategy?.type : undefined;
    return wanted === 'Noop' || wanted === 'Restart' ? wanted : 'Delete';
  }
}

/** Slots after a pass, with the pods that could not be deleted back in theirs. */
export function withKept(slots: readonly Slot[], kept: readonly HeldSlot[]): Slot[] {
  const all = [...slots];
  for (const { index, name, uid } of kept) {
    while (all.length < index) all.push(EMPTY_SLOT);
    all[index] = { state: 'held', name, uid };
  }
  return all;
}
