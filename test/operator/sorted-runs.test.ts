import { SortedRuns } from '../../operator/sorted-runs';

/** Numbers from 0 up to 1, the same for each seed. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
}

test.each([1, 2, 3, 4, 5])('gives values in order, whatever comes and goes meanwhile (seed %d)', (seed) => {
  const random = randomOf(seed);
  const runs = new SortedRuns<number>((a, b) => a - b);
  let waiting: number[] = [];
  for (let step = 0; step < 200; step += 1) {
    const top = random() < 0.5 ? 1_000 : 10 * step; // in order for a while, then not
    for (let i = Math.floor(random() * 60); i > 0; i -= 1) {
      const value = Math.floor(random() * top);
      runs.add(value);
      waiting.push(value);
    }
    if (random() < 0.05) runs.replace((waiting = waiting.filter(() => random() < 0.5)));
    waiting.sort((a, b) => a - b);
    const count = Math.floor(random() * 50);
    expect(Array.from({ length: count }, () => runs.take())).toEqual(Array.from({ length: count }, (_, i) => waiting[i]));
    waiting = waiting.slice(count);
    expect(runs.size).toBe(waiting.length);
  }
  expect(waiting.length).toBeGreaterThan(100);
});

test('values that come back too late cost what they are, and not what waits', () => {
  let comparisons = 0;
  const runs = new SortedRuns<number>((a, b) => {
    comparisons += 1;
    return a - b;
  });
  for (let value = 0; value < 10_000; value += 1) runs.add(value);
  const takeAll = (count: number) => Array.from({ length: count }, () => runs.take() ?? -1);
  runs.add(takeAll(1)[0] ?? -1);
  comparisons = 0;
  for (let round = 0; round < 50; round += 1) for (const value of takeAll(100).reverse()) runs.add(value);
  expect(comparisons).toBeLessThan(50 * 100 * 20);
});
