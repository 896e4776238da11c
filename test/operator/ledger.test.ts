import fc from 'fast-check';
import { claimantOf } from '../../operator/claimant';
import type { PodFacts } from '../../operator/pod-facts';
import type { BatchSandbox } from '../../src/schema/batch-sandbox';
import { batchOf, podOf } from '../support/builders';
import { holding, KEY, ledgerWith, names, pods, POOL, quiet, SOURCE } from './ledger-harness';

describe('take', () => {
  test('gives the longest Ready pods of the current revision first (R14)', () => {
    const ledger = ledgerWith([
      podOf(POOL, 'young', { readySince: '2026-01-01T00:00:09Z' }),
      podOf(POOL, 'outdated', { readySince: '2026-01-01T00:00:01Z', revision: 'r0' }),
      podOf(POOL, 'seasoned', { readySince: '2026-01-01T00:00:02Z' }),
    ]);
    ledger.setRevision(POOL, 'r1');
    expect(names(ledger.take(SOURCE, claimantOf(batchOf('b')), 3))).toEqual(['seasoned', 'young', 'outdated']);
  });

  test.each([
    ['not Ready', { ready: false }],
    ['marked for eviction', { evict: true }],
    ['terminating', { terminating: true, live: false, ready: false }],
    ['of another owner', { ownerUID: 'somebody' }],
  ])('passes over a pod that is %s (R11)', (_name, facts) => {
    const ledger = ledgerWith([podOf(POOL, 'p', facts)]);
    expect(ledger.take(SOURCE, claimantOf(batchOf('b')), 1)).toEqual([]);
  });

  test.each(['before', 'after'])('passes over a pod of another namespace that is seen %s the Pool that it names as its owner (R11, R105)', (order) => {
    const foreign = podOf(POOL, 'foreign', { key: 'elsewhere/foreign', namespace: 'elsewhere' });
    const own = podOf(POOL, 'own');
    const ledger = ledgerWith(order === 'before' ? [foreign, own] : []);
    ledger.poolSeen(POOL, 'default');
    for (const pod of order === 'before' ? [] : [foreign, own]) ledger.podChanged(pod.uid, pod);
    expect(ledger.counts(POOL)).toMatchObject({ existing: 1, total: 1, available: 1 });
    expect(names(ledger.take(SOURCE, claimantOf(batchOf('b')), 2))).toEqual(['own']);
  });

  test('gives out no pod that was a pool\'s and has no owner any more, or another (R11, R103)', () => {
    const told: string[] = [];
    const ledger = ledgerWith(pods(3), { ...quiet, poolChanged: (uid) => told.push(uid) });
    const [kept, freed, moved] = pods(3);
    told.length = 0;
    for (const [pod, ownerUID] of [[freed, ''], [moved, 'other']] as const) ledger.podChanged(pod?.uid ?? '', podOf(POOL, pod?.name ?? '', { ownerUID }));
    expect(told).toEqual([POOL, POOL, 'other']);
    expect([ledger.counts(POOL).existing, ledger.counts('other').existing]).toEqual([1, 1]);
    expect(ledger.take(SOURCE, claimantOf(batchOf('b')), 3)).toEqual([kept]);
    expect(names(ledger.take({ ...SOURCE, key: 'default/other', uid: 'other' }, claimantOf(batchOf('c')), 3))).toEqual([moved?.name]);
  });

  test('tells once of a pool, however many of its pods a record names', () => {
    const told: string[] = [];
    const ledger = ledgerWith(pods(3), { ...quiet, poolChanged: (uid) => told.push(uid) });
    told.length = 0;
    const batch = holding('holder', pods(3));
    ledger.batchChanged(undefined, batch);
    expect(told).toEqual([POOL]);
    ledger.batchChanged(batch, undefined);
    expect(told).toEqual([POOL, POOL, POOL]); // their claims are gone, and they are left to it
  });

  test('tells a batch of a pod of its that has lost its owner', () => {
    const told: string[] = [];
    const ledger = ledgerWith(pods(1), { ...quiet, heldPodChanged: (key) => told.push(key) });
    ledger.batchChanged(undefined, holding('holder', pods(1)));
    const [pod] = pods(1);
    ledger.podChanged(pod?.uid ?? '', podOf(POOL, pod?.name ?? '', { ownerUID: '', ready: false }));
    expect(told).toEqual(['default/holder']);
  });

  test('leaves to an older batch what it still waits for (R14)', () => {
    const ledger = ledgerWith(pods(5));
    ledger.demands.set(KEY, claimantOf(batchOf('older', {}, { createdAt: '2025-01-01T00:00:00Z' })), 4);
    expect(ledger.take(SOURCE, claimantOf(batchOf('younger')), 3)).toHaveLength(1);
  });

  test('gives all or nothing to a batch that asks for it (R13)', () => {
    const ledger = ledgerWith(pods(5));
    const claimant = claimantOf(batchOf('whole', { allocationPolicy: 'AllOrNothing' }));
    expect(ledger.take(SOURCE, claimant, 6)).toEqual([]);
    expect(ledger.counts(POOL)).toMatchObject({ allocated: 0, available: 5 });
    expect(ledger.take(SOURCE, claimant, 5)).toHaveLength(5);
  });

  test('gives nothing again to such a batch when one of the pods died that it had taken', () => {
    const ledger = ledgerWith(pods(3));
    const claimant = claimantOf(batchOf('whole', { allocationPolicy: 'AllOrNothing' }));
    ledger.take(SOURCE, claimant, 3);
    ledger.podChanged('uid-warm-00000', podOf(POOL, 'warm-00000', { ready: false }));
    expect(ledger.take(SOURCE, claimant, 3)).toEqual([]);
    ledger.release(claimant.uid);
    expect(ledger.counts(POOL)).toMatchObject({ allocated: 0, available: 2 });
  });

  test('keeps pods for an older batch that takes all or nothing, unless records of batches before it leave no room', () => {
    const ledger = ledgerWith(pods(5));
    const small = { ...SOURCE, poolMax: 8 };
    ledger.demands.set(KEY, claimantOf(batchOf('whole', { allocationPolicy: 'AllOrNothing' }, { createdAt: '2025-01-02T00:00:00Z' })), 6);
    const younger = claimantOf(batchOf('younger'));
    expect(ledger.take(small, younger, 1)).toEqual([]);
    const elsewhere = Array.from({ length: 3 }, (_, i) => podOf(POOL, `held-${i}`));
    const holder = holding('older', elsewhere, '2025-01-01T00:00:00Z');
    ledger.batchChanged(undefined, holder);
    expect(ledger.take(small, younger, 1)).toHaveLength(1);
    const lowered = { ...holder, spec: { ...holder.spec, priority: -1 } };
    ledger.batchChanged(holder, lowered);
    expect(ledger.take(small, younger, 1)).toHaveLength(1); // offered again: its record is not written
    expect(ledger.take(small, claimantOf(batchOf('third')), 1)).toEqual([]);
  });

  test('passes over a pod that ends before the time that its pool asks for (S23)', () => {
    const endsAt = SOURCE.nowMs + 100_000;
    const ledger = ledgerWith([podOf(POOL, 'mortal', { deadline: { endsAt, lifeMs: 600_000 } })]);
    const claimant = claimantOf(batchOf('b'));
    expect(ledger.take({ ...SOURCE, nowMs: endsAt - 60_000 }, claimant, 1)).toEqual([]);
    expect(ledger.counts(POOL).available).toBe(0);
    expect(ledger.take({ ...SOURCE, nowMs: endsAt - 60_000, minRemainingMs: 30_000 }, claimant, 1)).toHaveLength(1);
  });

  test('does not give a pod again while the write that records it is under way (R103, R106, R107)', () => {
    const ledger = ledgerWith(pods(2));
    ledger.take(SOURCE, claimantOf(batchOf('a')), 2);
    expect(ledger.take(SOURCE, claimantOf(batchOf('b')), 2)).toEqual([]);
  });

  test('gives it again once the write was refused (R106)', () => {
    const ledger = ledgerWith(pods(2));
    ledger.take(SOURCE, claimantOf(batchOf('a')), 2);
    ledger.release('batch-a');
    expect(ledger.take(SOURCE, claimantOf(batchOf('b')), 2)).toHaveLength(2);
  });
});

