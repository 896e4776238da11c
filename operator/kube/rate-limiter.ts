import type { Clock } from '../../src/program/clock';

/** Lets `qps` calls a second pass in the long run and `burst` at once; waiting calls go in the order they came. */
export class RateLimiter {
  /** Calls that may go at once; below 0 by the number of calls that wait. */
  private tokens: number;
  private countedAtMs: number;

  /** @param qps calls a second; 0 is no limit */
  constructor(
    private readonly clock: Clock,
    private readonly qps: number,
    private readonly burst: number,
  ) {
    this.tokens = burst;
    this.countedAtMs = clock.monotonicMs();
  }

  /** Resolves when the call may go, or when the signal aborts; the caller looks at the signal. */
  async take(signal: AbortSignal): Promise<void> {
    if (this.qps === 0) return;
    const nowMs = this.clock.monotonicMs();
    this.tokens = Math.min(this.burst, this.tokens + ((nowMs - this.countedAtMs) * this.qps) / 1000);
    this.countedAtMs = nowMs;
    this.tokens -= 1;
    if (this.tokens >= 0) return;
    await this.clock.sleep((-this.tokens * 1000) / this.qps, signal);
    if (signal.aborted) this.tokens += 1;
  }
}
