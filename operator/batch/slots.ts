import { EMPTY_SLOT, FINISHED_SLOT, type RecordedPod, type Slot } from '../allocation-record';
import type { PodFacts } from '../pod-facts';
import { isEnd, type TaskLetter } from '../tasks/task-state';

/** A slot that has a pod. */
export interface HeldSlot extends RecordedPod {
  readonly index: number;
}

/** Where the task of a pod stands on its way out: `idle` was never asked to stop. */
export type StopState = 'idle' | 'stopping' | 'stopped' | 'timedOut';

/** Everything that decides what happens to the slots of a batch. */
export interface SlotInput {
  /** Slots as recorded; may be longer or shorter than `replicas`. */
  readonly slots: readonly Slot[];
  /** Wanted number of slots; 0 while the batch is being deleted or its pods go back to another pool. */
  readonly replicas: number;
  readonly release: boolean;
  /** Names that a user asked to give back (R22). */
  readonly releaseRequests: ReadonlySet<string>;
  /** State of the task of a slot, those beyond `replicas` included. */
  letter(index: number): TaskLetter;
  /** That task was ended by a signal which nobody asked for, and its end is not on record. */
  wasKilled(index: number): boolean;
  /** The executor of this slot's pod holds a task of somebody else (R35). */
  isDirty(index: number): boolean;
  /** A returned pod is reused as it is, so its executor has to be emptied even when the task has ended. */
  readonly reused: boolean;
  pod(uid: string): PodFacts | undefined;
  /** The record names the pod, but an older batch holds it (R109). */
  isConflict(uid: string): boolean;
  stopState(uid: string): StopState;
}

/** What to do with the slots of a batch. */
export interface SlotPlan {
  /** Slots after everything in this plan but `fill` is carried out; as long as the batch wants, or longer while pods leave. */
  readonly slots: readonly Slot[];
  /** Pods that are gone, dead, or held by an older batch: already out of `slots`. */
  readonly lost: readonly HeldSlot[];
  /** Tasks to stop before their pod may go; still in `slots`. */
  readonly stop: readonly HeldSlot[];
  /** Pods to give back now; already out of `slots`. `force`: delete it whatever the pool's strategy (R35, R49). */
  readonly giveBack: readonly (HeldSlot & { readonly force: boolean })[];
  /** Empty slots to fill. */
  readonly fill: readonly number[];
}

/**
 * Decides which pods leave the slots of a batch, and which slots want one (R20 to R22, R41 to R43, R47, R113).
 *
 * A pod leaves in three steps, one a pass: its task is asked to stop, the stop is confirmed, the pod is given back. A slot keeps
 * its pod on record until the last step, so a crash at any point repeats a step and never forgets a pod.
 */
export function planSlots(input: SlotInput): SlotPlan {
  const slots: Slot[] = [];
  const lost: HeldSlot[] = [];
  const stop: HeldSlot[] = [];
  const giveBack: (HeldSlot & { force: boolean })[] = [];
  const length = Math.max(input.replicas, input.slots.length);
  for (let index = 0; index < length; index++) {
    const slot = input.slots[index] ?? EMPTY_SLOT;
    if (slot.state !== 'held') {
      slots.push(slot);
      continue;
    }
    const held: HeldSlot = { index, name: slot.name, uid: slot.uid };
    const letter = input.letter(index);
    const pod = input.pod(slot.uid);
    const isLost = pod?.live !== true || input.isConflict(slot.uid);
    // What ends with its pod has not ended of itself: it runs again in the next one (R113).
    const ended = isEnd(letter) && !(isLost && input.wasKilled(index));
    const finishes = (input.release && ended) || input.releaseRequests.has(slot.name);
    const next = finishes ? FINISHED_SLOT : EMPTY_SLOT;
    if (isLost) {
      lost.push(held);
      slots.push(next);
      continue;
    }
    if (input.isDirty(index)) {
      giveBack.push({ ...held, force: true });
      slots.push(next);
      continue;
    }
    const stopState = input.stopState(slot.uid);
    // A pod whose task was asked to stop leaves, also when its slot is wanted again meanwhile: the slot gets a new pod (R21).
    if (index < input.replicas && !finishes && stopState === 'idle') {
      slots.push(slot);
      continue;
    }
    const mayRun = letter !== '-' && pod.ip !== '' && (!ended || input.reused || finishes);
    if (mayRun && (stopState === 'idle' || stopState === 'stopping')) {
      stop.push(held);
      slots.push(slot);
    } else {
      giveBack.push({ ...held, force: stopState === 'timedOut' });
      slots.push(next);
    }
  }
  while (slots.length > input.replicas && slots.at(-1)?.state !== 'held') slots.pop();
  const fill = slots.flatMap((slot, index) => (index < input.replicas && slot.state === 'empty' ? [index] : []));
  return { slots, lost, stop, giveBack, fill };
}
