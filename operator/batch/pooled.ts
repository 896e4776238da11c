import type { BatchSandbox } from '../../src/schema/batch-sandbox';
import { Annotation, Finalizer } from '../../src/schema/names';
import type { Pool } from '../../src/schema/pool';
import { type AllocationRecord, parseAllocation, type Slot } from '../allocation-record';
import { ApiError, isConflict, isTransient } from '../kube/api-error';
import { claimantOf } from '../claimant';
import type { PodFacts } from '../pod-facts';
import { poolSource } from '../pool-source';
import { BatchTasks } from './batch-tasks';
import type { BatchTools } from './batch-tools';
import { PodReturns, withKept } from './pod-returns';
import { explainWait, poolKey, refusalOf, waitCheckMs } from './pool-wait';
import { type HeldSlot, planSlots, type SlotPlan } from './slots';
import { endpointsOf, planBatchStatus } from './status';

/** Serves a batch from a Pool: takes warm pods, records them, publishes them, sends their tasks, and gives them back. */
export class PooledDelivery {
  private readonly returns: PodReturns;

  constructor(private readonly tools: BatchTools) {
    this.returns = new PodReturns(tools);
  }

  /**
   * One pass over a batch. The order of the writes is the promise of R16: the record, then finalizers and endpoints, then tasks; so a pod
   * that a client can see is recorded and guarded, and a crash in between leaves pods that nobody has seen.
   */
  async reconcile(batch: BatchSandbox, signal: AbortSignal): Promise<number | undefined> {
    const { ledger, publisher, events } = this.tools;
    const uid = batch.metadata.uid ?? '';
    const record = parseAllocation(batch.status?.allocation);
    const stillReturning = this.returns.stillReturning(batch, record);
    const podOf = this.podsFor(batch);
    const tasks = new BatchTasks(this.tools, batch, podOf);
    const pool = this.poolOf(batch);
    const moving = record.poolName !== '' && record.poolName !== batch.spec.poolRef;
    const plan = this.planSlots(batch, record, tasks, moving ? 0 : (batch.spec.replicas ?? 1));
    tasks.reportUnstopped(plan.giveBack);
    this.reportConflicts(batch, plan.lost);
    const returned = await this.returns.giveBack(batch, record, plan, signal);
    tasks.forget([...plan.lost, ...returned.done]);

    const slots = withKept(plan.slots, returned.kept);
    const returning = [...stillReturning, ...returned.restarting];
    const settled = !moving || (returning.length === 0 && !slots.some((slot) => slot.state === 'held'));
    const taken = settled ? this.fill(batch, pool, slots, plan.fill) : [];
    const filled = slots.filter((slot) => slot.state === 'held').length;
    const unmet = settled ? plan.fill.length - taken.length : 0;
    ledger.demands.set(poolKey(batch), claimantOf(batch), unmet, filled);
    const wait = unmet > 0 ? explainWait({ ...this.tools, batch, pool, unmet, held: filled, now: this.tools.clock.now() }) : undefined;

    const next: AllocationRecord =
      settled && pool !== undefined
        ? { poolName: pool.metadata.name, poolUID: pool.metadata.uid ?? '', slots, returning }
        : { ...record, slots, returning };
    const status = planBatchStatus({
      batch,
      slots,
      record: next,
      pod: podOf,
      tasks: tasks.status(),
      wait,
      now: this.tools.clock.now(),
    });
    let current: BatchSandbox;
    try {
      current = await publisher.writeStatus(batch, status, signal);
    } catch (error) {
      await this.settle(batch, error, signal);
      throw error;
    }
    ledger.release(uid);
    // An end that the executor forgets before it is on record would run again after a restart of the operator (R37).
    tasks.stop(plan.stop);
    this.returns.recycle(batch, returning);
    const notYet = new Set(returning.map((pod) => pod.uid));
    this.returns.noteReleased(uid, [...record.returning, ...returned.done].filter((pod) => !notYet.has(pod.uid)));

    // Told before the second write: when that meets a conflict, the pass that follows finds nothing new in the status.
    tasks.reportFailed(status.taskStates ?? '');
    tasks.forgetEnds();
    if (batch.status?.observedGeneration !== batch.metadata.generation) {
      tasks.reportInvalid();
      this.reportIgnored(batch);
    }
    // A pool that grows under a waiting batch fills it in many steps; the first and the last are news.
    if (taken.length > 0 && (unmet === 0 || filled === taken.length)) {
      events.record(current, 'Normal', 'PodsAllocated', `took pods of pool '${batch.spec.poolRef ?? ''}', ${filled} of ${batch.spec.replicas ?? 1} slots filled`);
    }
    if (taken.length > 0 && unmet === 0) this.tools.metrics.allocated(current);
    this.reportLosses(current, plan.lost);
    this.reportReturned(current, returned.done.length);
    const hasPods = filled > 0;
    await publisher.writeMetadata(
      current,
      {
        finalizers: hasPods ? [Finalizer.poolAllocation, ...(tasks.exist ? [Finalizer.taskCleanup] : [])] : [],
        ...(this.isPublished(current, hasPods) && {
          endpoints: endpointsOf(slots, batch.spec.replicas ?? 1, podOf),
          podNames: slots.flatMap((slot) => (slot.state === 'held' ? [slot.name] : [])),
        }),
        releasedNames: this.returns.releasedBy(uid),
      },
      signal,
    );
    tasks.send(slots, status.taskStates ?? '');
    if (returned.failure !== undefined) throw returned.failure;
    if (moving && settled) return 0; // the old pool has everything back: fill from the new one
    return waitCheckMs(wait);
  }

