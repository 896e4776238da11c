import { claimantOf } from '../../operator/claimant';
import { Ledger } from '../../operator/ledger';
import { batchOf, podOf, statusHolding } from '../support/builders';
import { holding, ledgerWith, names, pods, POOL, quiet, SOURCE } from './ledger-harness';

test('a restart rebuilds the same holdings whatever order the lists come in (R99, R101, R104)', () => {
  const all = pods(4);
  const batch = holding('a', all.slice(0, 3));
  const podsFirst = ledgerWith(all);
  podsFirst.batchChanged(undefined, batch);
  const batchFirst = new Ledger(quiet);
  batchFirst.batchChanged(undefined, batch);
  for (const pod of all) batchFirst.podChanged(pod.uid, pod);
  expect(batchFirst.counts(POOL)).toEqual(podsFirst.counts(POOL));
  expect(podsFirst.counts(POOL)).toMatchObject({ live: 4, allocated: 3, available: 1 });
  expect(names(batchFirst.take(SOURCE, claimantOf(batchOf('b')), 4))).toEqual(['warm-00003']);
});

test('two records with one pod: the older batch keeps it, the other is told (R109)', () => {
  const told: string[] = [];
  const [pod] = pods(1);
  const ledger = ledgerWith(pods(1), { ...quiet, heldPodChanged: (key) => void told.push(key) });
  ledger.batchChanged(undefined, holding('younger', pod ? [pod] : [], '2026-02-02T00:00:00Z'));
  ledger.batchChanged(undefined, holding('older', pod ? [pod] : [], '2026-01-01T00:00:00Z'));
  expect([...ledger.conflicts('batch-younger')]).toEqual(['uid-warm-00000']);
  expect([...ledger.conflicts('batch-older')]).toEqual([]);
  expect(told).toEqual(['default/younger']);
});

test('pods of a batch that vanished are not idle but wait for the recycle of their pool (R58)', () => {
  const all = pods(2);
  const ledger = ledgerWith(all);
  const batch = holding('a', all);
  ledger.batchChanged(undefined, batch);
  ledger.batchChanged(batch, undefined);
  expect(ledger.take(SOURCE, claimantOf(batchOf('b')), 2)).toEqual([]);
  expect(names(ledger.removablePods(POOL).orphaned)).toEqual(['warm-00000', 'warm-00001']);
});

test('pods that a batch returned clean are idle when it is gone', () => {
  const all = pods(2);
  const ledger = ledgerWith(all);
  const batch = holding('a', all);
  ledger.batchChanged(undefined, batch);
  ledger.markClean(all.map((pod) => pod.uid));
  ledger.batchChanged(batch, undefined);
  expect(ledger.counts(POOL).available).toBe(2);
});

test('a pod on its way back is allocated, and only the batch that gives it back returns it (R57, R108)', () => {
  const [pod] = pods(1);
  const ledger = ledgerWith(pods(1));
  const returning = (name: string, createdAt?: string) => batchOf(name, { poolRef: 'warm' }, { status: statusHolding('warm', [], pod ? [pod] : []), createdAt });
  const giver = returning('giver');
  ledger.batchChanged(undefined, giver);
  ledger.batchChanged(undefined, returning('younger', '2026-02-02T00:00:00Z'));
  expect(ledger.counts(POOL)).toMatchObject({ allocated: 1, available: 0 });
  expect(ledger.giverOf('uid-warm-00000')).toBe('batch-giver');
  ledger.batchChanged(giver, batchOf('giver', { poolRef: 'warm' }, { status: statusHolding('warm', pod ? [pod] : []) }));
  expect(ledger.giverOf('uid-warm-00000')).toBeUndefined();
});

test('a batch that vanished still counts as the giver of its pods, until they are recycled (R58)', () => {
  const ledger = ledgerWith(pods(1));
  const batch = holding('a', pods(1));
  ledger.batchChanged(undefined, batch);
  ledger.batchChanged(batch, undefined);
  expect(ledger.giverOf('uid-warm-00000')).toBe('batch-a');
  ledger.adopt('uid-warm-00000');
  expect(ledger.giverOf('uid-warm-00000')).toBeUndefined();
  expect(ledger.counts(POOL)).toMatchObject({ allocated: 0, available: 1 });
});

test('a pod that was gone before its batch is no orphan', () => {
  const all = pods(1);
  const ledger = ledgerWith(all);
  const batch = holding('a', all);
  ledger.batchChanged(undefined, batch);
  ledger.podChanged('uid-warm-00000', undefined);
  ledger.batchChanged(batch, undefined);
  ledger.podChanged('uid-warm-00000', podOf(POOL, 'warm-00000'));
  expect(ledger.counts(POOL)).toMatchObject({ allocated: 0, available: 1 });
});

test('a pod that one batch returned clean is not clean after the next (R58, R108)', () => {
  const all = pods(1);
  const ledger = ledgerWith(all);
  const first = holding('a', all);
  ledger.batchChanged(undefined, first);
  ledger.markClean(['uid-warm-00000']);
  ledger.batchChanged(first, batchOf('a'));
  const second = holding('b', all);
  ledger.batchChanged(undefined, second);
  ledger.batchChanged(second, undefined);
  expect(names(ledger.removablePods(POOL).orphaned)).toEqual(['warm-00000']);
});

test('a batch made again under an old name inherits nothing (R111)', () => {
  const all = pods(1);
  const ledger = ledgerWith(all);
  const old = holding('a', all);
  ledger.batchChanged(undefined, old);
  ledger.batchChanged(old, batchOf('a', { poolRef: 'warm' }, { uid: 'another' }));
  expect(ledger.counts(POOL)).toMatchObject({ allocated: 1, available: 0 });
  expect(names(ledger.removablePods(POOL).orphaned)).toEqual(['warm-00000']);
});
