import fc from 'fast-check';
import { type AllocationRecord, formatAllocation, parseAllocation, podPrefix, type Slot } from '../../operator/allocation-record';
import { allocation } from '../../src/schema/batch-sandbox';

const uid = '123e4567-e89b-12d3-a456-426614174000';
const held = (name: string): Slot => ({ state: 'held', name, uid });

test('the name of the pool is written once for all pods', () => {
  const record: AllocationRecord = { poolName: 'warm', poolUID: 'p', slots: [held('warm-abcde'), { state: 'empty' }, { state: 'finished' }], returning: [] };
  expect(formatAllocation(record)).toEqual({ poolName: 'warm', poolUID: 'p', podPrefix: 'warm-', slots: [`abcde/${uid}`, '', '-'] });
});

test('10,000 slots fit into 450,001 bytes of JSON', () => {
  const slots = Array.from({ length: 10_000 }, () => held('warm-abcde'));
  expect(JSON.stringify(formatAllocation({ poolName: 'warm', poolUID: 'p', slots, returning: [] })?.slots)).toHaveLength(450_001);
});

test('nothing to record is no record', () => {
  expect(formatAllocation({ poolName: 'warm', poolUID: 'p', slots: [{ state: 'empty' }], returning: [] })).toBeUndefined();
});

test('a bad record that is written anew is a sound one', () => {
  const bad = parseAllocation({ poolName: 'warm', podPrefix: 'warm-', slots: [`abcde/${uid}`, 'garbled'] });
  expect(bad.problem).toBeDefined();
  expect(parseAllocation(formatAllocation(bad))).toEqual({ poolName: 'warm', poolUID: '', slots: [held('warm-abcde'), { state: 'empty' }], returning: [] });
});

test('what can be read of a bad record counts (R127)', () => {
  expect(parseAllocation({ podPrefix: 'warm-', slots: [`abcde/${uid}`, 'garbled'] })).toMatchObject({ slots: [held('warm-abcde'), { state: 'empty' }] });
});

test.each([
  [{ slots: ['abc'] }, "status.allocation.slots[0]: expected '<rest of pod name>/<pod UID>', got 'abc'"],
  [{ slots: ['', 'abc/'] }, "status.allocation.slots[1]: expected '<rest of pod name>/<pod UID>', got 'abc/'"],
  [{ returning: ['x'] }, "status.allocation.returning[0]: expected '<rest of pod name>/<pod UID>', got 'x'"],
])('says what is unreadable in %j', (record, want) => {
  expect(parseAllocation(record).problem).toBe(want);
});

const anyName = fc.string({ unit: fc.constantFrom(...'abcdefghij0123456789-'), minLength: 1, maxLength: 63 });
const anySlot: fc.Arbitrary<Slot> = fc.oneof(
  fc.constant<Slot>({ state: 'empty' }),
  fc.constant<Slot>({ state: 'finished' }),
  fc.record({ state: fc.constant('held' as const), name: anyName, uid: fc.uuid() }),
);

test('what is written is read back the same, and fits the schema', () => {
  fc.assert(
    fc.property(anyName, fc.array(anySlot, { minLength: 1, maxLength: 20 }), fc.boolean(), (poolName, slots, shared) => {
      const named = slots.map((slot) => (shared && slot.state === 'held' ? { ...slot, name: `${podPrefix(poolName)}x${slot.name.slice(0, 3)}` } : slot));
      const record: AllocationRecord = { poolName, poolUID: 'p', slots: named, returning: [] };
      const written = formatAllocation(record);
      fc.pre(written !== undefined);
      expect(allocation.safeParse(written).success).toBe(true);
      expect(parseAllocation(JSON.parse(JSON.stringify(written)) as typeof written)).toEqual(record);
      expect(parseAllocation(written)).toEqual(record);
      expect(parseAllocation(written).slots).toBe(record.slots); // not parsed
    }),
  );
});
