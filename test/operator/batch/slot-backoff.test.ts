import { SlotBackoff } from '../../../operator/batch/slot-backoff';

const LONGEST_MS = 5_000;

/** The waits of slot 0 right after it has failed at each of these times, in ms. */
function waitsAfter(failuresAtMs: readonly number[]): number[] {
  const backoff = new SlotBackoff();
  return failuresAtMs.map((atMs) => {
    backoff.fail('batch', 0, atMs, LONGEST_MS);
    return backoff.waitMs('batch', 0, atMs);
  });
}

test.each([
  ['waits 1 s first, and twice as long after each failure in a row', [0, 1_000, 3_000], [1_000, 2_000, 4_000]],
  ['waits no longer than the longest delay', [0, 1_000, 3_000, 7_000, 12_000], [1_000, 2_000, 4_000, 5_000, 5_000]],
  ['is still in a row when it was well for the longest delay', [0, 1_000 + LONGEST_MS], [1_000, 2_000]],
  ['starts anew when it was well for longer', [0, 1_000, 3_000 + LONGEST_MS + 1], [1_000, 2_000, 1_000]],
])('a slot that fails again and again %s (R6)', (_title, failuresAtMs, waitsMs) => {
  expect(waitsAfter(failuresAtMs)).toEqual(waitsMs);
});

test('a slot waits for itself alone, until its time is over or its batch is forgotten (R6)', () => {
  const backoff = new SlotBackoff();
  backoff.fail('batch', 0, 0, LONGEST_MS);
  backoff.fail('other', 1, 0, LONGEST_MS);
  expect([backoff.waitMs('batch', 0, 400), backoff.waitMs('batch', 1, 400), backoff.waitMs('batch', 0, 1_001)]).toEqual([600, 0, 0]);
  backoff.forget('batch');
  expect([backoff.waitMs('batch', 0, 400), backoff.waitMs('other', 1, 400)]).toEqual([0, 600]);
});

test('the cause of a slot is that of its last failure, as far as it was told', () => {
  const backoff = new SlotBackoff();
  const cause = (...slots: number[]) => backoff.causeOf('batch', (slot) => slots.includes(slot));
  backoff.fail('batch', 0, 0, LONGEST_MS);
  backoff.fail('batch', 1, 0, LONGEST_MS, 'a quota');
  expect([cause(0, 1), cause(0), cause(2), backoff.causeOf('other', () => true)]).toEqual(['a quota', undefined, undefined, undefined]);
  backoff.fail('batch', 1, 1_000, LONGEST_MS);
  expect(cause(0, 1)).toBeUndefined();
  for (const slot of [0, 1]) backoff.fail('batch', slot, 2_000, LONGEST_MS, `a quota of ${slot}`);
  const waitMs = backoff.waitMs('batch', 0, 2_000);
  for (const slot of [0, 7]) backoff.forgetCause('batch', slot);
  backoff.forgetCause('other', 0);
  expect([cause(0), cause(0, 1), backoff.waitMs('batch', 0, 2_000)]).toEqual([undefined, 'a quota of 1', waitMs]);
});
