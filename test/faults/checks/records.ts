import type { BatchSandbox } from '../../../src/schema/batch-sandbox';
import type { Pod } from '../../../src/schema/kubernetes';
import { Annotation, Label } from '../../../src/schema/names';
import type { Pool } from '../../../src/schema/pool';

/** A pod that a batch names. */
export interface NamedPod {
  readonly index: number;
  readonly name: string;
  readonly uid: string;
}

/** A batch's own view of its slots, read here anew: a checker that shares the operator's code shares its mistakes. */
export interface SlotRecord {
  readonly poolName: string;
  readonly poolUID: string;
  readonly held: readonly NamedPod[];
  readonly returning: readonly NamedPod[];
  /** Slots that are finished. */
  readonly finished: readonly number[];
}

/** The record of a pooled batch. */
export function recordOf({ status }: BatchSandbox): SlotRecord {
  const { poolName = '', poolUID = '', podPrefix = '', slots = [], returning = [] } = status?.allocation ?? {};
  const read = (text: string, index: number): NamedPod[] => {
    const [rest, uid] = text.split('/');
    return uid === undefined ? [] : [{ index, name: `${podPrefix}${rest ?? ''}`, uid }];
  };
  return { poolName, poolUID, held: slots.flatMap(read), returning: returning.flatMap(read), finished: slots.flatMap((slot, index) => (slot === '-' ? [index] : [])) };
}

/** Pods that a batch holds now and did not hold before. */
export function gainedPods(after: BatchSandbox, before: BatchSandbox | undefined): readonly NamedPod[] {
  if (before?.status?.allocation === after.status?.allocation) return [];
  const known = new Set(before === undefined ? [] : recordOf(before).held.map(({ uid }) => uid));
  return recordOf(after).held.filter(({ uid }) => !known.has(uid));
}

/** Whether nothing is wrong with the spec, as far as the status says. */
export function isAccepted(object: Pool | BatchSandbox): boolean {
  const conditions: readonly { readonly type: string }[] = object.status?.conditions ?? [];
  return !conditions.some(({ type }) => type === 'Accepted');
}

export const isPooled = ({ spec }: BatchSandbox): boolean => spec.poolRef !== undefined && spec.poolRef !== '';

/** UID of the controller that owns a pod; empty for none. */
export function ownerOf({ metadata }: Pod): string {
  return metadata.ownerReferences?.find(({ controller }) => controller === true)?.uid ?? '';
}

/** Slot of a pod that a batch made itself; undefined of others. */
export function ownSlotOf({ metadata }: Pod): number | undefined {
  const index = metadata.labels?.[Label.podIndex];
  return index === undefined ? undefined : Number(index);
}

export const isTerminating = (object: { readonly metadata: { readonly deletionTimestamp?: string } }): boolean => object.metadata.deletionTimestamp !== undefined;

/** Not terminating and not ended. */
export const isLive = (pod: Pod): boolean => !isTerminating(pod) && pod.status?.phase !== 'Failed' && pod.status?.phase !== 'Succeeded';

/** Live, Running and Ready. */
export function isReady(pod: Pod): boolean {
  return isLive(pod) && pod.status?.phase === 'Running' && pod.status.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true;
}

/** The letter of a slot in `status.taskStates`. */
export const letterOf = ({ status }: BatchSandbox, slot: number): string => status?.taskStates?.[slot] ?? '-';

/** Names that a user asked to give back. */
export function releaseRequestsOf({ metadata }: BatchSandbox): readonly string[] {
  const text = metadata.annotations?.[Annotation.allocRelease];
  return text === undefined ? [] : ((JSON.parse(text) as { pods: string[] }).pods);
}
