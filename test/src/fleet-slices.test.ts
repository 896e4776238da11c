import fc from 'fast-check';
import { bytesOf, planSlices } from '../../src/fleet-slices';

const bounds = { maxReplicas: 10, maxBytes: 100, fixedBytes: 10, bytesOf: () => 30 };

test.each<[string, number, Partial<typeof bounds>, [number, number][]]>([
  ['keeps a fleet of none as one empty slice', 0, {}, [[0, 0]]],
  ['keeps what fits into one object together', 3, {}, [[0, 3]]],
  ['splits by bytes', 7, {}, [[0, 3], [3, 6], [6, 7]]],
  ['splits by number', 5, { maxReplicas: 2, bytesOf: () => 0 }, [[0, 2], [2, 4], [4, 5]]],
  ['gives a sandbox that is too large alone a slice of its own', 2, { bytesOf: () => 500 }, [[0, 1], [1, 2]]],
])('%s', (_, replicas, changes, slices) => {
  expect(planSlices(replicas, { ...bounds, ...changes }).map(({ from, to }) => [from, to])).toEqual(slices);
});

const sizes = fc.array(fc.nat(60), { maxLength: 60 });

test('covers each sandbox once, within the bounds', () => {
  fc.assert(
    fc.property(sizes, fc.integer({ min: 1, max: 20 }), (bytes, maxReplicas) => {
      const slices = planSlices(bytes.length, { maxReplicas, maxBytes: 100, fixedBytes: 10, bytesOf: (index) => bytes[index] ?? 0 });
      expect(slices.flatMap(({ from, to }) => bytes.slice(from, to))).toEqual(bytes);
      for (const { from, to } of slices) {
        const total = bytes.slice(from, to).reduce((sum, size) => sum + size, 10);
        expect(to - from <= maxReplicas && (total <= 100 || to - from === 1)).toBe(true);
      }
    }),
  );
});

test('leaves all slices but the last as they are when the fleet grows', () => {
  fc.assert(
    fc.property(sizes, sizes, (bytes, added) => {
      const grown = [...bytes, ...added];
      const plan = (replicas: number) => planSlices(replicas, { ...bounds, bytesOf: (index: number) => grown[index] ?? 0 });
      const before = plan(bytes.length).slice(0, -1);
      expect(plan(grown.length).slice(0, before.length)).toEqual(before);
    }),
  );
});

test('counts what has no JSON as nothing', () => {
  expect([bytesOf(undefined), bytesOf(1n), bytesOf({ a: 'ä' })]).toEqual([0, 0, 11]);
});
