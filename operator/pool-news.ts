import { objectKey } from '../src/schema/kubernetes';
import type { Pool } from '../src/schema/pool';
import type { ObjectCache } from './kube/cache';
import type { Ledger } from './ledger';
import type { PoolCounts } from './pool-book';

/** A pool as metrics show it. */
export interface PoolDescription {
  readonly namespace: string;
  readonly name: string;
  readonly counts: PoolCounts;
  /** Slots of batches that wait for its pods. */
  readonly unmet: number;
}

/** All pools as they are now. */
export function* describePools(pools: ObjectCache<Pool>, ledger: Ledger): Generator<PoolDescription> {
  for (const pool of pools.values()) {
    const { name, namespace = '', uid = '' } = pool.metadata;
    yield { namespace, name, counts: ledger.counts(uid), unmet: ledger.demands.unmet(objectKey(pool)) };
  }
}

/** What our own status of a pool says to the batches that wait for it: its conditions but for their times, and whether it can grow. */
export function reasonToWait(pool: Pool | undefined): string {
  const { status, spec } = pool ?? {};
  const conditions = (status?.conditions ?? []).map(({ type, reason = '', message = '' }) => `${type} ${reason} ${message}`);
  const isFull = spec !== undefined && status !== undefined && status.total >= spec.capacitySpec.poolMax;
  return [isFull, ...conditions].join();
}
