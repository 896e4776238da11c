/**
 * A quantile of values in any order, between two of them in proportion.
 *
 * @param share from 0 (the least) to 1 (the greatest)
 * @throws RangeError without a value
 */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const place = share * (sorted.length - 1);
  const below = sorted[Math.floor(place)];
  const above = sorted[Math.ceil(place)];
  if (below === undefined || above === undefined) throw new RangeError('quantile: expected values, got none');
  return below + (above - below) * (place - Math.floor(place));
}

/** The value in the middle. @throws RangeError without a value */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** The most of some moments, in their order, that lie within a span of so many ms. */
export function mostWithin(moments: readonly number[], ms: number): number {
  return Math.max(0, ...moments.map((from) => moments.filter((at) => at >= from && at < from + ms).length));
}

/** What many times come to, each in ms. */
export interface Times {
  readonly count: number;
  readonly least: number;
  readonly median: number;
  readonly p99: number;
  readonly most: number;
}

/** Sums times up. @throws RangeError without a value */
export function timesOf(values: readonly number[]): Times {
  return { count: values.length, least: quantile(values, 0), median: median(values), p99: quantile(values, 0.99), most: quantile(values, 1) };
}
