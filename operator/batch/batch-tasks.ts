import type { BatchSandbox } from '../../src/schema/batch-sandbox';
import { objectKey } from '../../src/schema/kubernetes';
import { Annotation } from '../../src/schema/names';
import type { Slot } from '../allocation-record';
import type { PodFacts } from '../pod-facts';
import { hasTasks } from '../tasks/dispatch';
import { mergeTaskStatus, recordedLetter, type TaskStatus } from '../tasks/status';
import { isEnd, type ObservedTask, type TaskLetter } from '../tasks/task-state';
import type { BatchTools } from './batch-tools';
import { parseReleaseRequest } from './release-request';
import type { HeldSlot, StopState } from './slots';

/** The tasks of one batch during one pass. */
export class BatchTasks {
  /** Whether the batch has tasks at all. */
  readonly exist: boolean;
  /** Names of pods that a user asked to give back (R22); text that cannot be read asks for nothing (R126). */
  readonly releaseRequests: ReadonlySet<string>;
  private readonly key: string;
  private readonly uid: string;

  constructor(
    private readonly tools: BatchTools,
    private readonly batch: BatchSandbox,
    private readonly pod: (uid: string) => PodFacts | undefined,
  ) {
    this.exist = hasTasks(batch.spec);
    this.key = objectKey(batch);
    this.uid = batch.metadata.uid ?? '';
    this.releaseRequests = parseReleaseRequest(batch.metadata.annotations?.[Annotation.allocRelease]).pods;
  }

  /** State of a slot's task, also of a slot beyond `replicas` whose pod is about to leave. */
  letter(index: number): TaskLetter {
    const recorded = recordedLetter(this.batch.status?.taskStates, index);
    if (isEnd(recorded)) return recorded;
    const seen = this.observed.get(index)?.letter;
    if (seen !== undefined) return seen;
    // Not seen yet, after a restart say: it may run, so it is asked to stop before its pod leaves.
    return this.exist ? 'U' : recorded;
  }

  /** A signal that nobody here sent ended it, and that is not on record. */
  wasKilled(index: number): boolean {
    return this.observed.get(index)?.killed === true && !isEnd(recordedLetter(this.batch.status?.taskStates, index));
  }

  isDirty(index: number): boolean {
    return this.observed.get(index)?.dirty === true;
  }

  stopState(podUID: string): StopState {
    const stop = this.tools.tasks.stopState(podUID);
    if (stop === undefined) return 'idle';
    if (stop.state === 'stopped') return 'stopped';
    return this.stopTimeLeftMs(stop.startedAtMs) <= 0 ? 'timedOut' : 'stopping';
  }

  /** Asks the executors of these pods to stop their tasks, and looks again when the first of them has taken too long. */
  stop(pods: readonly HeldSlot[]): void {
    // One may have gone since the plan was made, while the status was written: its address is not used again (R116).
    const there = pods.flatMap(({ index, uid }) => {
      const pod = this.pod(uid);
      return pod === undefined ? [] : [{ slot: index, podUID: uid, podIP: pod.ip }];
    });
    if (there.length === 0) return;
    this.tools.tasks.stop({ key: this.key, uid: this.uid }, there);
    let leftMs = this.tools.taskStopTimeoutMs;
    for (const { podUID: uid } of there) leftMs = Math.min(leftMs, this.stopTimeLeftMs(this.tools.tasks.stopState(uid)?.startedAtMs));
    // What is left, not the whole time: a timer may fire a little early, and stops may have begun at different times.
    this.tools.requeue(this.key, Math.max(1, leftMs));
  }

  /**
   * Ends all calls to pods that are no longer ours. An end that was seen in one of them is kept until {@link forgetEnds}, also when this pass
   * fails: without it the task would run again in the next pod of the slot (R37).
   */
  forget(pods: readonly HeldSlot[]): void {
    for (const { index, uid } of pods) this.tools.tasks.forgetPod(this.uid, uid, index < (this.batch.spec.replicas ?? 1));
  }

  /** Ends all calls to pods that are gone, also to those of which no plan has heard since; ends are kept as by {@link forget}. */
  forgetGone(): void {
    this.tools.tasks.forgetGone(this.uid, (podUID) => this.pod(podUID) !== undefined, this.batch.spec.replicas ?? 1);
  }

