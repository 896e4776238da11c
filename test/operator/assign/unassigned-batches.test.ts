import { UnassignedBatches } from '../../../operator/assign/unassigned-batches';
import { batchOf } from '../../support/builders';

const any = (name: string, createdAt = '2026-01-01T00:00:00Z') => batchOf(name, { poolRef: '*' }, { createdAt });

test('lists the batches of a namespace that have no Pool yet, oldest first (R73)', () => {
  const batches = new UnassignedBatches();
  for (const batch of [any('young', '2026-01-02T00:00:00Z'), any('b'), any('a'), batchOf('named', { poolRef: 'warm' }), batchOf('direct')]) batches.batchChanged(undefined, batch);
  expect([batches.of('default'), batches.all(), batches.of('other')]).toEqual([['default/a', 'default/b', 'default/young'], ['default/a', 'default/b', 'default/young'], []]);
});

test('forgets one that has got a Pool, and one that is gone (R73)', () => {
  const batches = new UnassignedBatches();
  batches.batchChanged(undefined, any('a'));
  batches.batchChanged(undefined, any('b'));
  batches.batchChanged(any('a'), batchOf('a', { poolRef: 'warm' }));
  batches.batchChanged(any('b'), undefined);
  expect(batches.all()).toEqual([]);
});

test('follows a batch that was made again under its name (R111)', () => {
  const batches = new UnassignedBatches();
  const first = any('a');
  const second = batchOf('a', { poolRef: '*' }, { uid: 'second' });
  batches.batchChanged(undefined, first);
  batches.batchChanged(first, second);
  expect(batches.all()).toEqual(['default/a']);
  batches.batchChanged(second, undefined);
  expect(batches.all()).toEqual([]);
});
