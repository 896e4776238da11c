import fc from 'fast-check';
import { planOwed, planScale, resolveCount, type ScaleInput } from '../../../operator/pool/scale';

/** Counts of a pool whose pods are all Ready: S live pods, A of them allocated. */
const counts = (live: number, allocated: number, idleNotReady = 0) => ({
  existing: live,
  total: live,
  live,
  allocated,
  available: live - allocated - idleNotReady,
  idleNotReady,
  updated: live,
});

const quiet = { replaced: 0, owed: 0 };
const exampleA = { ...quiet, bufferMin: 2, bufferMax: 10, poolMin: 5, poolMax: 20, maxUnavailable: '25%' };
const exampleB = { ...quiet, bufferMin: 1, bufferMax: 3, poolMin: 2, poolMax: 6, maxUnavailable: '25%' };

describe('planScale follows the worked examples of the contract (R60)', () => {
  const rows: [string, Partial<ScaleInput>, ReturnType<typeof counts>, number, { create: number; remove: number }][] = [
    ['an empty pool grows at its pace', exampleA, counts(0, 0), 0, { create: 2, remove: 0 }],
    ['two Ready pods', exampleA, counts(2, 0), 0, { create: 2, remove: 0 }],
    ['four Ready pods', exampleA, counts(4, 0), 0, { create: 1, remove: 0 }],
    ['five Ready pods rest', exampleA, counts(5, 0), 0, { create: 0, remove: 0 }],
    ['a batch of 7 took 5', exampleA, counts(5, 5), 2, { create: 4, remove: 0 }],
    ['all of 7 served', exampleA, counts(9, 7), 0, { create: 0, remove: 0 }],
    ['batch gone with Noop', exampleA, counts(9, 0), 0, { create: 0, remove: 0 }],
    ['batch gone with Delete', exampleA, counts(2, 0), 0, { create: 2, remove: 0 }],
    ['a batch of 8 took 2', exampleB, counts(2, 2), 6, { create: 3, remove: 0 }],
    ['five taken of 8', exampleB, counts(5, 5), 3, { create: 1, remove: 0 }],
    ['exhausted at poolMax', exampleB, counts(6, 6), 2, { create: 0, remove: 0 }],
    ['poolMax raised to 8', { ...exampleB, poolMax: 8 }, counts(6, 6), 2, { create: 2, remove: 0 }],
    ['poolMax beats bufferMin', { ...exampleB, poolMax: 8 }, counts(8, 8), 0, { create: 0, remove: 0 }],
    ['batch gone with Noop shrinks to poolMin', { ...exampleB, poolMax: 8 }, counts(8, 0), 0, { create: 0, remove: 6 }],
    ['batch gone with Delete starts again', { ...exampleB, poolMax: 8 }, counts(0, 0), 0, { create: 1, remove: 0 }],
  ];
  test.each(rows)('%s', (_name, bounds, given, unmet, want) => {
    const plan = planScale({ ...exampleA, ...bounds, counts: given, unmet });
    expect({ create: plan.create, remove: plan.remove }).toEqual(want);
  });
});

describe('planScale says what holds growth back', () => {
  test('poolMax with unmet demand (R65)', () => {
    expect(planScale({ ...exampleB, counts: counts(6, 6), unmet: 2 }).blockedBy).toBe('PoolMax');
  });
  test('pods that do not become Ready (R65)', () => {
    expect(planScale({ ...exampleA, counts: counts(2, 0, 2), unmet: 0 })).toEqual({ create: 0, remove: 0, missing: 3, blockedBy: 'NotReadyPods' });
  });
  test('nothing when the pool rests', () => {
    expect(planScale({ ...exampleA, counts: counts(5, 0), unmet: 0 }).blockedBy).toBeUndefined();
  });
});