test('a batch whose write has no known outcome is offered the same pods again, and more only beyond them (R106)', () => {
  const ledger = ledgerWith(pods(3));
  const first = ledger.take(SOURCE, claimantOf(batchOf('a')), 2);
  expect(names(ledger.take(SOURCE, claimantOf(batchOf('a')), 3))).toEqual([...names(first), 'warm-00002']);
  ledger.release('batch-a');
  expect(ledger.counts(POOL)).toMatchObject({ allocated: 0, available: 3 });
});

test('a late or repeated release frees no pod that somebody else has by now (R108)', () => {
  const all = pods(1);
  const ledger = ledgerWith(all);
  ledger.take(SOURCE, claimantOf(batchOf('a')), 1);
  ledger.release('batch-a');
  ledger.take(SOURCE, claimantOf(batchOf('b')), 1);
  ledger.release('batch-a');
  expect(ledger.counts(POOL)).toMatchObject({ allocated: 1, available: 0 });
  ledger.batchChanged(undefined, holding('b', all));
  ledger.release('batch-b');
  ledger.release('batch-a');
  expect(ledger.counts(POOL)).toMatchObject({ allocated: 1, available: 0 });
});

describe('doom', () => {
  test('takes an idle pod out of reach before its delete is sent, and refuses a held one (R110)', () => {
    const all = pods(2);
    const ledger = ledgerWith(all);
    ledger.batchChanged(undefined, holding('a', all.slice(0, 1)));
    expect(ledger.doom('uid-warm-00000', ['idle'])).toBe(false);
    expect(ledger.doom('uid-warm-00001', ['idle'])).toBe(true);
    expect(ledger.take(SOURCE, claimantOf(batchOf('b')), 1)).toEqual([]);
    ledger.spare('uid-warm-00001');
    expect(ledger.take(SOURCE, claimantOf(batchOf('b')), 1)).toHaveLength(1);
  });
});

