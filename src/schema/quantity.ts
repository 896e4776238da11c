/** Sign, digits before and after the point, and a power: of 2, of 10 by a letter, or of 10 by a number. */
const QUANTITY = /^([+-]?)(\d*)\.?(\d*)(?:([KMGTPE])i|([numkMGTPE])|[eE]([+-]?\d+))?$/;
/** Suffix -> power of 2. */
const BINARY_POWERS: Readonly<Record<string, bigint>> = { K: 10n, M: 20n, G: 30n, T: 40n, P: 50n, E: 60n };
/** Suffix -> power of 10. */
const DECIMAL_POWERS: Readonly<Record<string, number>> = { n: -9, u: -6, m: -3, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 };
/** Powers of 10 between 1 and a billionth, the finest that Kubernetes counts. */
const NANO = 9;
/** Digits that are counted; an amount that has more of them before its point is as large as any. Keeps `1e999999999` from costing memory. */
const MOST_DIGITS = 60;

/**
 * An amount such as `500m`, `1.5Gi`, `1e3` or 2, in billionths of its unit, rounded up; exact, so that sums can be compared.
 *
 * @returns undefined when it is no amount
 * @see https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
 */
export function nanosOf(quantity: string | number): bigint | undefined {
  const [, sign, whole = '', fraction = '', binary = '', decimal = '', exponent = '0'] = QUANTITY.exec(String(quantity).trim()) ?? [];
  if (whole + fraction === '') return undefined;
  const digits = (whole + fraction).replace(/^0+/, '');
  if (digits === '') return 0n;
  const kept = digits.slice(0, MOST_DIGITS);
  const power = NANO - fraction.length + (DECIMAL_POWERS[decimal] ?? Number(exponent)) + digits.length - kept.length;
  const nanos = scaled(kept, power, BINARY_POWERS[binary] ?? 0n);
  return sign === '-' ? -nanos : nanos;
}

/** `digits` times 10^`power` times 2^`binaryPower`, rounded up and kept within bounds. */
function scaled(digits: string, power: number, binaryPower: bigint): bigint {
  if (digits.length + power > MOST_DIGITS) return 10n ** BigInt(MOST_DIGITS);
  if (digits.length + power < -MOST_DIGITS) return 1n;
  const value = BigInt(digits) << binaryPower;
  if (power >= 0) return value * 10n ** BigInt(power);
  const divisor = 10n ** BigInt(-power);
  return (value + divisor - 1n) / divisor;
}
