import { setTimeout as sleep } from 'node:timers/promises';

/** Default longest wait, in ms: the 5 s that a rule gives, with room for a machine of 2 cores that does other work too. */
export const PATIENCE_MS = 20_000;
/** Pause between two looks, in ms, before patience is counted in: a look is a request that takes its time from what is being waited for. */
const LOOK_EVERY_MS = 25;

let patience = 1;

/** From now on, every wait may take so many times as long, with pauses that are as many times as long. */
export function setPatience(factor: number): void {
  patience = factor;
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
  const deadline = performance.now() + patience * withinMs;
  for (;;) {
    try {
      return await look();
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await sleep(patience * LOOK_EVERY_MS);
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
