import { StatusPace } from '../../../operator/pool/status-pace';
import type { PoolStatus } from '../../../src/schema/pool';
import { ManualClock } from '../../support/manual-clock';

const statusOf = (total: number, allocated: number, available: number, more: Partial<PoolStatus> = {}): PoolStatus => ({ revision: 'r', total, allocated, available, updated: total, ...more });
const blocked: PoolStatus['conditions'] = [{ type: 'ScaleBlocked', status: 'True', reason: 'PoolMax', lastTransitionTime: '2026-01-01T00:00:00Z' }];

test.each<[string, PoolStatus | undefined, PoolStatus, number]>([
  ['the first status', undefined, statusOf(9, 0, 0), 0],
  ['the same status', statusOf(9, 0, 3), statusOf(9, 0, 3), 0],
  ['pods that become Ready', statusOf(9, 0, 3), statusOf(9, 0, 4), 150],
  ['the last pod that becomes Ready', statusOf(9, 0, 8), statusOf(9, 0, 9), 0],
  ['pods that are given out', statusOf(9, 2, 7), statusOf(9, 3, 6), 150],
  ['a condition', statusOf(9, 0, 3), statusOf(9, 0, 3, { conditions: blocked }), 0],
  ['another revision', statusOf(9, 0, 3), statusOf(9, 0, 3, { revision: 's' }), 0],
])('%s waits 100 ms after the last write as foreseen', async (_title, before, after, want) => {
  const clock = new ManualClock();
  const pace = new StatusPace(clock);
  expect(pace.waitMs('u', before, after)).toBe(0);
  pace.note('u');
  await clock.advance(100);
  expect(pace.waitMs('u', before, after)).toBe(want);
  expect(pace.waitMs('other', before, after)).toBe(0);
  await clock.advance(150);
  expect(pace.waitMs('u', before, after)).toBe(0);
});
