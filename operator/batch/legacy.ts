import type { BatchSandbox } from '../../src/schema/batch-sandbox';
import { Annotation } from '../../src/schema/names';
import { type AllocationRecord, EMPTY_SLOT, formatAllocation, type Slot } from '../allocation-record';
import { claimantOf, compareAge } from '../claimant';
import { isConflict, isNotFound } from '../kube/api-error';
import type { PodFacts } from '../pod-facts';
import type { BatchTools } from './batch-tools';
import { poolKey } from './pool-wait';
import { podNamesIn } from './release-request';
import { NOTHING_YET } from './status';

/** A batch that somebody else writes at the same time is read anew so often. */
const ATTEMPTS = 5;

/**
 * Writes a record for every batch that has none and whose `alloc-status` annotation names pods, as the operator before this one left it
 * (R102). Comes before anything is given out. Of a pod that two annotations name, the older batch keeps it.
 *
 * @throws the error of a write that fails; then no pod may be given out
 */
export async function importLegacy(tools: BatchTools, signal: AbortSignal): Promise<void> {
  const free = new Map<string, Map<string, PodFacts>>();
  const oldestFirst = [...tools.batches.values()].sort((a, b) => compareAge(claimantOf(a), claimantOf(b)));
  for (const batch of oldestFirst) {
    const pool = tools.pools.get(poolKey(batch));
    const uid = pool?.metadata.uid;
    if (pool === undefined || uid === undefined) continue;
    const podsByName = free.get(uid) ?? new Map(tools.ledger.idlePods(uid).map((pod) => [pod.name, pod]));
    free.set(uid, podsByName);
    const record = planImport(batch, pool.metadata.name, uid, podsByName);
    if (record !== undefined) await writeRecord(tools, batch, record, signal);
  }
}

/** The record that an annotation stands for, of pods that exist and are free; they are taken out of `free`. `undefined` when there are none. */
export function planImport({ metadata, spec, status }: BatchSandbox, poolName: string, poolUID: string, free: Map<string, PodFacts>): AllocationRecord | undefined {
  if (status?.allocation !== undefined) return undefined;
  const released = new Set(podNamesIn(metadata.annotations?.[Annotation.allocReleased]));
  const names = podNamesIn(metadata.annotations?.[Annotation.allocStatus]);
  const length = Math.max(names.length, spec.replicas ?? 1);
  const slots = Array.from({ length }, (_, index): Slot => {
    const pod = free.get(names[index] ?? '');
    if (pod === undefined || released.has(pod.name)) return EMPTY_SLOT;
    free.delete(pod.name);
    return { state: 'held', name: pod.name, uid: pod.uid };
  });
  return slots.some((slot) => slot.state === 'held') ? { poolName, poolUID, slots, returning: [] } : undefined;
}

async function writeRecord(tools: BatchTools, batch: BatchSandbox, record: AllocationRecord, signal: AbortSignal): Promise<void> {
  let current: BatchSandbox | undefined = batch;
  for (let attempt = 1; current !== undefined; attempt += 1) {
    try {
      await tools.publisher.writeStatus(current, { ...(current.status ?? NOTHING_YET), allocation: formatAllocation(record) }, signal);
      return;
    } catch (error) {
      if (isNotFound(error)) return;
      if (!isConflict(error) || attempt === ATTEMPTS) throw error;
      current = await tools.refresh(batch, signal);
    }
  }
}
