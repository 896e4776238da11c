import type { Clock } from './clock';
import type { Logger } from './log';

/** Asks this process to stop. */
const STOP_SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** A signal of the system as an AbortSignal. */
export interface StopSignal {
  /** Aborts on the first SIGINT or SIGTERM. */
  readonly signal: AbortSignal;
  /** Stops to listen: the next SIGINT ends the process as if nobody had asked. */
  dispose(): void;
}

/** Listens to the first SIGINT or SIGTERM; a second one ends the process at once, for whoever will not wait. */
export function listenForStop(): StopSignal {
  const stop = new AbortController();
  const dispose = () => STOP_SIGNALS.forEach((name) => process.removeListener(name, onStop));
  const onStop = () => {
    dispose();
    stop.abort();
  };
  STOP_SIGNALS.forEach((name) => process.on(name, onStop));
  return { signal: stop.signal, dispose };
}

/** Resolves when the signal aborts, or at once when it has. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** One thing to close. */
export interface CloseStep {
  /** Name in the log. */
  readonly name: string;
  readonly close: () => Promise<unknown> | void;
}

/**
 * Closes things one after another; one that fails is logged and does not keep the others open.
 *
 * @param deadlineMs for all together; what is open then stays open
 * @returns whether everything closed without error in time
 */
export async function closeInOrder(steps: readonly CloseStep[], deadlineMs: number, clock: Clock, log: Logger): Promise<boolean> {
  const timeout = new AbortController();
  const cancel = clock.setTimer(deadlineMs, () => timeout.abort());
  const late = aborted(timeout.signal).then(() => 'late' as const);
  let clean = true;
  for (const { name, close } of steps) {
    try {
      if ((await Promise.race([close(), late])) === 'late') {
        log.warn({ step: name, deadlineMs }, 'not closed in time');
        clean = false;
        break;
      }
    } catch (error) {
      log.error({ err: error, step: name }, 'not closed cleanly');
      clean = false;
    }
  }
  cancel();
  return clean;
}
