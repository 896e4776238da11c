import { type Claimant, claimantOf } from '../../operator/claimant';
import type { Demand } from '../../operator/demands';
import { aheadOf, leftFor, servable, type Supply } from '../../operator/line';
import { batchOf } from '../support/builders';

/** A demand by the age of its batch, 0 being the oldest; `held` as in a record. */
function demand(age: number, unmet: number, policy: 'Partial' | 'AllOrNothing' = 'Partial', held = 0): Demand {
  const name = `b${age}`;
  return { claimant: claimantOf(batchOf(name, { allocationPolicy: policy }, { createdAt: `2026-01-01T00:00:0${age}Z` })), unmet, held };
}
const whole = (age: number, unmet: number, held = 0) => demand(age, unmet, 'AllOrNothing', held);
const last: Claimant = demand(9, 1).claimant;

/** A pool of 100; `heldBy` says what the batches of an age hold. */
function supply(available: number, heldBy: Readonly<Record<number, number>> = {}, poolMax = 100): Supply {
  const heldBefore = ({ createdAt }: Claimant) =>
    Object.entries(heldBy).reduce((sum, [age, held]) => sum + (`2026-01-01T00:00:0${age}Z` < createdAt ? held : 0), 0);
  return { available, poolMax, heldBefore };
}

const names = (claimants: readonly Claimant[]) => claimants.map(({ key }) => key.replace('default/', ''));

interface Case {
  readonly line: readonly Demand[];
  readonly supply: Supply;
  /** What is left for the youngest. */
  readonly left: number;
  /** Who gets pods now. */
  readonly served: readonly string[];
  /** For whom pods are kept before the youngest gets any. */
  readonly ahead: readonly string[];
}

test.each<[string, Case]>([
  ['nobody waits', { line: [], supply: supply(5), left: 5, served: [], ahead: [] }],
  ['the oldest get what there is, in part (R13, R14)', { line: [demand(0, 3), demand(1, 4)], supply: supply(5), left: 0, served: ['b0', 'b1'], ahead: ['b0', 'b1'] }],
  ['what they leave is for others (R14)', { line: [demand(0, 3)], supply: supply(5), left: 2, served: ['b0'], ahead: ['b0'] }],
  ['all or nothing: enough is there', { line: [whole(0, 5)], supply: supply(5), left: 0, served: ['b0'], ahead: ['b0'] }],
  ['all or nothing: too few are kept until there are enough, so that it gets its turn', { line: [whole(0, 60), demand(1, 1)], supply: supply(40), left: 0, served: [], ahead: ['b0', 'b1'] }],
  ['all or nothing: what it needs is counted beside what it has', { line: [whole(0, 30, 70), demand(1, 1)], supply: supply(10), left: 0, served: [], ahead: ['b0', 'b1'] }],
  ['larger than the pool: it keeps nothing', { line: [whole(0, 101), demand(1, 1)], supply: supply(40), left: 39, served: ['b1'], ahead: ['b1'] }],
  ['no room beside what older batches hold: it keeps nothing', { line: [whole(1, 60), demand(2, 10)], supply: supply(40, { 0: 60 }), left: 30, served: ['b2'], ahead: ['b2'] }],
  ['room beside older batches, but younger ones hold it: it waits for what these give back', { line: [whole(1, 60), demand(3, 10)], supply: supply(20, { 0: 40, 2: 40 }), left: 0, served: [], ahead: ['b1', 'b3'] }],
  ['a pool that has more than poolMax can serve one that it could not hold', { line: [whole(0, 60)], supply: supply(60, {}, 50), left: 0, served: ['b0'], ahead: ['b0'] }],
  ['a smaller one passes one that keeps nothing, and pods are kept for the next that has room', { line: [whole(1, 60), whole(2, 30), whole(3, 30)], supply: supply(40, { 0: 60 }), left: 0, served: ['b2'], ahead: ['b2', 'b3'] }],
])('%s', (_name, { line, supply: given, left, served, ahead }) => {
  expect(Math.max(0, leftFor(last, line, given))).toBe(left);
  expect(names(servable(line, given))).toEqual(served);
  expect(names(aheadOf(last, line, given).map(({ claimant }) => claimant))).toEqual(ahead);
});

test('a batch does not wait for itself, nor for those behind it', () => {
  const line = [demand(0, 2), demand(1, 2), demand(2, 2)];
  const own = line[1]?.claimant ?? last;
  expect(leftFor(own, line, supply(5))).toBe(3);
  expect(names(aheadOf(own, line, supply(5)).map(({ claimant }) => claimant))).toEqual(['b0']);
});

test('a batch whose priority was raised leaves its old place behind it', () => {
  const line = [demand(0, 2), demand(1, 4)];
  const raised = claimantOf(batchOf('b1', { priority: 1 }, { createdAt: '2026-01-01T00:00:01Z' }));
  expect(leftFor(raised, line, supply(4))).toBe(4);
});
