import { z } from 'zod';

/**
 * How a Pool is chosen for a batch whose `poolRef` is `*`: the JSON in ConfigMap `pool-assign-profiles`, an array of profiles of which the one
 * named `default` is used.
 *
 * @see shared/reference/resources.md section 3.8
 */

/** Conditions that a Pool has to fulfil, by their names in a profile. */
export const POOL_PREDICATES = ['image', 'resource', 'nodeselector', 'labelselector'] as const;
export type PoolPredicateName = (typeof POOL_PREDICATES)[number];

/** What orders the Pools that fulfil them, by names in a profile. */
export const POOL_SCORES = ['resbalance'] as const;
export type PoolScoreName = (typeof POOL_SCORES)[number];

/** Which Pools `resbalance` prefers. */
export const BALANCE_STRATEGIES = ['LeastAllocated', 'MostAllocated'] as const;
export type BalanceStrategy = (typeof BALANCE_STRATEGIES)[number];

/** The profile that is used. */
export const DEFAULT_PROFILE_NAME = 'default';

/** One profile; names of plugins are free here, since unknown ones are skipped. */
export const assignProfile = z.object({
  name: z.string(),
  plugins: z.object({
    predicate: z.array(z.string()).default([]),
    score: z.array(z.object({ name: z.string(), weight: z.number().min(0) })).default([]),
  }),
  pluginConf: z.array(z.object({ name: z.string(), args: z.record(z.string(), z.unknown()).default({}) })).default([]),
});

/** What `labelselector` takes: keys of labels that batch and Pool have with the same value. */
export const labelSelectorArgs = z.object({
  keys: z
    .union([z.string(), z.array(z.string())])
    .default([])
    .meta({ expected: 'a list of label keys, or label keys with commas between them' }),
});

/** What `resbalance` takes. */
export const resBalanceArgs = z.object({ strategy: z.enum(BALANCE_STRATEGIES).default('LeastAllocated') });

/** A profile as it is written. */
export type AssignProfileInput = z.input<typeof assignProfile>;
