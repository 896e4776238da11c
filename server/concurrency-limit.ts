import { LifecycleError } from './lifecycle-error';

/** So many things under way at once for each caller; one more is refused and not kept waiting (L41). */
export class ConcurrencyLimit {
  private readonly counts = new Map<string, number>();

  /** @param max for one caller */
  constructor(private readonly max: number) {}

  /** Does the work. @throws LifecycleError GENERAL::TOO_MANY_REQUESTS when the caller has enough under way */
  async run<T>(caller: string, work: () => Promise<T>): Promise<T> {
    const count = this.counts.get(caller) ?? 0;
    if (count >= this.max) {
      throw new LifecycleError('GENERAL::TOO_MANY_REQUESTS', `expected at most ${this.max} creates under way for a key, got one more`, { retryAfterSeconds: 1 });
    }
    this.counts.set(caller, count + 1);
    try {
      return await work();
    } finally {
      const left = (this.counts.get(caller) ?? 1) - 1;
      if (left === 0) this.counts.delete(caller);
      else this.counts.set(caller, left);
    }
  }
}
