import { z } from 'zod';
import { type Condition, conditionList, POOL_CONDITION_TYPES } from './conditions';
import { generation, int32, intOrPercent, podTemplateField, text } from './fields';
import type { KubeObject, PodTemplateSpec } from './kubernetes';
import { atMost, withRules } from './rules';

/** Largest number of pods in one pool. */
export const MAX_POOL_SIZE = 10_000;

/** Longest life that a pool may ask of a pod that is given out, in seconds. */
export const MAX_REMAINING_LIFETIME_SECONDS = 31_536_000;

/** How a returned pod is treated. */
export const RECYCLE_TYPES = ['Delete', 'Restart', 'Noop'] as const;

const pods = (what: string) => int32(0, MAX_POOL_SIZE).describe(`${what}, in pods from 0 to ${MAX_POOL_SIZE}.`);

export const capacitySpec = withRules(
  z.object({
    bufferMin: pods('Fewest idle pods: fewer start new ones, up to poolMax; at most bufferMax'),
    bufferMax: pods('Most idle pods: more are deleted, down to poolMin'),
    poolMin: pods('Fewest pods in all, idle and held; at most poolMax'),
    poolMax: pods('Most pods in all, idle and held: wins over every other bound, but takes no pod from a batch'),
  }),
  [atMost('bufferMin', 'bufferMax'), atMost('poolMin', 'poolMax')],
);

const pace = (what: string) =>
  intOrPercent()
    .optional()
    .describe(`Most pods that are not Ready while ${what}: a number of pods, or a percentage of them, rounded up. At least 1 pod, also for text that says neither. Default: 25%.`);

export const poolSpec = z.object({
  template: podTemplateField('the pods of the pool', 'After a change idle pods are replaced, as updateStrategy says; one that a batch holds is replaced when it comes back. Default: none, and the pool is not accepted.'),
  capacitySpec: capacitySpec.describe('Bounds of the idle pods and of all pods.'),
  scaleStrategy: z.object({ maxUnavailable: pace('the pool grows') }).optional().describe('Pace of growth. Default: maxUnavailable of 25%.'),
  updateStrategy: z
    .object({ maxUnavailable: pace('idle pods are replaced after a change of the template') })
    .optional()
    .describe('Pace of a rolling update of idle pods after a change of the template. Idle pods of the old template that are not Ready are replaced at once. Default: maxUnavailable of 25%.'),
  minRemainingLifetimeSeconds: int32(0, MAX_REMAINING_LIFETIME_SECONDS)
    .optional()
    .describe(
      `Least time that a pod must have left when a batch gets it, in seconds from 0 to ${MAX_REMAINING_LIFETIME_SECONDS}, for a template with activeDeadlineSeconds; half of ` +
        'that at most. Idle pods with less are deleted, and replaced a little before at the pace of updateStrategy. Default: 60.',
    ),
  recycleStrategy: z
    .object({
      type: z
        .enum(RECYCLE_TYPES)
        .default('Delete')
        .describe(
          'Delete: the pod is deleted and a new one takes its place. Restart: its containers are restarted, after its executor has proved it empty; when ' +
            'that fails, the pod is deleted; its emptyDir volumes stay as they are. Annotation sandbox.opensandbox.io/restart-config says how. ' +
            'Noop: the pod is given out again as it is, with everything that its last user left in it. Default: Delete.',
        ),
    })
    .optional()
    .describe('What happens to a pod that a batch gives back. Default: type Delete.'),
});

export const poolStatus = z.object({
  observedGeneration: generation().optional().describe('metadata.generation of the pool that this status is about. Default: none, before the first look.'),
  revision: text(16).describe('Hash of the current template, in 16 hex characters.'),
  total: int32().describe('Pods of the pool that are not terminating, in pods.'),
  allocated: int32().describe('Pods of the pool that batches hold or give back, in pods.'),
  available: int32().describe('Idle pods of the pool that are Ready and have no label pool.opensandbox.io/evict, in pods.'),
  updated: int32().optional().describe('Pods of the pool made from the current revision of the template, in pods. Default: none, before the first count.'),
  conditions: conditionList(POOL_CONDITION_TYPES, {
    Accepted: 'False when the spec cannot be followed; the pods then stay as they are',
    ScaleBlocked: 'the pool is smaller than wanted and cannot grow now, its new pods do not start, or a lower bound is above its upper one',
  })
    .optional()
    .describe('What holds now, one item a type. Default: none.'),
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
