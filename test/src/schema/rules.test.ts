import { evaluate } from '@marcbachmann/cel-js';
import * as fc from 'fast-check';
import { capacitySpec } from '../../../src/schema/pool';
import { rulesOf } from '../../../src/schema/rules';

/** Rules of every schema that has some, with values of its shape. */
const ruled = [
  {
    name: 'capacitySpec',
    rules: rulesOf(capacitySpec),
    values: fc.record({ bufferMin: fc.nat(4), bufferMax: fc.nat(4), poolMin: fc.nat(4), poolMax: fc.nat(4) }),
  },
];

/** Integers as CEL has them. */
const toCel = (value: Readonly<Record<string, number>>) =>
  Object.fromEntries(Object.entries(value).map(([name, number]) => [name, BigInt(number)]));

describe.each(ruled)('rules of $name', ({ rules, values }) => {
  test('there are some', () => {
    expect(rules.map(({ cel }) => cel)).toEqual(['self.bufferMin <= self.bufferMax', 'self.poolMin <= self.poolMax']);
  });

  test('mean the same in CEL and as predicate', () => {
    fc.assert(
      fc.property(values, (value) => {
        expect(rules.map((rule) => rule.check(value))).toEqual(rules.map((rule) => evaluate(rule.cel, { self: toCel(value) })));
      }),
    );
  });
});
