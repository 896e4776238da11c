import { mergeConditions } from '../../../src/schema/conditions';

const NOW = new Date('2026-01-01T00:00:00Z');

describe('mergeConditions', () => {
  test.each([
    ['of one byte each', 'x'.repeat(20_000)],
    ['of several bytes each', `x${'\u00fc\u20ac'.repeat(5_000)}`],
  ])('cuts a message that the API server would refuse, in characters %s', (_name, message) => {
    const [condition] = mergeConditions(undefined, [{ type: 'Accepted', status: 'False', reason: 'InvalidSpec', message }], NOW);
    const cut = condition?.message ?? '';
    expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(8192);
    expect(Buffer.byteLength(cut)).toBeGreaterThan(8000);
    expect(message.startsWith(cut.slice(0, -'...'.length))).toBe(true);
  });

  test('a message that was cut is the same the next time', () => {
    const wanted = [{ type: 'Accepted', status: 'False', message: 'x'.repeat(20_000) }] as const;
    const stored = mergeConditions(undefined, wanted, NOW);
    expect(mergeConditions(stored, wanted, new Date('2026-02-02T00:00:00Z'))).toEqual(stored);
  });
});
