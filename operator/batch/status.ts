import { isDeepStrictEqual } from 'node:util';
import type { BatchCondition, BatchPhase, BatchSandbox, BatchSandboxStatus } from '../../src/schema/batch-sandbox';
import { mergeConditions, type WantedCondition } from '../../src/schema/conditions';
import { type AllocationRecord, formatAllocation, type Slot } from '../allocation-record';
import { type PatchStep, pointer } from '../kube/versioned-patch';
import type { PodFacts } from '../pod-facts';
import type { TaskStatus } from '../tasks/status';

/** Why a slot of a pooled batch is not filled, as condition `PoolAllocationPending` says it (R15). */
export interface PoolWait {
  readonly reason:
    | 'PoolNotFound'
    | 'PoolTerminating'
    | 'PoolNotAccepted'
    | 'PoolTooSmall'
    | 'ImagePull'
    | 'Unschedulable'
    | 'PodsFailing'
    | 'CreateFailed'
    | 'QuotaExceeded'
    | 'PoolExhausted'
    | 'Queued'
    | 'PoolScaling'
    | 'NoEligiblePool';
  readonly message: string;
}

/** What a batch looks like after a pass. */
export interface BatchStatusInput {
  readonly batch: BatchSandbox;
  readonly slots: readonly Slot[];
  /** Record to write; absent for a batch without a pool. */
  readonly record: AllocationRecord | undefined;
  pod(uid: string): PodFacts | undefined;
  readonly tasks: TaskStatus;
  readonly wait: PoolWait | undefined;
  /** How a quota keeps pods of a batch without a pool from being made. @default - none does */
  readonly quota?: string;
  readonly now: Date;
}

/** Status of a batch that has nothing. */
export const NOTHING_YET = {
  replicas: 0,
  allocated: 0,
  ready: 0,
  taskRunning: 0,
  taskSucceed: 0,
  taskFailed: 0,
  taskPending: 0,
  taskUnknown: 0,
};

/** The status of a batch (R37, R38, R42, R43, R92 to R97); pure, so equal input gives an equal status. */
export function planBatchStatus(input: BatchStatusInput): BatchSandboxStatus {
  const { batch, tasks, now } = input;
  const pods = input.slots.flatMap((slot) => {
    const pod = slot.state === 'held' ? input.pod(slot.uid) : undefined;
    return pod?.live === true ? [pod] : [];
  });
  const ready = pods.filter((pod) => pod.ready).length;
  const failing = pods.filter((pod) => pod.failing !== undefined);
  const finished = input.slots.length > 0 && input.slots.every((slot) => slot.state === 'finished');
  const phase: BatchPhase = failing.length > 0 ? 'Failed' : ready > 0 || finished ? 'Succeed' : 'Pending';
  const conditions: WantedCondition<BatchCondition['type']>[] = [];
  const add = (type: BatchCondition['type'], reason: string, message?: string) =>
    conditions.push({ type, status: 'True', reason, ...(message !== undefined && { message }) });
  if (phase === 'Succeed' && !finished) add('Ready', 'PodsReady');
  if (phase === 'Pending' && input.quota === undefined) add('Progressing', 'Creating');
  if (phase === 'Pending' && input.quota !== undefined) add('Progressing', 'QuotaExceeded', input.quota);
  if (finished) add('Completed', 'TasksEnded');
  if (ready > 0 && ready === batch.spec.replicas) add('AllReady', 'PodsReady');
  if (failing.length > 0) add('PodFailed', ...describeFailure(failing, pods.length));
  if (input.wait !== undefined) add('PoolAllocationPending', input.wait.reason, input.wait.message);
  const record = input.record === undefined ? undefined : formatAllocation(input.record);
  return {
    observedGeneration: batch.metadata.generation,
    replicas: pods.length,
    allocated: pods.filter((pod) => pod.placed).length,
    ready,
    ...tasks,
    phase,
    conditions: mergeConditions<BatchCondition['type']>(batch.status?.conditions, conditions, now),
    ...(record !== undefined && { allocation: record }),
  };
}

/** Reason and message of `PodFailed`: the most frequent reason, how many of how many, and one pod as a sample (R92). */
function describeFailure(failing: readonly PodFacts[], seen: number): [string, string] {
  const byReason = new Map<string, PodFacts[]>();
  for (const pod of failing) {
    const reason = pod.failing?.reason ?? 'Unknown';
    const pods = byReason.get(reason);
    if (pods === undefined) byReason.set(reason, [pod]);
    else pods.push(pod);
  }
  const [reason, pods] = [...byReason].sort((a, b) => b[1].length - a[1].length || (a[0] < b[0] ? -1 : 1))[0] ?? ['Unknown', failing];
  const sample = pods[0];
  return [reason, `${failing.length} of ${seen} pods failing; pod '${sample?.name ?? ''}': ${sample?.failing?.message ?? reason}`];
}

/** What makes of the stored status the wanted one; nothing when they are the same, since a status is written only when it differs (R97). */
export function diffStatus(stored: BatchSandboxStatus | undefined, wanted: BatchSandboxStatus): PatchStep[] {
  if (stored === undefined) return [{ op: 'add', path: '/status', value: wanted }];
  const before: Record<string, unknown> = { ...stored };
  const after: Record<string, unknown> = { ...wanted };
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap((key): PatchStep[] => {
    const same = key === 'allocation' ? sameRecord(stored, wanted) : isDeepStrictEqual(before[key], after[key]);
    if (same) return [];
    const path = pointer('status', key);
    if (after[key] !== undefined) return [{ op: 'add', path, value: after[key] }];
    // Set first, since there may be nothing to remove: a CRD older than this operator drops what it does not know.
    return [{ op: 'add', path, value: null }, { op: 'remove', path }];
  });
}

function sameRecord(stored: BatchSandboxStatus | undefined, wanted: BatchSandboxStatus): boolean {
  const before = stored?.allocation;
  const after = wanted.allocation;
  if (before === undefined || after === undefined) return before === after;
  return (
    before.poolName === after.poolName &&
    before.poolUID === after.poolUID &&
    before.podPrefix === after.podPrefix &&
    sameList(before.slots, after.slots) &&
    sameList(before.returning, after.returning)
  );
}

function sameList(a: readonly string[] = [], b: readonly string[] = []): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index]);
}

/** IPs in slot order for the `endpoints` annotation, `""` where there is none (R96). */
export function endpointsOf(slots: readonly Slot[], replicas: number, pod: (uid: string) => PodFacts | undefined): string[] {
  return Array.from({ length: replicas }, (_, index) => {
    const slot = slots[index];
    return slot?.state === 'held' ? (pod(slot.uid)?.ip ?? '') : '';
  });
}
