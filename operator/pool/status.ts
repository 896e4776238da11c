import { mergeConditions, type WantedCondition } from '../../src/schema/conditions';
import type { Pool, PoolCondition, PoolStatus } from '../../src/schema/pool';
import type { PoolCounts } from '../pool-book';

/** What a pool looks like after a pass. */
export interface PoolStatusInput {
  readonly pool: Pool;
  readonly revision: string;
  readonly counts: PoolCounts;
  /** Why the pool cannot be served; absent when it can. */
  readonly refusal?: string;
  /** Why it does not grow as it should; absent when nothing is in the way. */
  readonly blocked?: ScaleBlock;
  readonly now: Date;
}

/** Reason and message of condition `ScaleBlocked` (R61, R65); the last three are those of an open breaker. */
export interface ScaleBlock {
  readonly reason: 'InvalidCapacity' | 'NotReadyPods' | 'PoolMax' | 'CreateFailed' | 'QuotaExceeded' | 'ImagePull' | 'Unschedulable' | 'PodsFailing';
  readonly message: string;
}

/** The status of a pool; pure, so equal input gives an equal status. */
export function planPoolStatus({ pool, revision, counts, refusal, blocked, now }: PoolStatusInput): PoolStatus {
  const conditions: WantedCondition<PoolCondition['type']>[] = [];
  if (refusal !== undefined) conditions.push({ type: 'Accepted', status: 'False', reason: 'InvalidSpec', message: refusal });
  if (blocked !== undefined) conditions.push({ type: 'ScaleBlocked', status: 'True', ...blocked });
  return {
    observedGeneration: pool.metadata.generation,
    revision,
    total: counts.total,
    allocated: counts.allocated,
    available: counts.available,
    updated: counts.updated,
    ...(conditions.length > 0 && { conditions: mergeConditions<PoolCondition['type']>(pool.status?.conditions, conditions, now) }),
  };
}
