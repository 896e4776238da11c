import fc from 'fast-check';
import { claimantOf, compareClaimants } from '../../operator/claimant';
import { Demands } from '../../operator/demands';
import type { BatchSandboxSpec } from '../../src/schema/batch-sandbox';
import { batchOf } from '../support/builders';

const claimant = (name: string, spec: BatchSandboxSpec = {}) => claimantOf(batchOf(name, spec));
const uids = (demands: Demands, poolKey: string) => demands.line(poolKey).map(({ claimant: { uid } }) => uid);

/** Demands that tell who became the first of which line. */
function demandsWithNews() {
  const news: string[] = [];
  const demands = new Demands((poolKey, first) => void news.push(first === undefined ? poolKey : `${poolKey}: ${first.uid}`));
  return { demands, takeNews: () => news.splice(0) };
}

test('a batch waits for one pool at a time, and both pools hear of a move', () => {
  const { demands, takeNews } = demandsWithNews();
  demands.set('old', claimant('a'), 3);
  demands.set('new', claimant('a'), 2);
  expect([demands.unmet('old'), demands.unmet('new')]).toEqual([0, 2]);
  expect(takeNews()).toEqual(['old', 'old', 'new']);
  demands.drop('batch-a');
  expect(demands.unmet('new')).toBe(0);
});

test('a demand that stays as it is is no news', () => {
  const { demands, takeNews } = demandsWithNews();
  demands.set('pool', claimant('a'), 0);
  demands.set('pool', claimant('a'), 3, 1);
  demands.set('pool', claimant('a'), 3, 1);
  expect(takeNews()).toEqual(['pool']);
});

test('a change of priority counts at once (R14)', () => {
  const { demands, takeNews } = demandsWithNews();
  demands.set('pool', claimant('a'), 1);
  demands.set('pool', claimant('b'), 1);
  expect(uids(demands, 'pool')).toEqual(['batch-a', 'batch-b']);
  takeNews();
  demands.set('pool', claimant('b', { priority: 1 }), 1);
  expect(uids(demands, 'pool')).toEqual(['batch-b', 'batch-a']);
  expect(takeNews()).toEqual(['pool']);
});

test('whoever becomes the first of a line by what another does is named (R15)', () => {
  const { demands, takeNews } = demandsWithNews();
  demands.set('pool', claimant('b'), 1);
  demands.set('pool', claimant('a'), 1);
  expect(takeNews()).toEqual(['pool', 'pool']); // each came by itself
  demands.set('pool', claimant('a', { priority: -1 }), 1);
  demands.set('pool', claimant('b'), 0);
  expect(takeNews()).toEqual(['pool: batch-b', 'pool: batch-a']);
  demands.set('other', claimant('c', { priority: 1 }), 1);
  demands.set('pool', claimant('c', { priority: 1 }), 1);
  takeNews();
  demands.set('other', claimant('c', { priority: 1 }), 1);
  expect(takeNews()).toEqual(['pool: batch-a', 'other']);
});

test('a batch that takes all or nothing and is larger than the pool asks it for no pods (R60)', () => {
  const { demands } = demandsWithNews();
  demands.set('pool', claimant('part'), 20, 5);
  demands.set('pool', claimant('whole', { allocationPolicy: 'AllOrNothing' }), 6, 5);
  expect([demands.unmet('pool', 11), demands.unmet('pool', 10), demands.unmet('pool')]).toEqual([26, 20, 26]);
});

test('whatever comes and goes, the line is in order and has everybody once', () => {
  const step = fc.record({ batch: fc.nat(6), pool: fc.nat(1), unmet: fc.nat(3), priority: fc.integer({ min: -1, max: 1 }) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const { demands } = demandsWithNews();
      const wanted = new Map<string, (typeof steps)[number]>();
      for (const { batch, pool, unmet, priority } of steps) {
        demands.set(`pool-${pool}`, claimant(`b${batch}`, { priority }), unmet);
        wanted.delete(`batch-b${batch}`);
        if (unmet > 0) wanted.set(`batch-b${batch}`, { batch, pool, unmet, priority });
      }
      for (const pool of [0, 1]) {
        const line = demands.line(`pool-${pool}`);
        expect(line).toEqual([...line].sort((a, b) => compareClaimants(a.claimant, b.claimant)));
        const expected = [...wanted].filter(([, demand]) => demand.pool === pool).map(([uid, { unmet, priority }]) => [uid, unmet, priority]);
        expect(line.map(({ claimant: { uid, priority }, unmet }) => [uid, unmet, priority]).sort()).toEqual(expected.sort());
      }
    }),
  );
});