type Step =
  | { kind: 'take'; batch: number; count: number; outcome: 'written' | 'refused' | 'pending' }
  | { kind: 'settle'; batch: number; written: boolean }
  | { kind: 'drop'; batch: number }
  | { kind: 'vanish'; batch: number }
  | { kind: 'pod'; pod: number; ready: boolean; gone: boolean };

const batchNumber = fc.nat(4);
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('take' as const), batch: batchNumber, count: fc.nat(6), outcome: fc.constantFrom('written' as const, 'refused' as const, 'pending' as const) }),
  fc.record({ kind: fc.constant('settle' as const), batch: batchNumber, written: fc.boolean() }),
  fc.record({ kind: fc.constant('drop' as const), batch: batchNumber }),
  fc.record({ kind: fc.constant('vanish' as const), batch: batchNumber }),
  fc.record({ kind: fc.constant('pod' as const), pod: fc.nat(11), ready: fc.boolean(), gone: fc.boolean() }),
);

test('whatever happens, no pod is in two batches and the counts equal a count from scratch (R59, R103)', () => {
  fc.assert(
    fc.property(fc.array(anyStep, { maxLength: 60 }), (steps) => {
      const existing = new Map(pods(12).map((pod) => [pod.uid, pod]));
      const ledger = ledgerWith([...existing.values()]);
      const stored = new Map<number, BatchSandbox>();
      const pending = new Map<number, PodFacts[]>();
      const heldBy = (batch: number) => (stored.get(batch)?.status?.allocation?.slots ?? []).map((slot) => slot.slice(slot.indexOf('/') + 1));
      const write = (batch: number, held: readonly PodFacts[]) => {
        const after = holding(`b${batch}`, held);
        ledger.batchChanged(stored.get(batch), after);
        stored.set(batch, after);
        ledger.release(`batch-b${batch}`);
      };
      const podsOf = (batch: number) => heldBy(batch).flatMap((uid) => existing.get(uid) ?? []);
      for (const step of steps) {
        if (step.kind === 'pod') {
          const uid = `uid-warm-${String(step.pod).padStart(5, '0')}`;
          const facts = existing.get(uid);
          if (!facts) continue;
          if (step.gone) existing.delete(uid);
          else existing.set(uid, { ...facts, ready: step.ready });
          ledger.podChanged(uid, existing.get(uid));
        } else if (step.kind === 'take' && !pending.has(step.batch)) {
          const taken = ledger.take(SOURCE, claimantOf(batchOf(`b${step.batch}`)), step.count);
          if (step.outcome === 'written') write(step.batch, [...podsOf(step.batch), ...taken]);
          else if (step.outcome === 'refused') ledger.release(`batch-b${step.batch}`);
          else pending.set(step.batch, taken);
        } else if (step.kind === 'settle') {
          const taken = pending.get(step.batch);
          if (!taken) continue;
          pending.delete(step.batch);
          if (step.written) write(step.batch, [...podsOf(step.batch), ...taken]);
          else ledger.release(`batch-b${step.batch}`);
        } else if (step.kind === 'drop' && !pending.has(step.batch)) {
          write(step.batch, []);
        } else if (step.kind === 'vanish' && !pending.has(step.batch)) {
          ledger.batchChanged(stored.get(step.batch), undefined);
          stored.delete(step.batch);
        }
        const claims = [...stored.keys()].flatMap(heldBy).concat([...pending.values()].flat().map((pod) => pod.uid));
        expect(new Set(claims).size).toBe(claims.length);
        const claimed = new Set(claims);
        const orphans = new Set(ledger.removablePods(POOL).orphaned.map((pod) => pod.uid));
        const alive = [...existing.values()];
        expect(ledger.counts(POOL)).toMatchObject({
          existing: alive.length,
          live: alive.length,
          allocated: alive.filter((pod) => claimed.has(pod.uid) || orphans.has(pod.uid)).length,
          available: alive.filter((pod) => pod.ready && !claimed.has(pod.uid) && !orphans.has(pod.uid)).length,
        });
      }
    }),
    { numRuns: 300 },
  );
});
