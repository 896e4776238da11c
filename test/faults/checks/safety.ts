import type { BatchSandbox } from '../../../src/schema/batch-sandbox';
import type { KubeObject, Pod } from '../../../src/schema/kubernetes';
import { Finalizer, Annotation, Label } from '../../../src/schema/names';
import type { Pool } from '../../../src/schema/pool';
import type { Run } from '../executors';
import { FORGED, podPath } from '../paths';
import { AddressCheck } from './addresses';
import type { Evidence, SentRequest, StoredChange } from './evidence';
import { LifetimeCheck } from './lifetimes';
import type { Report, SafetyPart } from './part';
import { QueueCheck } from './queue';
import { isLive, isTerminating, letterOf, ownerOf, ownSlotOf, recordOf, releaseRequestsOf } from './records';
import { ReturnCheck } from './returns';
import { SpecWriteCheck } from './spec-writes';
import { TASK_ENDED, type Tenure, Tenures } from './tenures';

/** A rule that was broken. */
export interface Violation {
  /** Number of the rule, such as `R103`. */
  readonly rule: string;
  readonly message: string;
}

/** Time in which the operator may act on what was true before, in ms: a cache that lags, a request on its way. */
const STALE_MS = 60_000;

/** What must hold at every moment. Whoever has one tells it of each change, request, start and end of a task, in the order in which they happened. */
export class SafetyCheck {
  readonly violations: Violation[] = [];
  private readonly tenures: Tenures;
  private readonly parts: readonly SafetyPart[];
  /** Objects as they were stored last, by UID. */
  private readonly known = new Map<string, KubeObject>();
  /** Pool UID to the values of poolMax that it had, and until when. */
  private readonly poolMaxes = new Map<string, { readonly poolMax: number; untilMs: number }[]>();

  /**
   * @param world shows each thing that this is told of as done, but a request, which it shows as not yet done
   * @param staleMs time in which the operator may act on what was true before, in ms
   */
  constructor(
    private readonly world: Evidence,
    private readonly staleMs = STALE_MS,
  ) {
    this.tenures = new Tenures(() => world.nowMs());
    const report: Report = (rule, message) => this.report(rule, message);
    this.parts = [
      new AddressCheck(world, report, staleMs),
      new ReturnCheck(world, report, staleMs),
      new QueueCheck(world, report, staleMs),
      new SpecWriteCheck(world, report),
      new LifetimeCheck(world, report, staleMs),
    ];
  }

  /** A change was stored. */
  observe(change: StoredChange): void {
    this.tenures.observe(change);
    const { uid = '' } = change.object.metadata;
    for (const part of this.parts) part.observe?.(change, this.known.get(uid));
    if (change.type === 'DELETED') this.known.delete(uid);
    else this.known.set(uid, change.object);
    if (change.type === 'DELETED') {
      if (change.plural === 'batchsandboxes') this.judgeEnd(change.object as BatchSandbox);
      return;
    }
    if (change.plural === 'batchsandboxes') this.judgeRecord(change.object as BatchSandbox);
    if (change.plural === 'pools') this.notePool(change.object as Pool);
    if (change.plural === 'pods' && change.type === 'ADDED') this.judgeSize(change.object as Pod);
  }

  private judgeRecord(batch: BatchSandbox): void {
    const { held, poolUID } = recordOf(batch);
    const { name, uid, finalizers = [], annotations = {} } = batch.metadata;
    for (const pod of held) {
      const others = this.tenures.ofPod(pod.uid).filter(({ batchUID }) => batchUID !== uid);
      if (others.length > 0) this.report('R103', `pod '${pod.name}' is held by '${name}' and by '${others[0]?.batchName ?? ''}'`);
      const stored = this.pod(pod);
      if (stored !== undefined && ownerOf(stored) !== poolUID) this.report('R11', `pod '${pod.name}' in the record of '${name}' belongs to another pool`);
    }
    const twice = held.find((pod, i) => held.some((other, j) => j < i && other.uid === pod.uid));
    if (twice !== undefined) this.report('R103', `pod '${twice.name}' is in two slots of '${name}'`);
    const shown = annotations[Annotation.allocStatus] ?? '';
    const published = shown.includes(held[0]?.name ?? '-') && !shown.includes(FORGED);
    const guarded = finalizers.includes(Finalizer.poolAllocation) || isTerminating(batch);
    if (held.length > 0 && published && !guarded) this.report('R16', `'${name}' shows its pods without the finalizer that guards them`);
  }

