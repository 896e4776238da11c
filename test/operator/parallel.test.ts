import { failuresOf, inParallel, slowStart } from '../../operator/parallel';
import { until } from '../support/waiting';

/** Runs `start` over `count` items and notes how many ran at once; items from `failFrom` on fail. */
async function observe(start: typeof inParallel, count: number, limit: number, failFrom = Infinity) {
  let running = 0;
  const atOnce: number[] = [];
  const items = Array.from({ length: count }, (_, index) => index);
  const results = await start(items, limit, async (item) => {
    atOnce.push(++running);
    await new Promise((resolve) => setImmediate(resolve));
    running--;
    if (item >= failFrom) throw new Error(`item ${item}`);
    return item * 2;
  });
  return { results, most: Math.max(0, ...atOnce), tried: atOnce.length };
}

describe.each([
  ['inParallel', inParallel],
  ['slowStart', slowStart],
])('%s', (_name, start) => {
  test('gives every result in the order of the items, never more than the limit at once', async () => {
    const { results, most } = await observe(start, 40, 8);
    expect(results.map((result) => (result.status === 'fulfilled' ? result.value : undefined))).toEqual(Array.from({ length: 40 }, (_, i) => i * 2));
    expect(most).toBe(8);
  });

  test('does nothing with nothing', async () => {
    expect((await observe(start, 0, 8)).results).toEqual([]);
  });
});

test('inParallel runs every item whatever fails', async () => {
  const { results, tried } = await observe(inParallel, 10, 3, 4);
  expect(tried).toBe(10);
  expect(failuresOf(results)).toHaveLength(6);
});

test.each([
  [64, 0, 1],
  [64, 1, 3],
  [64, 6, 13],
  [64, 7, 15],
  [64, 70, 1_000],
  [8, 1, 3],
  [8, 10, 21],
  [8, 30, 61],
  [8, 40, 1_000],
])('slowStart, at most %i at once, stops when as many in a row fail as have succeeded, until these are many: items fail from %i on, %i are tried (R6)', async (limit, failFrom, want) => {
  expect((await observe(slowStart, 1000, limit, failFrom)).tried).toBe(want);
});

test('slowStart goes on while one item takes its time', async () => {
  let end: () => void = () => undefined;
  const tried: number[] = [];
  const all = slowStart(Array.from({ length: 50 }, (_, index) => index), 4, async (item) => {
    tried.push(item);
    if (item === 1) await new Promise<void>((resolve) => (end = resolve));
  });
  await until(() => expect(tried).toHaveLength(50));
  end();
  expect(await all).toHaveLength(50);
});
