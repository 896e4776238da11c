import type { Clock } from '../../src/program/clock';
import { variablesOf } from './launch';
import type { Supervisor } from './supervisor';

/** Longest wait for a task that is on its way, in ms: three of them fit into the 30 s that SDKs wait for a sandbox that was made. */
const ARRIVAL_LIMIT_MS = 10_000;

/**
 * The variables that tasks bring into their sandbox: commands have them as they have those of the main process.
 *
 * They are those of the tasks that are wanted, whatever has become of them: an entrypoint that has set something up and ended has still said what the
 * sandbox is to know. They go with the task, and so before a reset gives the sandbox to the next; and they come back with its record.
 */
export class TaskVariables {
  /** @param limitMs longest wait of {@link arrivalOf}, in ms */
  constructor(
    private readonly tasks: Pick<Supervisor, 'list' | 'changes'>,
    private readonly clock: Pick<Clock, 'monotonicMs'>,
    private readonly limitMs: number = ARRIVAL_LIMIT_MS,
  ) {}

  /** Variables now; of one that several tasks name, the value of the last. */
  current(): Record<string, string> {
    return Object.fromEntries(this.wanted().flatMap(({ process }) => Object.entries(variablesOf(process))));
  }

  /**
   * Waits for the task of a UID, which is sent once its sandbox has an address: whoever hears of that address may be here first.
   *
   * @param signal ends the wait
   * @returns whether the task is here
   */
  async arrivalOf(uid: string, signal: AbortSignal): Promise<boolean> {
    const { changes } = this.tasks;
    const endAtMs = this.clock.monotonicMs() + this.limitMs;
    for (;;) {
      const { revision } = changes;
      if (this.wanted().some((task) => task.uid === uid)) return true;
      const leftMs = endAtMs - this.clock.monotonicMs();
      if (leftMs <= 0 || signal.aborted || changes.closed.aborted) return false;
      await changes.wait(revision, leftMs, signal);
    }
  }

  private wanted() {
    return this.tasks.list().filter(({ deletionTimestamp }) => deletionTimestamp === undefined);
  }
}
