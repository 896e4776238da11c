import { declareDemands } from '../../../operator/batch/first-demands';
import { Demands } from '../../../operator/demands';
import type { BatchSandboxSpec } from '../../../src/schema/batch-sandbox';
import { batchOf, podOf, statusHolding } from '../../support/builders';

const NOW = new Date('2026-01-01T00:00:00Z');
const held = ['a', 'b'].map((name) => podOf('pool-warm', name));
const batch = (spec: BatchSandboxSpec, slots?: readonly string[]) => {
  const status = statusHolding('warm', held);
  return batchOf('b', { poolRef: 'warm', replicas: 5, ...spec }, slots && { status: { ...status, allocation: { ...status.allocation, slots: [...slots] } } });
};
const recorded = held.map(({ name, uid }) => `${name}/${uid}`);

test.each([
  ['all of a new batch', batch({}), [[5, 0]]],
  ['what its record leaves empty', batch({}, recorded), [[3, 2]]],
  ['no finished slot (R42)', batch({}, [...recorded, '-']), [[2, 2]]],
  ['nothing of slots that are to go', batch({ replicas: 1 }, recorded), []],
  ['nothing held of another pool (R19)', batch({ poolRef: 'new' }, recorded), [[5, 0]]],
  ['nothing without a pool', batch({ poolRef: undefined }), []],
  ['nothing of an expired batch (R45)', batch({ expireTime: '2025-01-01T00:00:00Z' }), []],
  ['nothing of a batch that is being deleted', { ...batch({}), metadata: { ...batch({}).metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } }, []],
])('a new leader knows before its first pass that a batch waits for %s (R14)', (_name, given, want) => {
  const changed = jest.fn();
  const demands = new Demands(changed);
  declareDemands([given], demands, NOW);
  const found = [...demands.line('default/warm'), ...demands.line('default/new')];
  expect(found.map(({ unmet, held: has }) => [unmet, has])).toEqual(want);
  expect(changed).not.toHaveBeenCalled();
});
