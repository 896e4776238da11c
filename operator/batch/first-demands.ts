import type { BatchSandbox } from '../../src/schema/batch-sandbox';
import { parseAllocation } from '../allocation-record';
import { claimantOf } from '../claimant';
import type { Demands } from '../demands';
import { isPooled } from './check';
import { planExpiry } from './expiry';
import { poolKey } from './pool-wait';

/**
 * Declares what batches wait for by their records, before the first pass over any of them: so nobody gets what is kept for one whose pass is
 * still to come, however the passes of a new leader fall (R14). Nobody is woken by it: all of them are about to have their pass.
 */
export function declareDemands(batches: Iterable<BatchSandbox>, demands: Demands, now: Date): void {
  for (const batch of batches) {
    const isLeaving = batch.metadata.deletionTimestamp !== undefined || planExpiry(batch.spec.expireTime, now).expired;
    if (!isPooled(batch) || isLeaving) continue;
    const { slots, poolName } = parseAllocation(batch.status?.allocation);
    const { replicas = 1, poolRef } = batch.spec;
    const own = poolName === poolRef ? slots.slice(0, replicas) : [];
    const held = own.filter(({ state }) => state === 'held').length;
    const finished = own.filter(({ state }) => state === 'finished').length;
    demands.restore(poolKey(batch), claimantOf(batch), replicas - held - finished, held);
  }
}