const anyInput = fc
  .record({
    bufferMin: fc.nat(50),
    bufferMax: fc.nat(50),
    poolMin: fc.nat(50),
    poolMax: fc.nat(80),
    maxUnavailable: fc.constantFrom<number | string>(1, 7, '10%', '100%', 'x', 0),
    live: fc.nat(100),
    allocatedShare: fc.double({ min: 0, max: 1, noNaN: true }),
    terminating: fc.nat(20),
    unmet: fc.nat(60),
  })
  .map(({ live, allocatedShare, terminating, ...rest }): ScaleInput => {
    const allocated = Math.floor(live * allocatedShare);
    return { ...quiet, ...rest, counts: { ...counts(live, allocated), existing: live + terminating } };
  });

test.each<[string, Partial<ScaleInput>, number, { create: number; remove: number }]>([
  ['poolMin', { poolMin: 30 }, 3, { create: 17, remove: 0 }],
  ['the buffer', { bufferMin: 25, bufferMax: 30 }, 3, { create: 17, remove: 0 }],
  ['poolMin, when a pool shrinks', { poolMin: 30 }, 24, { create: 0, remove: 4 }],
])('poolMax wins over %s (R61)', (_name, bounds, live, want) => {
  expect(planScale({ ...exampleA, ...bounds, maxUnavailable: '100%', counts: counts(live, 0), unmet: 0 })).toMatchObject(want);
});

describe('planScale and planOwed make up for replaced pods (R60)', () => {
  const rows: [string, Partial<ScaleInput>, ReturnType<typeof counts>, { create: number; remove: number; owed: number }][] = [
    ['in the same pass when there is room', { replaced: 3 }, counts(12, 4), { create: 3, remove: 0, owed: 0 }],
    ['later when the pace does not allow it', { replaced: 3, maxUnavailable: 1 }, counts(12, 4), { create: 1, remove: 0, owed: 2 }],
    ['later when the pool is at poolMax', { replaced: 3, poolMax: 12 }, counts(12, 4), { create: 0, remove: 0, owed: 3 }],
    ['from an earlier pass', { owed: 2 }, counts(9, 4), { create: 2, remove: 0, owed: 0 }],
    ['not beyond bufferMax', { owed: 3 }, counts(13, 4), { create: 1, remove: 0, owed: 0 }],
    ['not in a pool that shrinks', { replaced: 2 }, counts(16, 0), { create: 0, remove: 8, owed: 0 }],
  ];
  test.each(rows)('%s', (_name, bounds, given, want) => {
    const input = { ...exampleA, ...bounds, counts: given, unmet: 0 };
    const plan = planScale(input);
    expect({ create: plan.create, remove: plan.remove, owed: planOwed(input, plan, plan.create) }).toEqual(want);
  });
});

describe('planScale for any pool', () => {
  test('never creates above poolMax, terminating pods included (R60, R61)', () => {
    fc.assert(fc.property(anyInput, (input) => {
      const { create } = planScale(input);
      expect(create === 0 || input.counts.existing + create <= input.poolMax).toBe(true);
    }));
  });
  test('never removes a held pod, and never creates and removes at once (R60)', () => {
    fc.assert(fc.property(anyInput, (input) => {
      const { create, remove } = planScale(input);
      expect(remove).toBeLessThanOrEqual(input.counts.live - input.counts.allocated);
      expect(Math.min(create, remove)).toBe(0);
    }));
  });
  test('comes to rest: repeating it with what it made Ready ends in a plan that changes nothing', () => {
    fc.assert(fc.property(anyInput, (input) => {
      let { live, allocated } = input.counts;
      let unmet = input.unmet;
      for (let pass = 0; pass < 400; pass++) {
        const plan = planScale({ ...input, counts: counts(live, allocated), unmet });
        const served = Math.min(unmet, live + plan.create - plan.remove - allocated);
        if (plan.create === 0 && plan.remove === 0 && served === 0) return;
        live += plan.create - plan.remove;
        allocated += served;
        unmet -= served;
      }
      throw new Error(`no rest after 400 passes: ${JSON.stringify({ live, allocated, unmet })}`);
    }));
  });
});

test.each([
  [5, 100, 5],
  ['20%', 7, 2],
  ['100%', 3, 3],
  ['4', 9, 4],
  ['nonsense', 9, 0],
])('resolveCount(%p of %p) is %p', (value, whole, want) => {
  expect(resolveCount(value, whole)).toBe(want);
});
