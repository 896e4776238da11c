import type { BatchSandbox, BatchSandboxSpec } from '../../src/schema/batch-sandbox';
import type { ExecutorTaskRequest } from '../../src/schema/executor-api';

/** What one slot should run: a task, none (R32), or a task that could not be made, with every reason (R31). */
export type SlotTaskPlan =
  | { readonly kind: 'task'; readonly task: ExecutorTaskRequest }
  | { readonly kind: 'none' }
  | { readonly kind: 'invalid'; readonly problems: readonly string[] };

/** Whether a batch has tasks at all, so that it needs the task-cleanup finalizer (R32). */
export function hasTasks(spec: BatchSandboxSpec): boolean {
  return spec.taskTemplate !== undefined || (spec.shardTaskPatches?.length ?? 0) > 0;
}

/** What each slot of a batch should run, in slot order. */
export declare function planTasks(batch: BatchSandbox): readonly SlotTaskPlan[];
