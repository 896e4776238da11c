import type { BatchSandbox } from '../../../src/schema/batch-sandbox';
import type { Pod } from '../../../src/schema/kubernetes';
import type { StoredChange } from './evidence';
import { isLive, isTerminating, letterOf, ownerOf, ownSlotOf, recordOf, releaseRequestsOf } from './records';

/** The excuse of a pod whose task has ended under `Release`. */
export const TASK_ENDED = 'its task has ended';

/** One pod in one slot of one batch: as long as the stored record says so, or, without a pool, as long as the pod is there. */
export interface Tenure {
  readonly batchUID: string;
  readonly batchName: string;
  readonly index: number;
  readonly podUID: string;
  readonly podName: string;
  /** The batch made it itself. */
  readonly isOwn: boolean;
  readonly sinceMs: number;
  /** Why the pod may be taken away; once there was a reason, the operator may still act on it. */
  excuse: string | undefined;
}

/** Who holds which pod, by the stored records alone. */
export class Tenures {
  private readonly byBatch = new Map<string, Map<string, Tenure>>();
  private readonly batches = new Map<string, BatchSandbox>();
  private readonly leftAtMs = new Map<string, number>();

  /** @param nowMs time in ms */
  constructor(private readonly nowMs: () => number) {}

  observe({ plural, type, object }: StoredChange): void {
    const uid = object.metadata.uid ?? '';
    if (plural === 'pods') {
      const pod = object as Pod;
      this.takeOwn(pod, type);
      if (type === 'DELETED' || !isLive(pod)) this.excusePod(uid);
    } else if (plural === 'batchsandboxes') {
      if (type === 'DELETED') this.drop(uid);
      else this.take(object as BatchSandbox);
    }
  }

  /** Tenures of a pod: more than one only when a rule is broken. */
  ofPod(podUID: string): readonly Tenure[] {
    return [...this.byBatch.values()].flatMap((tenures) => tenures.get(podUID) ?? []);
  }

  /** When a batch last stopped to hold a pod, in ms; undefined when it never did. */
  leftAt(batchUID: string, podUID: string): number | undefined {
    return this.leftAtMs.get(`${batchUID}/${podUID}`);
  }

  /** The reason came from elsewhere, such as a task that has ended. */
  excuse(batchUID: string, podUID: string, why: string): void {
    const tenure = this.byBatch.get(batchUID)?.get(podUID);
    if (tenure !== undefined) tenure.excuse ??= why;
  }

  private take(batch: BatchSandbox): void {
    const uid = batch.metadata.uid ?? '';
    const before = this.byBatch.get(uid) ?? new Map<string, Tenure>();
    const after = new Map<string, Tenure>();
    const { held, poolName } = recordOf(batch);
    for (const { index, name, uid: podUID } of held) {
      const tenure = before.get(podUID) ?? { batchUID: uid, batchName: batch.metadata.name, index, podUID, podName: name, isOwn: false, sinceMs: this.nowMs(), excuse: undefined };
      tenure.excuse ??= reasonToLeave(batch, poolName, tenure);
      after.set(podUID, tenure);
    }
    for (const [podUID, { isOwn }] of before) if (!isOwn && !after.has(podUID)) this.leftAtMs.set(`${uid}/${podUID}`, this.nowMs());
    for (const [podUID, tenure] of before) {
      if (!tenure.isOwn) continue;
      tenure.excuse ??= reasonToLeave(batch, undefined, tenure);
      after.set(podUID, tenure);
    }
    this.byBatch.set(uid, after);
    this.batches.set(uid, batch);
  }

  /** A pod that a batch has made itself. */
  private takeOwn(pod: Pod, type: StoredChange['type']): void {
    const [batchUID, podUID, index] = [ownerOf(pod), pod.metadata.uid ?? '', ownSlotOf(pod)];
    const batch = this.batches.get(batchUID);
    const tenures = this.byBatch.get(batchUID);
    if (index === undefined || batch === undefined || tenures === undefined) return;
    if (type === 'DELETED') tenures.delete(podUID);
    else if (!tenures.has(podUID)) {
      const tenure: Tenure = { batchUID, batchName: batch.metadata.name, index, podUID, podName: pod.metadata.name, isOwn: true, sinceMs: this.nowMs(), excuse: undefined };
      tenures.set(podUID, { ...tenure, excuse: reasonToLeave(batch, undefined, tenure) });
    }
  }

  private drop(batchUID: string): void {
    for (const podUID of this.byBatch.get(batchUID)?.keys() ?? []) this.leftAtMs.set(`${batchUID}/${podUID}`, this.nowMs());
    this.byBatch.delete(batchUID);
    this.batches.delete(batchUID);
  }

  private excusePod(podUID: string): void {
    for (const tenure of this.ofPod(podUID)) tenure.excuse ??= 'the pod is dead';
  }
}

/** Why a batch no longer wants a pod in its slot; undefined while it does. */
function reasonToLeave(batch: BatchSandbox, poolName: string | undefined, { index, podName }: Tenure): string | undefined {
  const { replicas = 1, poolRef, taskResourcePolicyWhenCompleted } = batch.spec;
  if (isTerminating(batch)) return 'the batch is being deleted';
  if (index >= replicas) return 'the batch was scaled down';
  if (poolName !== undefined && poolRef !== poolName) return 'the batch has moved to another pool';
  if (releaseRequestsOf(batch).includes(podName)) return 'a user asked for its release';
  const ended = ['S', 'F'].includes(letterOf(batch, index));
  return taskResourcePolicyWhenCompleted === 'Release' && ended ? TASK_ENDED : undefined;
}
