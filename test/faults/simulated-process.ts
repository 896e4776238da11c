import { type Clock, sleepWith } from '../../src/program/clock';

/**
 * A process of the simulated world, seen as its clock: whatever reaches it comes through here.
 *
 *   running ──freeze──> frozen ──thaw──> running
 *      └──kill──> dead <──kill──┘
 *
 * A frozen process (SIGSTOP) takes what came meanwhile once it is thawed; a dead one (SIGKILL) takes nothing any more, so its code ends
 * wherever it waits.
 */
export class SimulatedProcess implements Clock {
  private state: 'running' | 'frozen' | 'dead' = 'running';
  private waiting: (() => void)[] = [];

  /** @param clock time of the world, which goes on whatever happens to the process */
  constructor(readonly clock: Clock) {}

  now(): Date {
    return this.clock.now();
  }

  monotonicMs(): number {
    return this.clock.monotonicMs();
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return sleepWith(this, ms, signal);
  }

  setTimer(ms: number, callback: () => void): () => void {
    let cancelled = false;
    const cancel = this.clock.setTimer(ms, () => this.take(() => !cancelled && callback()));
    return () => {
      cancelled = true;
      cancel();
    };
  }

  get isDead(): boolean {
    return this.state === 'dead';
  }

  /** Runs the callback now, when the process is thawed, or never. */
  take(callback: () => void): void {
    if (this.state === 'running') callback();
    else if (this.state === 'frozen') this.waiting.push(callback);
  }

  freeze(): void {
    if (this.state === 'running') this.state = 'frozen';
  }

  thaw(): void {
    if (this.state !== 'frozen') return;
    this.state = 'running';
    // One after another, each with all that follows from it, as an event loop does it.
    for (const callback of this.waiting) this.setTimer(0, callback);
    this.waiting = [];
  }

  kill(): void {
    this.state = 'dead';
    this.waiting = [];
  }
}
