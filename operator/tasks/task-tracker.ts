import { Backoff } from '../../src/program/backoff';
import type { Clock } from '../../src/program/clock';
import type { Logger } from '../../src/program/log';
import type { BatchSandbox } from '../../src/schema/batch-sandbox';
import type { ExecutorTaskRequest } from '../../src/schema/executor-api';
import { ChangeGatherer } from './change-gatherer';
import { type SlotTaskPlan, TaskPlans } from './dispatch';
import type { ExecutorClient, ExecutorPod } from './executor-client';
import { InFlightLimit } from './in-flight-limit';
import { type ConversationSubject, type ConversationTools, PodConversation, type StopState } from './pod-conversation';
import { isEnd, type ObservedTask, type TaskLetter } from './task-state';

/** Time in which changes of one batch are gathered into one report, in ms: the most that R133 allows, and so at most 10 status writes a second. */
const GATHER_MS = 100;

/** Which batch is meant; everything is kept by UID, so a batch made again under an old name inherits nothing (R111). */
export interface TaskBatch {
  /** Key that `onChange` reports. */
  readonly key: string;
  readonly uid: string;
}

/** The pod of one slot. */
export interface SlotPod {
  /** From 0. */
  readonly slot: number;
  readonly podUID: string;
  /** Empty while the pod has none. */
  readonly podIP: string;
}

/** One slot that has a pod and a task. */
export interface SlotTask extends SlotPod {
  readonly task: ExecutorTaskRequest;
  /** Letter in `status.taskStates` as last written. */
  readonly recorded: TaskLetter;
}

export interface TaskTrackerOptions {
  readonly client: ExecutorClient;
  readonly clock: Clock;
  readonly log: Logger;
  /** Called at most once in 100 ms for a batch, when a letter or dirty mark changed or a stop was confirmed. */
  readonly onChange: (batchKey: string) => void;
  /** Called for each executor of a batch that begins to refuse the operator's key. */
  readonly onUnauthorized: (batchKey: string) => void;
  /**
   * Short calls at work at once; long-polls do not count.
   *
   * @default 64
   */
  readonly maxInFlight?: number;
  /** Number from 0 up to 1. @default Math.random */
  readonly random?: () => number;
}

interface TrackedBatch {
  /** All that are open, those included that only stop a task. */
  readonly open: Set<PodConversation>;
  readonly bySlot: Map<number, PodConversation>;
  readonly observed: Map<number, ObservedTask>;
  /** Slots whose pod is gone and whose end is kept. */
  readonly kept: Set<number>;
}

/**
 * Runs the tasks of all batches on the executors of their pods, in the background.
 *
 * Every method but `reset` and `close` returns at once; what follows is told by `onChange` and read from `observed` and
 * `stopState`. Nothing is kept on disk: after a restart the executors themselves say what was sent (R37).
 */
export class TaskTracker {
  private readonly taskPlans = new TaskPlans();
  private readonly batches = new Map<string, TrackedBatch>();
  private readonly byPod = new Map<string, PodConversation>();
  private readonly closing = new Set<Promise<void>>();
  private readonly ending = new AbortController();
  private readonly changes: ChangeGatherer;
  private readonly tools: ConversationTools;

  constructor(private readonly options: TaskTrackerOptions) {
    const { client, clock, log, onChange, onUnauthorized, maxInFlight = 64, random } = options;
    this.changes = new ChangeGatherer(clock, GATHER_MS, onChange);
    this.tools = {
      client,
      clock,
      log,
      limit: new InFlightLimit(maxInFlight, clock),
      backoff: new Backoff({ random }),
      onNews: (conversation) => this.noteNews(conversation),
      onUnauthorized: ({ subject }) => onUnauthorized(subject.batchKey),
    };
  }

  /** What each slot of a batch should run, in slot order; made again only when the generation of the batch has changed. */
  plans(batch: BatchSandbox): readonly SlotTaskPlan[] {
    return this.taskPlans.of(batch);
  }

  /**
   * Declares what should run in a batch: every slot that has a pod and a task.
   *
   * Idempotent, and cheap when nothing changed. A slot whose recorded letter is an end is left alone for good. A task that
   * was sent runs on unchanged when an edit changes it or leaves it out (R36); one that was not sent is taken back.
   */
  ensure(batch: TaskBatch, slots: readonly SlotTask[]): void {
    const tracked = this.track(batch.uid);
    for (const slot of slots) this.ensureSlot(batch, tracked, slot);
    if (tracked.bySlot.size > slots.length) this.takeBackUnsent(tracked, slots);
  }

  /** What is known of each slot that has a pod and a task; a live view. */
  observed(batchUID: string): ReadonlyMap<number, ObservedTask> {
    return this.batches.get(batchUID)?.observed ?? new Map<number, ObservedTask>();
  }

  /** UID of the pod that a slot's task was sent to, or is to be; undefined when none is known. */
  podUID(batchUID: string, slot: number): string | undefined {
    return this.batches.get(batchUID)?.bySlot.get(slot)?.subject.podUID;
  }

  /**
   * Asks the executors of these pods to drop their tasks, until each shows an empty set (R48).
   *
   * Final for a pod: `ensure` sends it nothing more until `forgetPod`. Idempotent. A pod that never had an IP counts as
   * stopped, since nothing can have been sent to it.
   */
  stop(batch: TaskBatch, pods: readonly SlotPod[]): void {
    for (const { slot, podUID, podIP } of pods) {
      const known = this.byPod.get(podUID);
      const conversation = known?.subject.batchUID === batch.uid ? known : this.open({ batchKey: batch.key, batchUID: batch.uid, slot, podUID });
      conversation.stop(podIP);
    }
  }

