import { generateSteps } from './operations';
import { Random } from './random';

test('a seed gives the same steps every time, and another seed gives others', () => {
  const steps = (seed: string) => generateSteps(new Random(seed), 50);
  expect(steps('1')).toEqual(steps('1'));
  expect(steps('1')).not.toEqual(steps('2'));
});

test('a longer history begins like a shorter one', () => {
  expect(generateSteps(new Random('1'), 80).slice(0, 30)).toEqual(generateSteps(new Random('1'), 30));
});

test('every operation turns up, and pools come first', () => {
  const steps = generateSteps(new Random('1'), 2_000);
  const kinds = new Set(steps.map((step) => step.do));
  expect([...kinds].sort()).toMatchInlineSnapshot(`
[
  "create batch",
  "create pool",
  "delete batch",
  "delete pod",
  "delete pool",
  "drop watches",
  "evict pod",
  "expire watches",
  "fail pod",
  "forge allocation",
  "freeze operator",
  "kill executor",
  "kill operator",
  "lose node",
  "move batch",
  "release pod",
  "resize pool",
  "restart api",
  "restart container",
  "scale batch",
  "set expiry",
  "set pace",
  "set policy",
  "set profile",
  "set rank",
  "set recycle",
  "set remaining life",
  "shake pod",
  "spoil batch",
  "spoil pool",
  "stop operator",
  "update pool",
  "weather",
]
`);
  expect(steps.slice(0, 3).map((step) => step.do)).toEqual(['create pool', 'create pool', 'create pool']);
});

test('steps survive a file', () => {
  const steps = generateSteps(new Random('3'), 500);
  expect(generateSteps(new Random('3'), 500)).toEqual(JSON.parse(JSON.stringify(steps)));
});
