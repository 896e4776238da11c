import type { BatchSandbox } from '../../src/schema/batch-sandbox';
import { joinProblems } from '../../src/schema/errors';
import { API_VERSION, Annotation, Finalizer, Label } from '../../src/schema/names';
import { podOfShard } from '../../src/schema/shards';
import { EMPTY_SLOT, FINISHED_SLOT, type Slot } from '../allocation-record';
import { isNamespaceClosing } from '../kube/api-error';
import { slowStart } from '../parallel';
import { createPod, type NewPod } from '../pod-creation';
import { describeCreated, describeQuota, describeRefused, type RefusedPod } from '../pod-events';
import { removePods } from '../pod-removal';
import { isEnd } from '../tasks/task-state';
import { BatchTasks } from './batch-tasks';
import type { BatchTools } from './batch-tools';
import { SlotBackoff } from './slot-backoff';
import { type HeldSlot, planSlots, type SlotPlan } from './slots';
import { endpointsOf, planBatchStatus } from './status';

/** Pod creates that run at once. */
const CREATES_AT_ONCE = 32;
/** Longest delay of a slot whose pod is refused (R6), and of one whose pods die (R113), in ms. */
const LONGEST_CREATE_DELAY_MS = 30_000;
const LONGEST_REPLACE_DELAY_MS = 60_000;

/** Serves a batch without a Pool: one pod a slot, named `<batch>-<slot>`, made from the batch's template. */
export class DirectDelivery {
  private readonly backoff = new SlotBackoff();

  constructor(private readonly tools: BatchTools) {}

  /** One pass over a batch; the returned delay says when a slot that waits is to be tried again. */
  async reconcile(batch: BatchSandbox, signal: AbortSignal): Promise<number | undefined> {
    const { clock, ownPods, publisher } = this.tools;
    const replicas = batch.spec.replicas ?? 1;
    const tasks = new BatchTasks(this.tools, batch, (uid) => ownPods.get(uid));
    tasks.forgetGone();
    const plan = this.plan(batch, tasks, replicas);
    tasks.reportUnstopped(plan.giveBack);
    // A pod that cannot be deleted keeps no other pod from being made, and no status from being written (R126).
    const kept = [...(await this.remove(batch, plan.giveBack, signal)), ...(await this.clearDead(batch, plan.lost, signal))];
    const keptUIDs = new Set(kept.map(({ pod }) => pod.uid));
    tasks.forget([...plan.lost, ...plan.giveBack].filter(({ uid }) => !keptUIDs.has(uid)));
    const waitMs = await this.create(batch, plan.fill, signal);

    const slots = this.slotsOf(batch, replicas);
    const status = planBatchStatus({
      batch,
      slots,
      record: undefined,
      pod: (uid) => ownPods.get(uid),
      tasks: tasks.status(),
      wait: undefined,
      // What a quota said of a slot stands until its next try, or the condition would come and go with the tries.
      quota: this.backoff.causeOf(batch.metadata.uid ?? '', (slot) => slots[slot]?.state === 'empty'),
      now: clock.now(),
    });
    const current = await publisher.writeStatus(batch, status, signal);
    // An end that the executor forgets before it is on record would run again after a restart of the operator (R37).
    tasks.stop(plan.stop);
    // Told before the second write: when that meets a conflict, the pass that follows finds nothing new in the status.
    tasks.reportFailed(status.taskStates ?? '');
    tasks.forgetEnds();
    if (isNews(batch)) tasks.reportInvalid();
    const hasPods = slots.some((slot) => slot.state === 'held');
    await publisher.writeMetadata(
      current,
      {
        finalizers: tasks.exist && hasPods ? [Finalizer.taskCleanup] : [],
        dropFinalizers: [Finalizer.poolAllocation],
        ...((hasPods || current.metadata.annotations?.[Annotation.endpoints] !== undefined) && {
          endpoints: endpointsOf(slots, replicas, (uid) => ownPods.get(uid)),
        }),
      },
      signal,
    );
    tasks.send(slots, status.taskStates ?? '');
    if (kept[0] !== undefined) throw kept[0].reason;
    return waitMs;
  }

