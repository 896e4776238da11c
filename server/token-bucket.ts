import type { Clock } from '../src/program/clock';

/** So many things a second in the long run, and so many at once; what is too much is refused and not kept waiting. */
export class TokenBucket {
  private tokens: number;
  private filledAtMs: number;

  /**
   * @param perSecond tokens that come back a second; 0 is no limit
   * @param burst most tokens at a time
   */
  constructor(
    private readonly clock: Pick<Clock, 'monotonicMs'>,
    private readonly perSecond: number,
    private readonly burst: number,
  ) {
    this.tokens = burst;
    this.filledAtMs = clock.monotonicMs();
  }

  /** Takes a token; false when there is none. */
  take(): boolean {
    if (this.perSecond === 0) return true;
    const nowMs = this.clock.monotonicMs();
    this.tokens = Math.min(this.burst, this.tokens + ((nowMs - this.filledAtMs) / 1000) * this.perSecond);
    this.filledAtMs = nowMs;
    if (this.tokens < 1) return false;
    this.tokens -= 1;
    return true;
  }
}
