import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Waits until `look` answers without throwing, and returns its answer; looks every 5 ms.
 *
 * @throws what `look` threw last, when the time is over
 */
export async function eventually<T>(look: () => T | Promise<T>, timeoutMs = 10_000): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    try {
      return await look();
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await sleep(5);
    }
  }
}
