import fc from 'fast-check';
import { quantity } from '../../../src/schema/pod-template';
import { nanosOf } from '../../../src/schema/quantity';

const ONE = 10n ** 9n;

test.each<[string | number, bigint]>([
  ['0', 0n],
  ['-0', 0n],
  [2, 2n * ONE],
  [0.1, ONE / 10n],
  ['+1.', ONE],
  ['.5', ONE / 2n],
  [' 500m ', ONE / 2n],
  ['1500u', 1_500_000n],
  ['3n', 3n],
  ['0.1n', 1n], // rounded up, as Kubernetes does
  ['1.5Gi', 1_610_612_736n * ONE],
  ['1E', 10n ** 18n * ONE],
  ['1Ei', 2n ** 60n * ONE],
  ['1e3', 1000n * ONE],
  ['12E-1', 12n * (ONE / 10n)],
  [1e21, 10n ** 21n * ONE],
  ['-2k', -2000n * ONE],
])('%p is exact', (text, nanos) => {
  expect(nanosOf(text)).toBe(nanos);
});

test('0.1 and 0.2 are 300m', () => {
  expect((nanosOf('0.1') ?? 0n) + (nanosOf(0.2) ?? 0n)).toBe(nanosOf('300m'));
});

test.each(['', '.', 'Gi', '1 Gi', '1K', '1ki', '1.5.5', '1e', '0x10', 'a', 'NaN', 'Infinity'])('%p is no amount', (text) => {
  expect(nanosOf(text)).toBeUndefined();
});

test.each(['1e999999999999', `1${'0'.repeat(1_000_000)}`])('an amount beyond all bounds is a large one, at no cost', (text) => {
  expect(nanosOf(text)).toBe(10n ** 60n);
});

test.each(['1e-999999999999', `0.${'0'.repeat(1_000_000)}1`])('an amount above nothing is never nothing', (text) => {
  expect(nanosOf(text)).toBe(1n);
});

test('reads every quantity that the schema lets pass', () => {
  fc.assert(fc.property(fc.stringMatching(/^[-+]?\d{0,3}\.?\d{0,3}([eE][+-]?\d{1,3}|[numkMGTPEi]{0,2})$/), (text) => quantity().safeParse(text).success ? nanosOf(text) !== undefined : true));
});
