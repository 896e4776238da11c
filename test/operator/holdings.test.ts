import fc from 'fast-check';
import { claimantOf, compareClaimants } from '../../operator/claimant';
import { Holdings } from '../../operator/holdings';
import { batchOf } from '../support/builders';

const claimant = (batch: number, priority: number) => claimantOf(batchOf(`b${batch}`, { priority }));

test('whatever batches come to hold, what is held before one of them is the sum of those that are served first (R14)', () => {
  const step = fc.record({ batch: fc.nat(6), pool: fc.nat(1), held: fc.nat(3), priority: fc.integer({ min: -1, max: 1 }) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), fc.nat(6), (steps, asked) => {
      const holdings = new Holdings();
      const holders = new Map<number, (typeof steps)[number]>();
      const asking = claimant(asked, 0);
      for (const step of steps) {
        holdings.set(`pool-${step.pool}`, claimant(step.batch, step.priority), step.held);
        holders.set(step.batch, step);
        for (const pool of [0, 1]) {
          const before = [...holders.values()].filter(({ batch, priority, ...holder }) => holder.pool === pool && compareClaimants(claimant(batch, priority), asking) < 0);
          expect(holdings.heldBefore(`pool-${pool}`, asking)).toBe(before.reduce((sum, { held }) => sum + held, 0));
        }
      }
    }),
  );
});
