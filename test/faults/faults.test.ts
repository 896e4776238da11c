import { generateSteps } from './operations';
import { Random } from './random';
import { play } from './run';

/** Steps of a history in this file: `npm run faults` plays longer ones. */
const STEPS = 45;

const history = (seed: string, count = STEPS) => generateSteps(new Random(seed), count);

test('a seed plays the same history every time, and another seed another', async () => {
  const [first, again, other] = [await play('7', history('7')), await play('7', history('7')), await play('8', history('8'))];
  expect(again).toEqual(first);
  expect(other.digest).not.toBe(first.digest);
});

test.each(Array.from({ length: 20 }, (_, index) => String(index + 1)))('seed %s breaks no rule (R11, R13, R14, R16, R19, R21, R34, R37, R38, R44, R45, R46, R47, R53, R57, R60, R61, R64, R67, R68, R70, R71, R73, R96, R97, R100, R103, R105, R110, R113, R114, R115, R116, R119, R120)', async (seed) => {
  const { violation, tail } = await play(seed, history(seed));
  expect({ violation, tail: violation === undefined ? [] : tail.slice(-50) }).toEqual({ violation: undefined, tail: [] });
});
