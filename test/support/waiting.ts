import { setTimeout as sleep } from 'node:timers/promises';

/** Default longest wait, in ms: the 5 s that a rule gives, with room for a machine of 2 cores that does other work too. */
export const PATIENCE_MS = 30_000;
/** Pause between two looks, as a share of the wait so far, and its bounds in ms: a look is a request that takes its time from what is being waited for. */
const PAUSE = { share: 1 / 4, leastMs: 10, mostMs: 500 };

let patience = 1;

/** From now on, every wait may take so many times as long. */
export function setPatience(factor: number): void {
  patience = factor;
}

/** A time that a rule gives, in ms, as long as it may take now: that time itself where patience is 1, as on the embedded cluster. */
export function withPatience(ms: number): number {
  return patience * ms;
}

/** The default longest wait as it is now, in seconds. */
export function patienceSeconds(): number {
  return (patience * PATIENCE_MS) / 1000;
}

/**
 * Waits until `look` answers without throwing, and returns its answer.
 *
 * @throws what `look` threw last, when `withinMs` is over
 */
export async function until<T>(look: () => T | Promise<T>, withinMs = PATIENCE_MS): Promise<T> {
  const beganMs = performance.now();
  for (;;) {
    try {
      return await look();
    } catch (error) {
      const waitedMs = performance.now() - beganMs;
      if (waitedMs > patience * withinMs) throw error;
      await sleep(Math.min(Math.max(waitedMs * PAUSE.share, PAUSE.leastMs), PAUSE.mostMs));
    }
  }
}

/** Runs `work` over all items, at most `atOnce` at the same time, and returns the results in order. */
export async function inParallel<T, R>(items: readonly T[], atOnce: number, work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const entries = items.entries();
  const worker = async () => {
    for (const [index, item] of entries) results[index] = await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
  return results;
}