  /** How far the stop of a pod's tasks is; undefined when none was asked for. */
  stopState(podUID: string): StopState | undefined {
    return this.byPod.get(podUID)?.stopState;
  }

  /**
   * Kills and wipes everything in a pod before it goes back to its pool.
   *
   * True only when the executor has proved it empty. False says nothing about the pod: it must not be used again (rule 30).
   */
  async reset(pod: ExecutorPod, signal: AbortSignal): Promise<boolean> {
    try {
      await this.options.client.reset(pod, AbortSignal.any([signal, this.ending.signal]));
      return true;
    } catch (error) {
      this.options.log.warn({ podUID: pod.podUID, error: error instanceof Error ? error.message : String(error) }, 'pod not reset');
      return false;
    }
  }

  /**
   * Ends every call to a pod that is gone or no longer of this batch; its address is not used again (R116).
   *
   * @param keepEnd whether the end of its task, if it was seen and did not come with the end of the pod, stays in {@link observed} until
   *   {@link forgetEnds}
   */
  forgetPod(batchUID: string, podUID: string, keepEnd = false): void {
    const conversation = this.byPod.get(podUID);
    if (conversation?.subject.batchUID === batchUID) this.forget(conversation, keepEnd);
  }

  /**
   * Does for every pod of a batch that is gone what {@link forgetPod} does.
   *
   * @param keptSlots number of slots, from the first on, whose ends are kept
   */
  forgetGone(batchUID: string, isThere: (podUID: string) => boolean, keptSlots: number): void {
    for (const conversation of this.batches.get(batchUID)?.open ?? []) {
      const { podUID, slot } = conversation.subject;
      if (!isThere(podUID)) this.forget(conversation, slot < keptSlots);
    }
  }

  /** Forgets the ends that were kept of pods of a batch: they are on record. */
  forgetEnds(batchUID: string): void {
    const tracked = this.batches.get(batchUID);
    for (const slot of tracked?.kept ?? []) if (tracked?.bySlot.has(slot) === false) tracked.observed.delete(slot);
    tracked?.kept.clear();
  }

  /** Ends every call for a batch that is gone. */
  forgetBatch(batchUID: string): void {
    for (const conversation of this.batches.get(batchUID)?.open ?? []) this.forget(conversation);
    this.batches.delete(batchUID);
    this.taskPlans.forget(batchUID);
  }

  /** Ends every call; tasks run on. Resolves when nothing is at work any more. */
  async close(): Promise<void> {
    this.ending.abort();
    this.changes.close();
    for (const conversation of this.byPod.values()) this.forget(conversation);
    this.batches.clear();
    await Promise.all(this.closing);
  }

  private track(batchUID: string): TrackedBatch {
    let tracked = this.batches.get(batchUID);
    if (tracked === undefined) this.batches.set(batchUID, (tracked = { open: new Set(), bySlot: new Map(), observed: new Map(), kept: new Set() }));
    return tracked;
  }

  private ensureSlot(batch: TaskBatch, tracked: TrackedBatch, { slot, podUID, podIP, task, recorded }: SlotTask): void {
    let conversation = tracked.bySlot.get(slot);
    // What is recorded as an end says all from here on, and a pod that is no longer in the slot says nothing of it.
    if (conversation && !conversation.stopState && (isEnd(recorded) || conversation.subject.podUID !== podUID)) this.forget(conversation);
    if (isEnd(recorded)) return;
    if (conversation?.subject.podUID !== podUID) {
      const known = this.byPod.get(podUID);
      if (known?.stopState && known.subject.batchUID === batch.uid) return;
      conversation = this.open({ batchKey: batch.key, batchUID: batch.uid, slot, podUID });
      tracked.bySlot.set(slot, conversation);
    }
    conversation.run(task, podIP, recorded);
    tracked.observed.set(slot, conversation.observed);
  }

  private takeBackUnsent(tracked: TrackedBatch, slots: readonly SlotTask[]): void {
    const wanted = new Set(slots.map(({ slot }) => slot));
    for (const [slot, conversation] of tracked.bySlot) {
      if (!wanted.has(slot) && !conversation.wasSent) this.forget(conversation);
    }
  }

  /** Starts a conversation with a pod, in place of one that another batch may have left behind. */
  private open(subject: ConversationSubject): PodConversation {
    const earlier = this.byPod.get(subject.podUID);
    if (earlier) this.forget(earlier);
    const conversation = new PodConversation(subject, this.tools);
    this.byPod.set(subject.podUID, conversation);
    this.track(subject.batchUID).open.add(conversation);
    return conversation;
  }

  private forget(conversation: PodConversation, keepEnd = false): void {
    const { batchUID, slot, podUID } = conversation.subject;
    this.byPod.delete(podUID);
    const tracked = this.batches.get(batchUID);
    tracked?.open.delete(conversation);
    if (tracked?.bySlot.get(slot) === conversation) {
      tracked.bySlot.delete(slot);
      const { letter, killed } = conversation.observed;
      if (keepEnd && isEnd(letter) && killed !== true) tracked.kept.add(slot);
      else tracked.observed.delete(slot);
    }
    const closed = conversation.close().finally(() => this.closing.delete(closed));
    this.closing.add(closed);
  }

  private noteNews(conversation: PodConversation): void {
    const { batchKey, batchUID, slot } = conversation.subject;
    const tracked = this.batches.get(batchUID);
    if (tracked?.bySlot.get(slot) === conversation) tracked.observed.set(slot, conversation.observed);
    this.changes.add(batchKey);
  }
}
