import type { BatchSandbox } from '../../../src/schema/batch-sandbox';
import type { KubeObject } from '../../../src/schema/kubernetes';
import { compareRank, isWhole, unmetOf } from './line';
import type { Evidence, StoredChange } from './evidence';
import type { Report, SafetyPart } from './part';
import { gainedPods, isAccepted, isReady, isTerminating, ownerOf, recordOf } from './records';

/** Who of those that wait for pods gets them: batches in the order of their rank (R14), each in part or whole (R13). */
export class QueueCheck implements SafetyPart {
  /** Batch UID to the time since when it waits with the spec that it has, in ms. */
  private readonly waitsSince = new Map<string, number>();

  constructor(
    private readonly world: Evidence,
    private readonly report: Report,
    private readonly staleMs: number,
  ) {}

  observe({ plural, type, object }: StoredChange, before: KubeObject | undefined): void {
    if (plural !== 'batchsandboxes') return;
    const batch = object as BatchSandbox;
    this.noteWait(batch, before, type === 'DELETED');
    if (type === 'DELETED' || gainedPods(batch, before as BatchSandbox | undefined).length === 0) return;
    const { name } = batch.metadata;
    if (isWhole(batch) && unmetOf(batch) > 0) this.report('R13', `'${name}' wants all pods or none, and got some; ${unmetOf(batch)} are missing`);
    const passed = this.world.batches().filter((other) => this.isPassedBy(batch, other));
    const wanted = passed.reduce((sum, other) => sum + unmetOf(other), 0);
    if (wanted > this.availableIn(recordOf(batch).poolUID)) {
      this.report('R14', `'${name}' got pods for which '${passed[0]?.metadata.name ?? ''}', which comes before it, has waited for over ${this.staleMs} ms`);
    }
  }

  private noteWait(batch: BatchSandbox, before: KubeObject | undefined, isGone: boolean): void {
    const { uid = '', generation } = batch.metadata;
    if (isGone || !isWaiting(batch)) this.waitsSince.delete(uid);
    else if (!this.waitsSince.has(uid) || before?.metadata.generation !== generation) this.waitsSince.set(uid, this.world.nowMs());
  }

  /** Pods that are still there for those who come before: their records may be on their way. */
  private availableIn(poolUID: string): number {
    const held = new Set(this.world.batches().flatMap((batch) => recordOf(batch).held.map(({ uid }) => uid)));
    return this.world.pods().filter((pod) => ownerOf(pod) === poolUID && isReady(pod) && !held.has(pod.metadata.uid ?? '')).length;
  }

  private isPassedBy(batch: BatchSandbox, other: BatchSandbox): boolean {
    const since = this.waitsSince.get(other.metadata.uid ?? '');
    if (since === undefined || this.world.nowMs() - since <= this.staleMs) return false;
    // What is kept for one that wants all at once depends on more than rank: see the check at rest.
    return other.spec.poolRef === recordOf(batch).poolName && !isWhole(other) && compareRank(other, batch) < 0;
  }
}

function isWaiting(batch: BatchSandbox): boolean {
  const { poolName, returning } = recordOf(batch);
  const isMoving = poolName !== '' && poolName !== batch.spec.poolRef;
  return !isTerminating(batch) && isAccepted(batch) && !isMoving && returning.length === 0 && unmetOf(batch) > 0;
}
