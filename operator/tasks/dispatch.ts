import type { BatchSandbox, BatchSandboxSpec } from '../../src/schema/batch-sandbox';
import { formatProblem } from '../../src/schema/errors';
import type { ExecutorProcess, ExecutorTaskRequest } from '../../src/schema/executor-api';
import { taskOfShard } from '../../src/schema/shards';

/** What one slot should run: a task, none (R32), or a task that could not be made, with every reason (R31). */
export type SlotTaskPlan =
  | { readonly kind: 'task'; readonly task: ExecutorTaskRequest }
  | { readonly kind: 'none' }
  /** `problems` start with the path in the spec of the batch and show no value of an environment. */
  | { readonly kind: 'invalid'; readonly problems: readonly string[] };

/** A plan before it has a name; shared by all slots without a patch. */
type ProcessPlan = Exclude<SlotTaskPlan, { kind: 'task' }> | { readonly kind: 'task'; readonly process: ExecutorProcess };

/** Whether a batch has tasks at all, so that it needs the task-cleanup finalizer (R32). */
export function hasTasks(spec: BatchSandboxSpec): boolean {
  return spec.taskTemplate !== undefined || (spec.shardTaskPatches?.length ?? 0) > 0;
}

/** What each slot of a batch should run, in slot order; one entry for each of `replicas`. */
export function planTasks({ metadata, spec }: BatchSandbox): readonly SlotTaskPlan[] {
  const { taskTemplate, shardTaskPatches = [], replicas = 1 } = spec;
  let unpatched: ProcessPlan | undefined;
  return Array.from({ length: replicas }, (_, slot) => {
    const patch = shardTaskPatches[slot] ?? undefined;
    const plan = patch ? planProcess(taskTemplate, patch, slot) : (unpatched ??= planProcess(taskTemplate, patch, slot));
    if (plan.kind !== 'task') return plan;
    return { kind: 'task', task: { name: `${metadata.name}-${slot}`, uid: metadata.uid, process: plan.process } };
  });
}

function planProcess(taskTemplate: unknown, patch: unknown, slot: number): ProcessPlan {
  const shard = taskOfShard(taskTemplate, patch, slot);
  if (!shard.ok) return { kind: 'invalid', problems: shard.problems.map(formatProblem) };
  if (shard.value === undefined) return { kind: 'none' };
  const { process, timeoutSeconds } = shard.value.spec;
  return { kind: 'task', process: { ...process, timeoutSeconds } };
}

/** The plans of batches, made again only when a spec has changed: a pass over 10,000 slots merges no patch twice. */
export class TaskPlans {
  private readonly byBatch = new Map<string, { readonly generation: number | undefined; readonly plans: readonly SlotTaskPlan[] }>();

  /** The plans of a batch; the same list until its generation changes. */
  of(batch: BatchSandbox): readonly SlotTaskPlan[] {
    const { uid = '', generation } = batch.metadata;
    const known = this.byBatch.get(uid);
    if (known && known.generation === generation) return known.plans;
    const plans = planTasks(batch);
    this.byBatch.set(uid, { generation, plans });
    return plans;
  }

  /** Drops the plans of a batch that is gone. */
  forget(batchUID: string): void {
    this.byBatch.delete(batchUID);
  }
}
