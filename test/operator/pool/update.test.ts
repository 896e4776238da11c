import fc from 'fast-check';
import type { PodFacts } from '../../../operator/pod-facts';
import { planOwed, planScale } from '../../../operator/pool/scale';
import { planUpdate, type UpdateInput } from '../../../operator/pool/update';
import { podOf } from '../../support/builders';

const old = (name: string, facts: Partial<PodFacts> = {}) => podOf('p', name, { revision: 'r0', ...facts });
const oldPods = (count: number) => Array.from({ length: count }, (_, index) => old(`old-${index}`));
const quiet: UpdateInput = { outdated: [], maxUnavailable: undefined, live: 12, idleNotReady: 0, missing: 0, limit: Infinity };
const namesOf = (pods: readonly PodFacts[]) => pods.map(({ name }) => name);

describe('a wave replaces as many Ready pods as the budget allows (R68)', () => {
  const rows: [string, Partial<UpdateInput>, number][] = [
    ['a quarter of the live ones by default', {}, 3],
    ['a percentage, rounded up', { maxUnavailable: '30%' }, 4],
    ['a number', { maxUnavailable: 5 }, 5],
    ['at least one', { maxUnavailable: 0 }, 1],
    ['at least one, for text that is no count', { maxUnavailable: 'some' }, 1],
    ['less those that are not Ready', { idleNotReady: 2 }, 1],
    ['none while enough are not Ready', { idleNotReady: 7 }, 0],
    ['less those that are still to be made', { missing: 1 }, 2],
    ['none while new pods do not start', { limit: 0 }, 0],
    ['one that makes way for a try', { limit: 1 }, 1],
    ['no more than there are', { maxUnavailable: '100%' }, 8],
  ];
  test.each(rows)('%s', (_name, given, want) => {
    expect(planUpdate({ ...quiet, outdated: oldPods(8), ...given })).toHaveLength(want);
  });
});

test('an old pod that is not Ready is replaced whatever the budget says (R68)', () => {
  const outdated = [old('ready'), old('unready', { ready: false }), old('pending', { ready: false, phase: 'Pending' })];
  expect(namesOf(planUpdate({ ...quiet, outdated, idleNotReady: 9, limit: 0 }))).toEqual(['pending', 'unready']);
});

test('a wave takes first what has the least to lose (R69)', () => {
  const outdated = [
    old('a-last'),
    old('b-newer', { createdAt: '2026-01-01T00:00:05Z' }),
    old('c-restarted', { restarts: 1 }),
    old('d-restarted-often', { restarts: 3 }),
    old('e-ready-earlier', { readySince: '2025-12-31T00:00:00Z' }),
    old('f-not-ready', { ready: false, readySince: '' }),
    old('g-unknown', { ready: false, readySince: '', phase: 'Unknown' }),
    old('h-pending', { ready: false, readySince: '', phase: 'Pending' }),
    old('i-no-node', { ready: false, readySince: '', phase: 'Pending', placed: false }),
    old('j-last-too', {}),
  ];
  expect(namesOf(planUpdate({ ...quiet, outdated, maxUnavailable: 10, live: 10 }))).toEqual([
    ...['i-no-node', 'h-pending', 'g-unknown', 'f-not-ready', 'e-ready-earlier', 'd-restarted-often', 'c-restarted', 'b-newer', 'a-last', 'j-last-too'],
  ]);
});

const anyPool = fc.record({
  size: fc.integer({ min: 1, max: 30 }),
  heldShare: fc.double({ min: 0, max: 1, noNaN: true }),
  room: fc.nat(5),
  low: fc.nat(30),
  updatePace: fc.constantFrom<number | string | undefined>(undefined, 1, 5, '50%', '100%'),
  growthPace: fc.constantFrom<number | string | undefined>(undefined, 1, 5, '100%'),
  slowness: fc.integer({ min: 1, max: 3 }),
});

test('an update ends with all idle pods new and the size that it began with, and never takes more than its share of Ready pods (R68, R70)', () => {
  fc.assert(
    fc.property(anyPool, ({ size, heldShare, room, low, updatePace, growthPace, slowness }) => {
      const held = Math.floor(size * heldShare);
      const idle = size - held;
      let [oldReady, newReady, newUnready, owed] = [idle, 0, 0, 0];
      for (let pass = 0; oldReady > 0 || newUnready > 0 || owed > 0; pass += 1) {
        expect(pass).toBeLessThan(1000);
        const live = held + oldReady + newReady + newUnready;
        const counts = { existing: live, total: live, live, allocated: held, available: oldReady + newReady, idleNotReady: newUnready, updated: newReady + newUnready };
        const size0 = { bufferMin: Math.min(low, idle), bufferMax: idle, poolMin: 0, poolMax: size + room, maxUnavailable: growthPace, counts, unmet: 0, replaced: 0, owed };
        const victims = planUpdate({ ...quiet, outdated: oldPods(oldReady), maxUnavailable: updatePace, live, idleNotReady: newUnready, missing: planScale(size0).missing });
        const input = { ...size0, replaced: victims.length };
        const plan = planScale(input);
        expect(plan.remove).toBe(0);
        owed = planOwed(input, plan, plan.create);
        oldReady -= victims.length;
        newUnready += plan.create;
        const most = Math.max(1, typeof updatePace === 'number' ? updatePace : Math.ceil((Number.parseInt(updatePace ?? '25%', 10) * size) / 100));
        expect(oldReady + newReady).toBeGreaterThanOrEqual(idle - most);
        const started = pass % slowness === 0 ? newUnready : Math.min(newUnready, 1);
        newUnready -= started;
        newReady += started;
      }
      expect(newReady).toBe(idle);
    }),
  );
});