  /** The ends that were kept are on record. */
  forgetEnds(): void {
    this.tools.tasks.forgetEnds(this.uid);
  }

  /** The task fields of the status. */
  status(): TaskStatus {
    return mergeTaskStatus({
      recorded: this.batch.status?.taskStates ?? '',
      plans: this.tools.tasks.plans(this.batch),
      observed: this.standing(),
    });
  }

  /** Declares the task of every slot that has a pod; `states` is what the status says of them now. */
  send(slots: readonly Slot[], states: string): void {
    if (!this.exist) return;
    const plans = this.tools.tasks.plans(this.batch);
    this.tools.tasks.ensure(
      { key: this.key, uid: this.uid },
      slots.flatMap((slot, index) => {
        const plan = plans[index];
        if (slot.state !== 'held' || plan?.kind !== 'task') return [];
        return [{ slot: index, podUID: slot.uid, podIP: this.pod(slot.uid)?.ip ?? '', task: plan.task, recorded: recordedLetter(states, index) }];
      }),
    );
  }

  /** Tells of tasks that could not be made (R31); the event is one, however many they are. */
  reportInvalid(): void {
    const invalid = this.exist ? this.tools.tasks.plans(this.batch).filter((plan) => plan.kind === 'invalid') : [];
    const [first] = invalid;
    if (first === undefined) return;
    const others = invalid.length > 1 ? `; ${invalid.length - 1} more tasks have problems` : '';
    this.tools.events.record(this.batch, 'Warning', 'InvalidTaskPatch', `${first.problems.join('; ')}${others}`);
  }

  /** Tells of tasks that have failed since the last status; `states` is what the status says now. What they printed stays out (R135). */
  reportFailed(states: string): void {
    const before = this.batch.status?.taskStates;
    const failed = [...this.observed].filter(([slot]) => recordedLetter(states, slot) === 'F' && recordedLetter(before, slot) !== 'F');
    const [first] = failed.sort(([a], [b]) => a - b);
    if (first === undefined) return;
    const [slot, { reason = 'Failed', exitCode }] = first;
    const how = exitCode === undefined ? reason : `${reason}, exit code ${exitCode}`;
    this.tools.events.record(this.batch, 'Warning', 'TaskFailed', `${failed.length} tasks failed, among them that of slot ${slot}: ${how}`);
  }

  /** Tells of pods that leave although nobody confirmed that their tasks have stopped (R49). */
  reportUnstopped(pods: readonly HeldSlot[]): void {
    const unstopped = pods.filter(({ uid }) => this.stopState(uid) === 'timedOut');
    const [first] = unstopped;
    if (first === undefined) return;
    const waited = `after ${this.tools.taskStopTimeoutMs / 1000} s`;
    const message = `${unstopped.length} pods deleted with tasks not confirmed as stopped ${waited}, among them '${first.name}' of slot ${first.index}`;
    this.tools.events.record(this.batch, 'Warning', 'TaskStopTimeout', message);
  }

  /** What is known of the tasks, without ends that came with the end of their pod, which may have gone since this pass began (R113). */
  private standing(): ReadonlyMap<number, ObservedTask> {
    const { observed } = this;
    const lost = [...observed.keys()].filter((slot) => this.wasKilled(slot) && this.hasLostPod(slot));
    if (lost.length === 0) return observed;
    const standing = new Map(observed);
    for (const slot of lost) standing.set(slot, { letter: 'U', dirty: false });
    return standing;
  }

  private hasLostPod(slot: number): boolean {
    const podUID = this.tools.tasks.podUID(this.uid, slot);
    return podUID !== undefined && this.pod(podUID)?.live !== true;
  }

  private stopTimeLeftMs(startedAtMs = this.tools.clock.monotonicMs()): number {
    return startedAtMs + this.tools.taskStopTimeoutMs - this.tools.clock.monotonicMs();
  }

  private get observed(): ReadonlyMap<number, ObservedTask> {
    return this.tools.tasks.observed(this.uid);
  }
}
