import { type Clock, sleepWith } from '../../src/program/clock';

interface Timer {
  readonly dueAtMs: number;
  /** Of timers that are due together, the one that was set first fires first. */
  readonly turn: number;
  callback: (() => void) | undefined;
}

/** What all virtual time begins with. */
const START = Date.parse('2026-01-01T00:00:00Z');

/**
 * Time of a simulated world: it jumps from one timer to the next, as fast as the machine computes.
 *
 * Between two timers everything that the first one started runs as far as it can, so the order of all that happens follows from the order of
 * the timers alone.
 */
export class VirtualClock implements Clock {
  private elapsedMs = 0;
  private turns = 0;
  private busy = 0;
  /** A heap: the children of item i are 2i+1 and 2i+2, and none is due before its parent. */
  private readonly timers: Timer[] = [];

  now(): Date {
    return new Date(START + this.elapsedMs);
  }

  monotonicMs(): number {
    return this.elapsedMs;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return sleepWith(this, ms, signal);
  }

  setTimer(ms: number, callback: () => void): () => void {
    const timer: Timer = { dueAtMs: this.elapsedMs + Math.max(0, ms), turn: this.turns++, callback };
    this.push(timer);
    return () => {
      timer.callback = undefined;
    };
  }

  /** Holds time until the promise settles: for work of the world itself that takes none. */
  async hold<T>(work: T | Promise<T>): Promise<T> {
    this.busy += 1;
    try {
      return await work;
    } finally {
      this.busy -= 1;
    }
  }

  /** Timers that have fired. */
  firedCount = 0;

  /**
   * Fires the next timer, if it is due within `untilMs` of {@link monotonicMs}, and lets run what it starts.
   *
   * @returns false when there was none; time is then at `untilMs`
   */
  async step(untilMs: number): Promise<boolean> {
    for (let timer = this.timers[0]; timer !== undefined && timer.dueAtMs <= untilMs; timer = this.timers[0]) {
      this.pop();
      const { callback } = timer;
      if (callback === undefined) continue;
      timer.callback = undefined;
      this.elapsedMs = Math.max(this.elapsedMs, timer.dueAtMs);
      this.firedCount += 1;
      callback();
      await this.settle();
      return true;
    }
    this.elapsedMs = Math.max(this.elapsedMs, untilMs);
    return false;
  }

  /** Lets everything run that waits for no timer. */
  async settle(): Promise<void> {
    do await new Promise((resolve) => setImmediate(resolve));
    while (this.busy > 0);
  }

  private push(timer: Timer): void {
    const { timers } = this;
    let at = timers.push(timer) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.isBefore(at, parent)) return;
      this.swap(at, parent);
      at = parent;
    }
  }

  private pop(): void {
    const { timers } = this;
    const last = timers.pop();
    if (last === undefined || timers.length === 0) return;
    timers[0] = last;
    for (let at = 0; ; ) {
      const [left, right] = [2 * at + 1, 2 * at + 2];
      let first = at;
      if (this.isBefore(left, first)) first = left;
      if (this.isBefore(right, first)) first = right;
      if (first === at) return;
      this.swap(at, first);
      at = first;
    }
  }

  private isBefore(a: number, b: number): boolean {
    const [first, second] = [this.timers[a], this.timers[b]];
    if (first === undefined || second === undefined) return false;
    return first.dueAtMs < second.dueAtMs || (first.dueAtMs === second.dueAtMs && first.turn < second.turn);
  }

  private swap(a: number, b: number): void {
    const [first, second] = [this.timers[a], this.timers[b]];
    if (first === undefined || second === undefined) return;
    this.timers[a] = second;
    this.timers[b] = first;
  }
}
