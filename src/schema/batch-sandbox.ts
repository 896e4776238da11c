import { z } from 'zod';
import { BATCH_CONDITION_TYPES, type Condition, conditionList } from './conditions';
import { int32, preserved, text, timestamp } from './fields';
import type { KubeObject, PodTemplateSpec } from './kubernetes';

/** Most slots of one batch: what fits into one object with full pod names and UIDs (R131). */
export const MAX_BATCH_REPLICAS = 10_000;

/** What happens to a pod when its task has ended. */
export const TASK_RESOURCE_POLICIES = ['Retain', 'Release'] as const;

/** Phases; a running sandbox is `Succeed`. */
export const BATCH_PHASES = ['Pending', 'Succeed', 'Pausing', 'Paused', 'Resuming', 'Failed'] as const;

const patchList = () => z.array(preserved().nullable()).max(MAX_BATCH_REPLICAS);

export const batchSandboxSpec = z.object({
  replicas: int32(0, MAX_BATCH_REPLICAS).default(1).describe('Number of sandboxes.').meta({ listedAsRequired: true }),
  poolRef: text(253).optional().describe('Pool in the same namespace; * lets one be chosen; absent means own pods from template.'),
  template: preserved().optional().describe('Pod template of a batch without a pool.'),
  shardPatches: patchList().optional().describe('Item i is a strategic merge patch for pod i; only without a pool.'),
  expireTime: timestamp().optional().describe('When the batch is deleted; a past time deletes it now.'),
  taskTemplate: preserved().optional().describe('Task sent to every sandbox.'),
  shardTaskPatches: patchList().optional().describe('Item i is a strategic merge patch for task i.'),
  taskResourcePolicyWhenCompleted: z
    .enum(TASK_RESOURCE_POLICIES)
    .default('Retain')
    .describe('Release gives a pod back when its task has ended.'),
  pause: z.boolean().optional().describe('true: be paused; false: be running; absent: no wish.'),
});

/**
 * Which pod belongs to which slot: the only authority on it (R104).
 *
 * Entry i of `slots` is slot i: `""` empty; `-` finished, not refilled; else `<rest of pod name>/<pod UID>`.
 */
export const allocation = z.object({
  poolName: text(253).optional(),
  poolUID: text(64).optional(),
  podPrefix: text(253).optional().describe('Text common to all pod names of this record.'),
  slots: z.array(text(320)).max(MAX_BATCH_REPLICAS).optional().describe('Entry i is slot i.'),
  returning: z.array(text(320)).max(MAX_BATCH_REPLICAS).optional().describe('Pods taken from a slot whose recycle has not finished.'),
});

export const batchSandboxStatus = z.object({
  observedGeneration: z.int().optional().describe('Generation last handled.'),
  replicas: int32().describe('Pods the batch has now.'),
  allocated: int32().describe('Of these, with a node or an IP.'),
  ready: int32().describe('Of these, Ready.'),
  taskRunning: int32(),
  taskSucceed: int32(),
  taskFailed: int32(),
  taskPending: int32(),
  taskUnknown: int32(),
  taskStates: text(MAX_BATCH_REPLICAS)
    .optional()
    .describe('One letter a slot: - no task, P pending, R running, S succeeded, F failed, U unknown.'),
  phase: z.enum(BATCH_PHASES).optional(),
  pauseObservedGeneration: z.int().optional().describe('Generation whose pause value has been acknowledged.'),
  conditions: conditionList(BATCH_CONDITION_TYPES).optional(),
  allocation: allocation.optional().describe('Which pod of the pool belongs to which slot.'),
});

/** Spec of a BatchSandbox as users write it. */
export type BatchSandboxSpec = Omit<z.input<typeof batchSandboxSpec>, 'template'> & { template?: PodTemplateSpec };
/** Status of a BatchSandbox. */
export type BatchSandboxStatus = z.output<typeof batchSandboxStatus>;
export type BatchCondition = Condition<(typeof BATCH_CONDITION_TYPES)[number]>;
export type BatchPhase = (typeof BATCH_PHASES)[number];
export type Allocation = z.output<typeof allocation>;

/** A BatchSandbox: N sandboxes as one object. */
export interface BatchSandbox extends KubeObject {
  readonly spec: BatchSandboxSpec;
  readonly status?: BatchSandboxStatus;
}
