import { explainWait, waitCheckMs } from '../../../operator/batch/pool-wait';
import { claimantOf } from '../../../operator/claimant';
import { Ledger } from '../../../operator/ledger';
import type { BatchSandbox, BatchSandboxSpec } from '../../../src/schema/batch-sandbox';
import type { Pool } from '../../../src/schema/pool';
import { batchOf, podOf, statusHolding } from '../../support/builders';

const NOW = new Date('2026-01-01T00:01:00Z');
const warm: Pool = {
  metadata: { namespace: 'default', name: 'warm', uid: 'pool-warm' },
  spec: { capacitySpec: { bufferMin: 0, bufferMax: 0, poolMin: 0, poolMax: 4 } },
};
const refused: Pool = { ...warm, status: { revision: 'r', total: 0, allocated: 0, available: 0, conditions: [{ type: 'Accepted', status: 'False', reason: 'InvalidSpec', message: 'why' }] } };
const blocked: Pool = { ...warm, status: { revision: 'r', total: 1, allocated: 0, available: 0, conditions: [{ type: 'ScaleBlocked', status: 'True', reason: 'CreateFailed', message: 'quota' }] } };
const going: Pool = { ...warm, metadata: { ...warm.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } };

/** A ledger whose pool has pods, Ready ones first, and in whose line others wait for so many, the oldest first. */
function ledgerWith({ ready = 0, starting = 0, others = [] as number[] }): Ledger {
  const ledger = new Ledger({ poolChanged: () => undefined, heldPodChanged: () => undefined, demandChanged: () => undefined });
  for (let i = 0; i < ready + starting; i++) ledger.podChanged(`uid-p${i}`, podOf('pool-warm', `p${i}`, { ready: i < ready }));
  for (const [i, unmet] of others.entries()) ledger.demands.set('default/warm', claimantOf(batchOf(`other-${i}`, {}, { createdAt: `2025-01-01T00:00:0${i}Z` })), unmet);
  return ledger;
}

const choosePool = () => ({ message: 'none suits' });
const whole: BatchSandboxSpec = { allocationPolicy: 'AllOrNothing' };

interface Case {
  readonly pool?: Pool | 'none';
  readonly spec?: BatchSandboxSpec;
  readonly ledger?: Parameters<typeof ledgerWith>[0];
  readonly unmet?: number;
  readonly held?: number;
  readonly reason: string;
  readonly message: string;
}

test.each<[string, Case]>([
  ['no such pool', { pool: 'none', reason: 'PoolNotFound', message: "no Pool 'warm' in namespace 'default'" }],
  ['no pool that suits', { pool: 'none', spec: { poolRef: '*' }, reason: 'NoEligiblePool', message: 'none suits' }],
  ['a pool that is being deleted', { pool: going, reason: 'PoolTerminating', message: "Pool 'warm' is being deleted" }],
  ['a pool with a faulty spec', { pool: refused, reason: 'PoolNotAccepted', message: "Pool 'warm' is not accepted: why" }],
  ['a pool whose pods nobody makes', { pool: blocked, ledger: { starting: 1, others: [1] }, reason: 'CreateFailed', message: "Pool 'warm' makes no pods: quota" }],
  ['a pool that grows', { ledger: { starting: 2 }, reason: 'PoolScaling', message: "Pool 'warm' has 2 of at most 4 pods and makes more" }],
  ['a full pool', { ledger: { starting: 4 }, reason: 'PoolExhausted', message: "Pool 'warm' has its poolMax of 4 pods and none is available" }],
  ['a full pool, behind others', { ledger: { starting: 4, others: [1] }, reason: 'PoolExhausted', message: "Pool 'warm' has its poolMax of 4 pods and none is available" }],
  ['a growing pool, behind another', { ledger: { starting: 2, others: [3] }, reason: 'Queued', message: "place 2 in the line of Pool 'warm': the next 3 pods go to 'other-0'" }],
  ['a growing pool, behind others', { ledger: { starting: 2, others: [3, 2] }, reason: 'Queued', message: "place 3 in the line of Pool 'warm': the next 5 pods go to 2 batches before it, first to 'other-0'" }],
  [
    'all at once, with more than the pool can have',
    {
      spec: whole,
      unmet: 4,
      held: 1,
      ledger: { ready: 3, others: [3] },
      reason: 'PoolTooSmall',
      message: "all 5 sandboxes are to be there at once (AllOrNothing), and Pool 'warm' has at most 4 pods; raise its poolMax or lower replicas",
    },
  ],
  ['all at once, of a growing pool', { spec: whole, unmet: 3, ledger: { ready: 2 }, reason: 'PoolScaling', message: "Pool 'warm' has 2 of at most 4 pods and makes more; 3 are wanted at once (AllOrNothing) and 2 available" }],
  [
    'all at once, of a full pool',
    { spec: whole, unmet: 3, ledger: { ready: 2, starting: 2 }, reason: 'PoolExhausted', message: "Pool 'warm' has its poolMax of 4 pods and too few are available; 3 are wanted at once (AllOrNothing) and 2 available" },
  ],
])('%s has a reason and a message of its own (R15)', (_name, { pool = warm, spec, ledger, unmet = 1, held = 0, reason, message }) => {
  const batch = batchOf('b', { poolRef: 'warm', ...spec });
  expect(explainWait({ batch, pool: pool === 'none' ? undefined : pool, ledger: ledgerWith(ledger ?? {}), choosePool, unmet, held, now: NOW })).toEqual({ reason, message });
});

describe('a place in the line', () => {
  const stored = (lastTransitionTime: string, reason = 'Queued'): BatchSandbox => {
    const status = { ...statusHolding('warm', []), conditions: [{ type: 'PoolAllocationPending' as const, status: 'True' as const, reason, message: 'old', lastTransitionTime }] };
    return batchOf('b', { poolRef: 'warm' }, { status });
  };
  const explain = (batch: BatchSandbox) => explainWait({ batch, pool: warm, ledger: ledgerWith({ starting: 1, others: [1] }), choosePool, unmet: 1, held: 0, now: NOW });

  test.each([
    ['is not written anew each time somebody is served', stored('2026-01-01T00:00:31Z'), 'old'],
    ['is written anew when it is old', stored('2026-01-01T00:00:30Z'), "place 2 in the line of Pool 'warm': the next pod goes to 'other-0'"],
    ['is written at once when the batch waited for something else', stored('2026-01-01T00:00:59Z', 'PoolExhausted'), "place 2 in the line of Pool 'warm': the next pod goes to 'other-0'"],
  ])('%s (R15)', (_name, batch, message) => {
    expect(explain(batch)).toEqual({ reason: 'Queued', message });
  });

  test('is looked at again by itself, and no other reason is', () => {
    expect(waitCheckMs(explain(batchOf('b', { poolRef: 'warm' })))).toBe(30_000);
    expect(waitCheckMs({ reason: 'PoolScaling', message: '' })).toBeUndefined();
    expect(waitCheckMs(undefined)).toBeUndefined();
  });
});