  /**
   * Gives every pod back, tasks stopped first; true when the batch holds none any more and all are fit for the next one, or gone (R47).
   *
   * The record is left as it is, since it goes with the batch, unless pods restart: an operator that starts must know of them (R100), and
   * each is free as soon as it is ready.
   */
  async release(batch: BatchSandbox, signal: AbortSignal): Promise<boolean> {
    const record = parseAllocation(batch.status?.allocation);
    const stillReturning = this.returns.stillReturning(batch, record);
    this.tools.ledger.demands.set(poolKey(batch), claimantOf(batch), 0);
    const tasks = new BatchTasks(this.tools, batch, this.podsFor(batch));
    const plan = this.planSlots(batch, record, tasks, 0);
    tasks.stop(plan.stop);
    tasks.reportUnstopped(plan.giveBack);
    const returned = await this.returns.giveBack(batch, record, plan, signal);
    // That a living pod has stopped is remembered as long as the record names it, or the next pass would have it stop again.
    tasks.forget([...plan.lost, ...returned.done.filter((pod) => !returned.clean.has(pod))]);
    const returning = [...stillReturning, ...returned.restarting];
    if (returning.length > 0) await this.writeReturning(batch, { ...record, slots: withKept(plan.slots, returned.kept), returning }, tasks, signal);
    else this.tools.ledger.markClean(record.returning.flatMap(({ uid }) => (this.tools.ledger.pod(uid)?.live === true ? uid : [])));
    this.reportReturned(batch, returned.fresh);
    if (returned.failure !== undefined) throw returned.failure;
    return plan.stop.length === 0 && returning.length === 0;
  }

  /** Forgets what was kept of a batch that is gone. */
  forget(batchUID: string): void {
    this.returns.forget(batchUID);
  }

  /** Records which pods of a batch that is being deleted restart, and begins with those that are new. The rest of its status stands. */
  private async writeReturning(batch: BatchSandbox, record: AllocationRecord, tasks: BatchTasks, signal: AbortSignal): Promise<void> {
    const { publisher, clock } = this.tools;
    const status = planBatchStatus({ batch, slots: record.slots, record, pod: this.podsFor(batch), tasks: tasks.status(), wait: undefined, now: clock.now() });
    await publisher.writeStatus(batch, { ...status, phase: batch.status?.phase, conditions: batch.status?.conditions }, signal);
    this.returns.recycle(batch, record.returning);
  }

