import type { Clock } from '../../src/program/clock';
import type { Logger } from '../../src/program/log';
import type { BatchSandbox } from '../../src/schema/batch-sandbox';
import type { SandboxStore } from './sandbox-store';
import { isAbandoned } from './take-back';

/** Time between two looks, in ms: how much later than said a sandbox is taken back. */
const SWEEP_MS = 5_000;

/**
 * Takes back what creates have left behind whose server died, until the signal aborts. Every replica does so, by what its cache says: one that was
 * confirmed since stays, as each goes in the state that was looked at.
 */
export async function sweepAbandoned(store: Pick<SandboxStore, 'values' | 'removeIf'>, clock: Clock, log: Logger, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const now = clock.now();
    const isOver = (batch: BatchSandbox) => isAbandoned(batch, now);
    for (const batch of [...store.values()].filter(isOver)) {
      try {
        if (await store.removeIf(batch, isOver)) log.info({ sandbox: batch.metadata.name }, 'sandbox of an unanswered create deleted');
      } catch (error) {
        log.warn({ err: error, sandbox: batch.metadata.name }, 'sandbox of an unanswered create not deleted yet');
      }
    }
    await clock.sleep(SWEEP_MS, signal);
  }
}
