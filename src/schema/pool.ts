import { z } from 'zod';
import { type Condition, conditionList, POOL_CONDITION_TYPES } from './conditions';
import { int32, intOrPercent, preserved, text } from './fields';
import type { KubeObject, PodTemplateSpec } from './kubernetes';
import { atMost, withRules } from './rules';

/** Largest number of pods in one pool. */
export const MAX_POOL_SIZE = 10_000;

/** How a returned pod is treated. */
export const RECYCLE_TYPES = ['Delete', 'Restart', 'Noop'] as const;

const pods = () => int32(0, MAX_POOL_SIZE);

export const capacitySpec = withRules(
  z.object({
    bufferMin: pods().describe('Fewest idle pods wanted.'),
    bufferMax: pods().describe('Most idle pods wanted.'),
    poolMin: pods().describe('Fewest pods in all.'),
    poolMax: pods().describe('Most pods in all; wins over every other bound.'),
  }),
  [atMost('bufferMin', 'bufferMax'), atMost('poolMin', 'poolMax')],
);

export const poolSpec = z.object({
  template: preserved().optional().describe('Pod template of the pool, as in a Deployment.'),
  capacitySpec: capacitySpec.describe('Bounds of idle pods and of all pods.'),
  scaleStrategy: z
    .object({ maxUnavailable: intOrPercent().optional().describe('Most pods not Ready while growing; default 25%.') })
    .optional()
    .describe('Pace of growth.'),
  updateStrategy: z
    .object({ maxUnavailable: intOrPercent().optional().describe('Most pods not Ready while updating; default 25%.') })
    .optional()
    .describe('Pace of a rolling update of idle pods.'),
  recycleStrategy: z
    .object({ type: z.enum(RECYCLE_TYPES).default('Delete').describe('Delete replaces a returned pod; Noop reuses it without cleaning.') })
    .optional()
    .describe('How a returned pod is treated; absent means Delete.'),
});

export const poolStatus = z.object({
  observedGeneration: z.int().optional().describe('Generation last handled.'),
  revision: text(16).describe('Hash of the current template, 16 hex characters.'),
  total: int32().describe('Pods of the pool that are not terminating.'),
  allocated: int32().describe('Pods held by batches or returning.'),
  available: int32().describe('Idle, Ready pods without the evict label.'),
  updated: int32().optional().describe('Pods of the current revision.'),
  conditions: conditionList(POOL_CONDITION_TYPES).optional(),
});

/** Spec of a Pool as users write it. */
export type PoolSpec = Omit<z.input<typeof poolSpec>, 'template'> & { template?: PodTemplateSpec };
/** Status of a Pool. */
export type PoolStatus = z.output<typeof poolStatus>;
export type PoolCondition = Condition<(typeof POOL_CONDITION_TYPES)[number]>;

/** A Pool: warm pods, kept within bounds. */
export interface Pool extends KubeObject {
  readonly spec: PoolSpec;
  readonly status?: PoolStatus;
}
