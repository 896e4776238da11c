import type { BatchSandbox } from '../../src/schema/batch-sandbox';
import type { SandboxStatusReply } from '../../src/schema/lifecycle-reply';
import { Annotation } from '../../src/schema/names';

/** A condition that holds, as far as it is told. */
type Holding = NonNullable<NonNullable<BatchSandbox['status']>['conditions']>[number];

/** Address of the sandbox; undefined while it has none. */
export function addressOf({ metadata: { annotations } }: BatchSandbox): string | undefined {
  try {
    const addresses: unknown = JSON.parse(annotations?.[Annotation.endpoints] ?? '[]');
    const [first] = Array.isArray(addresses) ? (addresses as unknown[]) : [];
    return typeof first === 'string' && first !== '' ? first : undefined;
  } catch {
    return undefined;
  }
}

/** The condition of a type that is stored. */
export function conditionOf({ status }: BatchSandbox, type: Holding['type']): Holding | undefined {
  return status?.conditions?.find((condition) => condition.type === type);
}

/**
 * The state of a sandbox as the API tells it, from its BatchSandbox alone.
 *
 * `Running` needs an address and a Ready pod (L20); what has an address only is `Pending`.
 *
 * @see shared/reference/lifecycle-server.md section 7
 */
export function sandboxStatus(batch: BatchSandbox): SandboxStatusReply {
  const { deletionTimestamp, creationTimestamp } = batch.metadata;
  const at = (condition?: Holding) => toInstant(condition?.lastTransitionTime ?? creationTimestamp);
  if (deletionTimestamp !== undefined) return { state: 'Stopping', reason: 'DELETING', lastTransitionAt: toInstant(deletionTimestamp) };
  const refused = conditionOf(batch, 'Accepted');
  if (refused?.status === 'False') return { state: 'Failed', reason: 'FAILED', message: refused.message, lastTransitionAt: at(refused) };
  const failed = conditionOf(batch, 'PodFailed');
  if (failed !== undefined || batch.status?.phase === 'Failed') return { state: 'Failed', reason: 'FAILED', message: failed?.message, lastTransitionAt: at(failed) };
  if ((batch.status?.taskFailed ?? 0) > 0) return { state: 'Failed', reason: 'TASK_FAILED', message: 'the entrypoint has failed', lastTransitionAt: at() };
  const completed = conditionOf(batch, 'Completed');
  if (completed !== undefined) return { state: 'Terminated', reason: 'TASK_ENDED', lastTransitionAt: at(completed) };
  if (isRunning(batch)) return { state: 'Running', reason: 'RUNNING', lastTransitionAt: at(conditionOf(batch, 'Ready')) };
  const waiting = conditionOf(batch, 'PoolAllocationPending');
  if (waiting !== undefined) {
    return { state: 'Pending', reason: isLackOfRoom(waiting.reason) ? 'POOL_CAPACITY_EXHAUSTED' : 'CREATING', message: waiting.message, lastTransitionAt: at(waiting) };
  }
  const progress = conditionOf(batch, 'Progressing');
  return { state: 'Pending', reason: batch.status?.phase === undefined ? 'BATCHSANDBOX_PENDING' : 'CREATING', message: progress?.message, lastTransitionAt: at(progress) };
}

/** Whether the sandbox can be used: its pod is Ready and its address is published. */
export function isRunning(batch: BatchSandbox): boolean {
  return (batch.status?.ready ?? 0) > 0 && addressOf(batch) !== undefined;
}

/** Whether a batch waits since its pool has no pod for it, as opposed to one that will come. */
export function isLackOfRoom(reason: string | undefined): boolean {
  return reason === 'PoolExhausted' || reason === 'PoolTooSmall' || reason === 'Queued';
}

/** A time of Kubernetes as the API tells it. */
export function toInstant(time: string | undefined): string | undefined {
  const ms = Date.parse(time ?? '');
  return Number.isNaN(ms) ? undefined : new Date(ms).toISOString();
}