  /** Stops every task; true when none can run any more. The pods go with the batch, by their owner references (R50). */
  async release(batch: BatchSandbox, signal: AbortSignal): Promise<boolean> {
    const tasks = new BatchTasks(this.tools, batch, (uid) => this.tools.ownPods.get(uid));
    if (!tasks.exist) return true;
    tasks.forgetGone();
    const plan = this.plan(batch, tasks, 0);
    tasks.stop(plan.stop);
    tasks.reportUnstopped(plan.giveBack);
    const [kept] = await this.remove(batch, plan.giveBack, signal);
    if (kept !== undefined) throw kept.reason;
    tasks.forget([...plan.lost, ...plan.giveBack]);
    return plan.stop.length === 0;
  }

  /** Forgets what was kept of a batch that is gone. */
  forget(batchUID: string): void {
    this.backoff.forget(batchUID);
  }

  private plan(batch: BatchSandbox, tasks: BatchTasks, replicas: number): SlotPlan {
    return planSlots({
      slots: this.slotsOf(batch, replicas),
      replicas,
      release: batch.spec.taskResourcePolicyWhenCompleted === 'Release',
      releaseRequests: new Set(),
      letter: (index) => tasks.letter(index),
      wasKilled: (index) => tasks.wasKilled(index),
      isDirty: (index) => tasks.isDirty(index),
      reused: false,
      pod: (uid) => this.tools.ownPods.get(uid),
      isConflict: () => false,
      stopState: (uid) => tasks.stopState(uid),
    });
  }

  /** Slots as the pods show them; one whose task has ended and whose pod was released is finished (R42). */
  private slotsOf(batch: BatchSandbox, replicas: number): Slot[] {
    const pods = this.tools.ownPods.of(batch);
    const length = Math.max(replicas, ...[...pods.keys()].map((slot) => slot + 1));
    const release = batch.spec.taskResourcePolicyWhenCompleted === 'Release';
    const states = batch.status?.taskStates ?? '';
    return Array.from({ length }, (_, index): Slot => {
      const pod = pods.get(index);
      if (pod !== undefined) return { state: 'held', name: pod.name, uid: pod.uid };
      const letter = states[index];
      return release && (letter === 'S' || letter === 'F') && isEnd(letter) ? FINISHED_SLOT : EMPTY_SLOT;
    });
  }

  /** Deletes pods; returns those that could not be deleted, and why. */
  private remove(batch: BatchSandbox, pods: readonly HeldSlot[], signal: AbortSignal): Promise<{ pod: HeldSlot; reason: unknown }[]> {
    const namespace = batch.metadata.namespace ?? '';
    return removePods(this.tools.api, this.tools.directPods, pods.map((pod) => ({ ...pod, namespace })), signal);
  }

  /** Dead pods keep their name taken: they are deleted, and their slot waits a little longer each time (R113). */
  private async clearDead(batch: BatchSandbox, lost: readonly HeldSlot[], signal: AbortSignal): Promise<{ pod: HeldSlot; reason: unknown }[]> {
    const dead = lost.filter((pod) => this.tools.ownPods.get(pod.uid)?.terminating === false);
    if (dead.length === 0) return [];
    const nowMs = this.tools.clock.monotonicMs();
    for (const pod of dead) this.backoff.fail(batch.metadata.uid ?? '', pod.index, nowMs, LONGEST_REPLACE_DELAY_MS);
    this.tools.metrics.replaced(batch, dead.length);
    this.tools.events.record(batch, 'Warning', 'PodReplaced', `${dead.length} pods ended, among them '${dead[0]?.name ?? ''}'; they are made again`);
    return this.remove(batch, dead, signal);
  }

