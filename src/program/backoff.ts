/** Delays before a key is tried again. */
export interface BackoffOptions {
  /** First delay in ms. @default 50 */
  readonly minMs?: number;
  /** Longest delay in ms. @default 5000 */
  readonly maxMs?: number;
  /** Number from 0 up to 1. @default Math.random */
  readonly random?: () => number;
}

/**
 * A delay for each key that doubles with every failure in a row, up to a cap.
 *
 * Each delay is shortened at random by up to a fifth, so that keys which failed together do not come back together.
 */
export class Backoff<K = string> {
  private readonly failuresByKey = new Map<K, number>();
  private readonly minMs: number;
  private readonly maxMs: number;
  private readonly random: () => number;

  constructor({ minMs = 50, maxMs = 5000, random = Math.random }: BackoffOptions = {}) {
    this.minMs = minMs;
    this.maxMs = maxMs;
    this.random = random;
  }

  /** Counts one more failure of the key and returns its delay in ms. */
  next(key: K): number {
    this.failuresByKey.set(key, this.failures(key) + 1);
    return this.current(key) * (1 - this.random() / 5);
  }

  /** Delay of the key after its last failure in ms, not shortened; 0 when that was no failure. */
  current(key: K): number {
    const failures = this.failures(key);
    return failures === 0 ? 0 : Math.min(this.maxMs, this.minMs * 2 ** Math.min(failures - 1, 32));
  }

  /** Failures of the key in a row. */
  failures(key: K): number {
    return this.failuresByKey.get(key) ?? 0;
  }

  /** Ends the row of failures of the key. */
  reset(key: K): void {
    this.failuresByKey.delete(key);
  }
}
