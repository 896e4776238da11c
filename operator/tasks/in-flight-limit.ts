import type { Clock } from '../../src/program/clock';

/** Longest time one call holds its place, in ms. An answer takes a few; after this a call waits for the network and costs nothing. */
const PLACE_MS = 100;

/**
 * Bounds how many calls are at work at once, in order of arrival.
 *
 * A call that has not ended after 100 ms gives its place to the next and goes on, so that calls to dead pods, which end
 * only at their deadline, do not hold up the living (R39).
 */
export class InFlightLimit {
  private readonly waiting: (() => void)[] = [];

  /** @param free number of calls at work at once, above 0 */
  constructor(
    private free: number,
    private readonly clock: Clock,
  ) {}

  /** Runs `call` as soon as a place is free, and settles as it does. */
  async run<T>(call: () => Promise<T>): Promise<T> {
    if (this.free > 0) this.free--;
    else await new Promise<void>((resolve) => this.waiting.push(resolve));
    let held = true;
    const giveBack = () => {
      if (!held) return;
      held = false;
      const next = this.waiting.shift();
      if (next) next();
      else this.free++;
    };
    const cancelTimer = this.clock.setTimer(PLACE_MS, giveBack);
    try {
      return await call();
    } finally {
      cancelTimer();
      giveBack();
    }
  }
}
