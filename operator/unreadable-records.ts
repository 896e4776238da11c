import type { BatchSandbox } from '../src/schema/batch-sandbox';
import type { Pool } from '../src/schema/pool';
import { parseAllocation } from './allocation-record';
import { claimantOf } from './claimant';
import type { ObjectCache } from './kube/cache';
import type { Ledger } from './ledger';

/** Before the first pass: of what a batch with an unreadable record held before, nobody remembers anything now, so its pool gives nothing out (R127). */
export function setAsideUnreadable(batches: ObjectCache<BatchSandbox>, pools: ObjectCache<Pool>, ledger: Ledger): void {
  for (const batch of batches.values()) {
    const { problem, poolUID } = parseAllocation(batch.status?.allocation);
    const named = pools.get(`${batch.metadata.namespace ?? ''}/${batch.spec.poolRef ?? ''}`)?.metadata.uid ?? '';
    if (problem !== undefined) ledger.setAside(poolUID === '' ? named : poolUID, claimantOf(batch));
  }
}
