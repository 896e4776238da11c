import { join } from 'node:path';
import { ExecutionCounter, faultOf } from './execution-counter';

let counter: ExecutionCounter;

beforeAll(async () => {
  counter = await ExecutionCounter.open(join(__dirname, '../..'), ['test/cost']);
});
afterAll(() => counter.close());

/** Runs one branch of its loop as often as it is told, and the other never. */
function loop(times: number): number {
  let sum = 0;
  for (let turn = 0; turn < times; turn += 1) {
    if (turn < 0) sum -= 1;
    else sum += turn;
  }
  return sum;
}

test('counts how often each piece of code runs, and where most', async () => {
  await counter.take();
  loop(1_000);
  loop(234);
  const { total, busiest } = await counter.take();
  expect(busiest).toEqual({ where: 'test/cost/execution-counter.test.ts loop', count: 1_234 });
  expect(total).toBeGreaterThanOrEqual(1_234 + 2);
});

test('counts anew after each look', async () => {
  loop(1_000);
  await counter.take();
  loop(500);
  expect((await counter.take()).busiest).toMatchObject({ count: 500 });
});

test('counts nothing outside its folders', async () => {
  const other = await ExecutionCounter.open(join(__dirname, '../..'), ['operator']);
  loop(1_000);
  expect(await other.take()).toEqual({ total: 0, busiest: { where: 'nothing', count: 0 } });
  await other.close();
});

test.each([
  ['as much as may be', { total: 10, busiest: { where: 'a.ts f', count: 5 } }, undefined],
  ['too much together', { total: 11, busiest: { where: 'a.ts f', count: 5 } }, 'expected at most 10 runs together, got 11; most in a.ts f: 5'],
  ['too much of one piece', { total: 10, busiest: { where: 'a.ts f', count: 6 } }, 'a.ts f: expected at most 5 runs, got 6'],
  ['nothing', { total: 0, busiest: { where: 'nothing', count: 0 } }, 'expected some runs, got none: nothing is counted'],
])('judges %s', (_title, execution, want) => {
  expect(faultOf(execution, 10, 5)).toBe(want);
});