  /** A batch is gone: its pods must be on their way out, or clean. */
  private judgeEnd(batch: BatchSandbox): void {
    for (const pod of recordOf(batch).held) {
      const stored = this.pod(pod);
      if (stored === undefined || !isLive(stored)) continue;
      const running = this.world.tasksOf(pod.uid).filter(({ processStatus }) => processStatus?.running !== undefined);
      if (running.length > 0) this.report('R47', `batch '${batch.metadata.name}' is gone and task '${running[0]?.name ?? ''}' still runs on pod '${pod.name}'`);
    }
  }

  private notePool({ metadata: { uid = '' }, spec }: Pool): void {
    const known = this.poolMaxes.get(uid) ?? [];
    const nowMs = this.world.nowMs();
    const last = known.at(-1);
    if (last?.poolMax === spec.capacitySpec.poolMax) return;
    if (last !== undefined) last.untilMs = nowMs;
    this.poolMaxes.set(uid, [...known, { poolMax: spec.capacitySpec.poolMax, untilMs: Infinity }]);
  }

  private judgeSize(pod: Pod): void {
    const owner = ownerOf(pod);
    const poolMaxes = this.poolMaxes.get(owner);
    if (poolMaxes === undefined) return;
    const nowMs = this.world.nowMs();
    const allowed = Math.max(...poolMaxes.filter(({ untilMs }) => nowMs - untilMs < this.staleMs).map(({ poolMax }) => poolMax));
    const existing = this.world.pods().filter((other) => ownerOf(other) === owner).length;
    if (existing > allowed) this.report('R61', `pod '${pod.metadata.name}' makes ${existing} of its pool, whose poolMax is ${allowed}`);
  }

  /** A client is about to have a request served. */
  judgeRequest(client: string, request: SentRequest): void {
    if (!client.startsWith('operator')) return;
    for (const part of this.parts) part.judgeRequest?.(request);
    const { method, path, body } = request;
    if (method !== 'DELETE' || !path.startsWith(podPath(''))) return;
    const name = path.slice(podPath('').length);
    const pod = this.world.pod(name);
    const { preconditions } = JSON.parse(body) as { preconditions?: { uid?: string } };
    if (preconditions?.uid === undefined) this.report('R110', `delete of pod '${name}' without its UID`);
    if (pod === undefined || preconditions?.uid !== pod.metadata.uid || !isLive(pod)) return;
    for (const tenure of this.tenures.ofPod(pod.metadata.uid ?? '')) {
      const pool = this.world.pools().find(({ metadata }) => metadata.uid === ownerOf(pod));
      const isOld = pool !== undefined && pod.metadata.labels?.[Label.poolRevision] !== pool.status?.revision;
      if (tenure.excuse === undefined && !this.isDirty(tenure)) this.report(isOld ? 'R67' : 'R60', `pod '${name}' is deleted although slot ${tenure.index} of '${tenure.batchName}' holds it`);
    }
  }

  /** An operator asks the executor of a pod; whoever answers at its address. */
  judgeAsk(podUID: string): void {
    for (const part of this.parts) part.judgeAsk?.(podUID);
  }

  /** Whether the executor of a pod shows a task that is not that of its slot (R35). */
  private isDirty({ batchUID, podUID }: Tenure): boolean {
    return this.world.tasksOf(podUID).some(({ uid }) => uid !== batchUID);
  }

