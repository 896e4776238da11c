import { type Clock, sleepWith, systemClock } from '../../../src/program/clock';

/**
 * The system's time for simulated machines in a real world: before anything happens to one, the place is found out at which it happens.
 *
 * So what the machines tell comes after all that was stored when it happened, and before all that follows from it.
 */
export class PlacedClock implements Clock {
  /** Place of what happens now: a revision after which it comes. */
  revision = 0;

  private readonly timers = new Set<() => void>();

  /** @param ask for the revision of everything that is stored; it rejects once nobody wants to know any more */
  constructor(private readonly ask: () => Promise<number>) {}

  now(): Date {
    return systemClock.now();
  }

  monotonicMs(): number {
    return systemClock.monotonicMs();
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return sleepWith(this, ms, signal);
  }

  setTimer(ms: number, callback: () => void): () => void {
    let cancelled = false;
    const stopTimer = systemClock.setTimer(ms, () => {
      this.timers.delete(cancel);
      this.place(() => !cancelled && callback());
    });
    const cancel = () => {
      cancelled = true;
      this.timers.delete(cancel);
      stopTimer();
    };
    this.timers.add(cancel);
    return cancel;
  }

  /** Nothing happens any more. */
  stop(): void {
    for (const cancel of [...this.timers]) cancel();
  }

  /** Calls back when the place is known. */
  place(callback: () => void): void {
    this.ask().then(
      (revision) => this.at(revision, callback),
      () => undefined, // all is over
    );
  }

  /** Calls back at a known place. */
  at(revision: number, callback: () => void): void {
    this.revision = Math.max(this.revision, revision); // what happens now comes after all that is known
    callback();
  }
}
