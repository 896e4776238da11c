import type { Allocation } from '../src/schema/batch-sandbox';

/** A pod as a record names it. */
export interface RecordedPod {
  readonly name: string;
  readonly uid: string;
}

/** One slot of a batch: nothing yet, a pod, or finished (its task ended, the pod was released, it is never refilled). */
export type Slot = { readonly state: 'empty' } | { readonly state: 'finished' } | ({ readonly state: 'held' } & RecordedPod);

/** `status.allocation` in a form to work with. */
export interface AllocationRecord {
  readonly poolName: string;
  readonly poolUID: string;
  /** Entry i is slot i. */
  readonly slots: readonly Slot[];
  /** Pods taken from a slot whose recycle has not finished. */
  readonly returning: readonly RecordedPod[];
  /** What cannot be read, and where; absent in a sound record. Entries that can be read still count (R127). */
  readonly problem?: string;
}

export const EMPTY_SLOT: Slot = { state: 'empty' };
export const FINISHED_SLOT: Slot = { state: 'finished' };
export const NO_ALLOCATION: AllocationRecord = { poolName: '', poolUID: '', slots: [], returning: [] };

/**
 * A record is parsed once: the cache hands out the same object until it changes. One that was written here is not parsed at all; of pods that were taken
 * here it has the very texts by which the ledger finds them, which is faster than with copies.
 */
const parsed = new WeakMap<Allocation, AllocationRecord>();

/** Reads a record, as much of it as can be read. */
export function parseAllocation(allocation: Allocation | undefined): AllocationRecord {
  if (allocation === undefined) return NO_ALLOCATION;
  let record = parsed.get(allocation);
  if (record === undefined) {
    record = readAllocation(allocation);
    parsed.set(allocation, record);
  }
  return record;
}

function readAllocation({ poolName = '', poolUID = '', podPrefix: prefix = '', slots = [], returning = [] }: Allocation): AllocationRecord {
  const problems: string[] = [];
  const read = (path: string, text: string): RecordedPod | undefined => {
    const pod = readPod(prefix, text);
    if (pod === undefined) problems.push(`status.allocation.${path}: expected '<rest of pod name>/<pod UID>', got '${text.slice(0, 200)}'`);
    return pod;
  };
  const readSlot = (text: string, index: number): Slot => {
    if (text === '') return EMPTY_SLOT;
    if (text === '-') return FINISHED_SLOT;
    const pod = read(`slots[${index}]`, text);
    return pod === undefined ? EMPTY_SLOT : { state: 'held', ...pod };
  };
  const record = {
    poolName,
    poolUID,
    slots: slots.map(readSlot),
    returning: returning.flatMap((text, index) => read(`returning[${index}]`, text) ?? []),
  };
  return problems.length === 0 ? record : { ...record, problem: problems.join('; ') };
}

function readPod(prefix: string, text: string): RecordedPod | undefined {
  const slash = text.indexOf('/');
  return slash < 0 || slash === text.length - 1 ? undefined : { name: prefix + text.slice(0, slash), uid: text.slice(slash + 1) };
}

/** What the names of a pool's pods begin with; 5 characters follow, and 63 is the most (section 2.4 of the contract). */
export function podPrefix(poolName: string): string {
  return `${poolName}-`.slice(0, 58);
}

/** Writes a record; the pool's name in front of its pods is written once. `undefined` when there is nothing to record. */
export function formatAllocation(record: AllocationRecord): Allocation | undefined {
  if (record.slots.every((slot) => slot.state === 'empty') && record.returning.length === 0) return undefined;
  const prefix = podPrefix(record.poolName);
  const shared =
    record.slots.every((slot) => slot.state !== 'held' || slot.name.startsWith(prefix)) &&
    record.returning.every((pod) => pod.name.startsWith(prefix));
  const cut = shared ? prefix.length : 0;
  const toText = (pod: RecordedPod) => `${pod.name.slice(cut)}/${pod.uid}`;
  const { poolName, poolUID, slots, returning } = record;
  const allocation: Allocation = {
    poolName,
    poolUID,
    podPrefix: shared ? prefix : '',
    slots: slots.map((slot) => (slot.state === 'held' ? toText(slot) : slot.state === 'finished' ? '-' : '')),
    ...(returning.length > 0 && { returning: returning.map(toText) }),
  };
  parsed.set(allocation, { poolName, poolUID, slots, returning });
  return allocation;
}