  /** A task has started, and its executor has not told of it yet. */
  judgeStart(run: Run): void {
    const batch = this.world.batches().find(({ metadata }) => metadata.uid === run.batchUID);
    const pod = this.world.pods().find(({ metadata }) => metadata.uid === run.podUID);
    if (pod === undefined || !isLive(pod)) return; // dies with its pod
    const slot = slotOf(run);
    const what = `task '${run.name}' starts on pod '${pod.metadata.name}'`;
    const tenure = this.tenures.ofPod(run.podUID).find(({ batchUID }) => batchUID === run.batchUID);
    const others = this.tenures.ofPod(run.podUID).filter(({ batchUID }) => batchUID !== run.batchUID);
    if (others.length > 0) this.report('R105', `${what}, which '${others[0]?.batchName ?? ''}' holds`);
    const isOwn = ownSlotOf(pod) === slot && ownerOf(pod) === run.batchUID;
    const leftAtMs = this.tenures.leftAt(run.batchUID, run.podUID) ?? -Infinity;
    if (tenure?.index !== slot && !isOwn && this.world.nowMs() - leftAtMs > this.staleMs) this.report('R105', `${what}, which is not that of its slot`);
    if (batch !== undefined && ['S', 'F'].includes(letterOf(batch, slot))) this.report('R37', `${what} although its end is recorded`);
    const before = this.world.runs.filter((other) => other !== run && other.batchUID === run.batchUID && other.name === run.name);
    for (const other of before) this.judgeRepeat(run, other, what, tenure);
  }

  private judgeRepeat(run: Run, other: Run, what: string, tenure: Tenure | undefined): void {
    const elsewhere = this.world.pods().find(({ metadata }) => metadata.uid === other.podUID);
    if (other.podUID === run.podUID) {
      const isAgain = tenure !== undefined && other.endedAtMs !== undefined && other.endedAtMs <= tenure.sinceMs;
      // Its slot had to go, so an operator had the task dropped, and died; the slot was taken back before the next one acted, to which it
      // looks like any other. It runs its task again (R21, R34). The operator that had it dropped replaces the pod instead.
      const hadToGo = tenure?.excuse !== undefined && tenure.excuse !== TASK_ENDED && other.endedAtMs !== undefined;
      const isAnother = run.startedBy === undefined || (other.droppedBy !== undefined && other.droppedBy !== run.startedBy);
      if (!isAgain && !(hadToGo && isAnother)) this.report('R34', `${what} a second time`);
    } else if (other.endedAtMs === undefined && elsewhere !== undefined && isLive(elsewhere)) {
      this.report('R47', `${what} while it runs on pod '${elsewhere.metadata.name}'`);
    }
  }

  /** The process of a task is over. */
  noteEnd(run: Run): void {
    // The operator may see the end, and act on it, before it has recorded it.
    const batch = this.world.batches().find(({ metadata }) => metadata.uid === run.batchUID);
    if (batch?.spec.taskResourcePolicyWhenCompleted === 'Release') this.tenures.excuse(run.batchUID, run.podUID, TASK_ENDED);
  }

  /** An executor is to forget a task that has ended by itself: before its end is recorded, it would run again after a restart of the operator. */
  judgeDrop(run: Run): void {
    const batch = this.world.batches().find(({ metadata }) => metadata.uid === run.batchUID);
    const slot = slotOf(run);
    if (batch === undefined || isTerminating(batch) || ['S', 'F'].includes(letterOf(batch, slot))) return;
    const tenure = this.tenures.ofPod(run.podUID).find(({ batchUID }) => batchUID === run.batchUID);
    const { replicas = 1, poolRef = '' } = batch.spec;
    const isAsked = tenure !== undefined && releaseRequestsOf(batch).includes(tenure.podName);
    const isLeaving = isAsked || slot >= replicas || poolRef !== recordOf(batch).poolName;
    if (!isLeaving && (tenure?.excuse === undefined || tenure.excuse === TASK_ENDED)) this.report('R37', `the executor is to forget task '${run.name}' before its end is recorded`);
  }

  private pod({ name, uid }: { readonly name: string; readonly uid: string }): Pod | undefined {
    const pod = this.world.pod(name);
    return pod?.metadata.uid === uid ? pod : undefined;
  }

  private report(rule: string, message: string): void {
    this.world.note(`!!! ${rule}: ${message}`);
    this.violations.push({ rule, message });
  }
}

/** Slot that a task is of: its name is that of the batch and the number of the slot. */
function slotOf({ name }: Run): number {
  return Number(name.slice(name.lastIndexOf('-') + 1));
}
