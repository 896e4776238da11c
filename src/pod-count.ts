import { type Problems } from './problems';

/** A number of pods, absolute or as a share of the pool. */
export class PodCount {
  /**
   * A fixed number.
   *
   * @param pods Number of pods, 0 or more.
   */
  static of(pods: number): PodCount {
    return new PodCount(pods, 'pods');
  }

  /**
   * A share of all pods of the pool, rounded up.
   *
   * @param percent Whole number from 0 to 100.
   */
  static percent(percent: number): PodCount {
    return new PodCount(percent, 'percent');
  }

  private constructor(
    private readonly amount: number,
    private readonly unit: 'pods' | 'percent',
  ) {}

  /**
   * The count as Kubernetes writes it: `5` or `'20%'`.
   *
   * @internal
   */
  static _render(problems: Problems, path: string, count: unknown): number | string | undefined {
    if (count === undefined) {
      return undefined;
    }
    if (!(count instanceof PodCount)) {
      problems.add(path, 'a PodCount', count, 'write PodCount.of(5) or PodCount.percent(20)');
      return undefined;
    }
    const { amount, unit } = count;
    const max = unit === 'percent' ? 100 : 2147483647;
    if (!Number.isInteger(amount) || amount < 0 || amount > max) {
      problems.add(path, unit === 'percent' ? 'a whole number of percent from 0 to 100' : 'a whole number of pods, 0 or more', amount);
      return undefined;
    }
    return unit === 'percent' ? `${amount}%` : amount;
  }
}