  private planSlots(batch: BatchSandbox, record: AllocationRecord, tasks: BatchTasks, replicas: number): SlotPlan {
    const batchUID = batch.metadata.uid ?? '';
    const conflicts = this.tools.ledger.conflicts(batchUID);
    return planSlots({
      slots: record.slots,
      replicas,
      release: batch.spec.taskResourcePolicyWhenCompleted === 'Release',
      releaseRequests: tasks.releaseRequests,
      letter: (index) => tasks.letter(index),
      wasKilled: (index) => tasks.wasKilled(index),
      isDirty: (index) => tasks.isDirty(index),
      reused: this.returns.strategyOf(batch, record) === 'Noop',
      pod: this.podsFor(batch),
      isConflict: (uid) => conflicts.has(uid),
      stopState: (uid) => (this.returns.isGivenBack(batchUID, uid) ? 'stopped' : tasks.stopState(uid)),
    });
  }

  /** Takes pods for the empty slots, in slot order; fills `slots` in place. */
  private fill(batch: BatchSandbox, pool: Pool | undefined, slots: Slot[], wanted: readonly number[]): PodFacts[] {
    if (wanted.length === 0 || pool === undefined || refusalOf(pool) !== undefined) return [];
    const taken = this.tools.ledger.take(poolSource(pool, this.tools.clock.now()), claimantOf(batch), wanted.length);
    for (const [i, pod] of taken.entries()) slots[wanted[i] ?? 0] = { state: 'held', name: pod.name, uid: pod.uid };
    return taken;
  }

  /**
   * After a failed write of the record. Reserved pods are idle again only once it is certain that no record names them: after a plain
   * refusal, or when a fresh read shows what is stored. Without an answer they stay reserved, and the next pass offers them again.
   */
  private async settle(batch: BatchSandbox, error: unknown, signal: AbortSignal): Promise<void> {
    const uid = batch.metadata.uid ?? '';
    if (isConflict(error)) await this.tools.refresh(batch, signal);
    if (error instanceof ApiError && !isTransient(error)) this.tools.ledger.release(uid);
  }

  /** Facts of pods by UID; a record has no say over pods of other namespaces, whoever wrote it. */
  private podsFor({ metadata: { namespace } }: BatchSandbox): (uid: string) => PodFacts | undefined {
    return (uid) => {
      const pod = this.tools.ledger.pod(uid);
      return pod?.namespace === namespace ? pod : undefined;
    };
  }

  private poolOf(batch: BatchSandbox): Pool | undefined {
    return this.tools.pools.get(poolKey(batch));
  }

  /** Endpoints are written from the first pod on, and kept up to date from then on (R96); a mirror that somebody else has written is put right too (R104). */
  private isPublished({ metadata: { annotations } }: BatchSandbox, hasPods: boolean): boolean {
    return hasPods || annotations?.[Annotation.endpoints] !== undefined || annotations?.[Annotation.allocStatus] !== undefined;
  }

  /** Tells of fields that only a batch without a pool has a use for (R12). */
  private reportIgnored(batch: BatchSandbox): void {
    if ((batch.spec.shardPatches?.length ?? 0) === 0) return;
    const message = 'spec.shardPatches: expected none beside poolRef, whose pods are made before; they are ignored';
    this.tools.events.record(batch, 'Warning', 'ShardPatchesIgnored', message);
  }

  /** Tells of pods that another record names too; the ledger forgets the conflict once they are dropped (R109). */
  private reportConflicts(batch: BatchSandbox, lost: readonly HeldSlot[]): void {
    const conflicts = this.tools.ledger.conflicts(batch.metadata.uid ?? '');
    const disputed = lost.filter((pod) => conflicts.has(pod.uid));
    const [sample] = disputed;
    if (sample === undefined) return;
    const message = `an older batch holds ${disputed.length} of the recorded pods, among them '${sample.name}' of slot ${sample.index}; they are dropped`;
    this.tools.events.record(batch, 'Warning', 'AllocationConflict', message);
  }

  private reportLosses(batch: BatchSandbox, lost: readonly HeldSlot[]): void {
    const [sample] = lost;
    if (sample === undefined) return;
    this.tools.metrics.replaced(batch, lost.length);
    this.tools.events.record(batch, 'Warning', 'PodReplaced', `lost ${lost.length} pods, among them '${sample.name}' of slot ${sample.index}`);
  }

  private reportReturned(batch: BatchSandbox, count: number): void {
    if (count > 0) this.tools.events.record(batch, 'Normal', 'PodsReturned', `gave ${count} pods back`);
  }
}