  /** Makes the pods of empty slots in parallel; one that fails waits for itself and holds up no other (R6). Returns when to look again, in ms. */
  private async create(batch: BatchSandbox, fill: readonly number[], signal: AbortSignal): Promise<number | undefined> {
    const { clock, closingNamespaces, directPods, events, ownPods } = this.tools;
    const { namespace = '', uid = '' } = batch.metadata;
    const taken = ownPods.of(batch);
    const waits: number[] = [];
    const due = fill.filter((slot) => {
      if (taken.has(slot) || this.isTakenByEarlier(batch, slot)) return false; // a pod that is on its way out still has the name, and wakes us
      const waitMs = this.backoff.waitMs(uid, slot, clock.monotonicMs());
      if (waitMs > 0) waits.push(waitMs);
      return waitMs === 0;
    });
    const pods = due.flatMap((slot) => {
      const pod = this.podOf(batch, slot);
      if (pod !== undefined) return [{ slot, pod }];
      this.backoff.forgetCause(uid, slot); // it has no next try that would
      return [];
    });
    const results = await slowStart(pods, CREATES_AT_ONCE, ({ pod }) => createPod(this.tools, directPods, uid, pod, signal));
    const created: string[] = [];
    const refused: RefusedPod[] = [];
    for (const [i, result] of results.entries()) {
      const { slot = 0, pod } = pods[i] ?? {};
      const name = pod?.metadata.name ?? '';
      if (result.status === 'fulfilled') {
        created.push(name);
        continue;
      }
      if (isNamespaceClosing(result.reason)) {
        waits.push(1_000); // for the case that the namespace is open again by now
        continue;
      }
      refused.push({ name, reason: result.reason });
      this.backoff.fail(uid, slot, clock.monotonicMs(), LONGEST_CREATE_DELAY_MS, describeQuota(result.reason));
      waits.push(this.backoff.waitMs(uid, slot, clock.monotonicMs()));
    }
    if (created.length > 0) events.record(batch, 'Normal', 'SuccessfulCreate', describeCreated(created));
    for (const message of describeRefused(refused)) events.record(batch, 'Warning', 'FailedCreate', message);
    const untried = pods.length > results.length;
    const closedMs = closingNamespaces.waitMs(namespace);
    if (closedMs > 0) return closedMs;
    if (untried) waits.push(1_000);
    return waits.length > 0 ? Math.min(...waits) : undefined;
  }

  /** Whether a pod of an earlier batch of this name still has the name of a slot: it goes with its owner. */
  private isTakenByEarlier(batch: BatchSandbox, slot: number): boolean {
    const { namespace = '', name, uid } = batch.metadata;
    const owner = this.tools.directPods.get(`${namespace}/${name}-${slot}`)?.metadata.ownerReferences?.find(({ controller }) => controller === true);
    return owner?.kind === 'BatchSandbox' && owner.name === name && owner.uid !== uid;
  }

  private podOf(batch: BatchSandbox, slot: number): NewPod | undefined {
    const content = podOfShard(batch.spec.template, batch.spec.shardPatches?.[slot], slot);
    if (!content.ok) {
      // Once for an edit: the pods of other slots bring many passes, and a patch is as bad in each of them.
      if (isNews(batch)) this.tools.events.record(batch, 'Warning', 'InvalidShardPatch', joinProblems(`slot ${slot}`, content.problems));
      return undefined;
    }
    const { name, namespace, uid = '' } = batch.metadata;
    return {
      metadata: {
        name: `${name}-${slot}`,
        namespace,
        labels: { ...content.value.metadata?.labels, [Label.batchName]: name, [Label.podIndex]: String(slot) },
        annotations: content.value.metadata?.annotations,
        finalizers: content.value.metadata?.finalizers,
        ownerReferences: [{ apiVersion: API_VERSION, kind: 'BatchSandbox', name, uid, controller: true, blockOwnerDeletion: true }],
      },
      spec: content.value.spec && this.tools.completePod(content.value.spec),
    };
  }
}

/** Whether no pass has seen what the spec says now. */
function isNews({ metadata, status }: BatchSandbox): boolean {
  return status?.observedGeneration !== metadata.generation;
}
