import type { Clock } from '../../src/program/clock';
import { killMarked, POD_MARKER } from './marked-processes';

/** Longest time to kill what is left of pods, in ms. */
const KILL_TIMEOUT_MS = 5_000;
/** Pods that end within this time share one look through /proc, in ms. */
const GATHER_MS = 5;
/** A look blocks the program, 50 ms with 2,000 processes. So it is followed by a pause of this many times its length. */
const PAUSE_FACTOR = 4;

/**
 * Kills processes of ended pods that have left their process group, such as daemons.
 *
 * Pods that end together share one look through /proc, and looks never take more than a fifth of the time.
 */
export class PodSweeper {
  private waiting = new Map<string, (() => void)[]>();
  private isSweeping = false;

  constructor(private readonly clock: Clock) {}

  /** Resolves when no process of the pod is left, or after 5 s. */
  sweep(podUid: string): Promise<void> {
    return new Promise((resolve) => {
      this.waiting.set(podUid, [...(this.waiting.get(podUid) ?? []), resolve]);
      if (!this.isSweeping) void this.sweepAll();
    });
  }

  private async sweepAll(): Promise<void> {
    this.isSweeping = true;
    let pauseMs = GATHER_MS;
    while (this.waiting.size > 0) {
      await this.clock.sleep(pauseMs);
      const swept = this.waiting;
      this.waiting = new Map();
      const startedMs = this.clock.monotonicMs();
      await killMarked(POD_MARKER, (uid) => swept.has(uid), KILL_TIMEOUT_MS);
      pauseMs = Math.max(GATHER_MS, (this.clock.monotonicMs() - startedMs) * PAUSE_FACTOR);
      for (const resolve of [...swept.values()].flat()) resolve();
    }
    this.isSweeping = false;
  }
}
