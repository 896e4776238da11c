import { setTimeout as sleep } from 'node:timers/promises';
import { type Clock, sleepWith } from '../../src/program/clock';
import { patienceSeconds } from './waiting';

interface Timer {
  readonly dueAtMs: number;
  readonly callback: () => void;
}

/** A clock that moves only when told. */
export class ManualClock implements Clock {
  private elapsedMs = 0;
  private readonly timers = new Set<Timer>();

  constructor(private readonly startedAt = new Date('2026-01-01T00:00:00Z')) {}

  now(): Date {
    return new Date(this.startedAt.getTime() + this.elapsedMs);
  }

  monotonicMs(): number {
    return this.elapsedMs;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return sleepWith(this, ms, signal);
  }

  setTimer(ms: number, callback: () => void): () => void {
    const timer = { dueAtMs: this.elapsedMs + ms, callback };
    this.timers.add(timer);
    return () => this.timers.delete(timer);
  }

  /** Timers that wait. */
  get timerCount(): number {
    return this.timers.size;
  }

  /** Moves time on, timer by timer in order of their time, and lets what each one starts run on as far as it can. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.elapsedMs + ms;
    await settle();
    for (let timer = this.nextUntil(untilMs); timer !== undefined; timer = this.nextUntil(untilMs)) {
      this.elapsedMs = Math.max(this.elapsedMs, timer.dueAtMs);
      this.timers.delete(timer);
      timer.callback();
      await settle();
    }
    this.elapsedMs = untilMs;
  }

  private nextUntil(untilMs: number): Timer | undefined {
    return [...this.timers].filter(({ dueAtMs }) => dueAtMs <= untilMs).sort((a, b) => a.dueAtMs - b.dueAtMs)[0];
  }
}

/** Lets promises that wait for nothing outside run to their end. */
export async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

/** Pause between two looks, in ms of the machine: what goes over a socket needs some. */
const PAUSE_MS = 5;

/** Waits until `look` answers without throwing, and moves time on by `stepMs` before every look. */
export async function untilWith<T>(clock: ManualClock, look: () => T | Promise<T>, stepMs = 100): Promise<T> {
  const beganMs = performance.now();
  for (;;) {
    await clock.advance(stepMs);
    try {
      return await look();
    } catch (error) {
      if (performance.now() - beganMs > 1000 * patienceSeconds()) throw error;
      await sleep(PAUSE_MS);
    }
  }
}
