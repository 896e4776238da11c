import type { Clock } from '../../src/program/clock';

/** Least time between two attempts to write, in ms (rule 22). */
const PROBE_INTERVAL_MS = 5_000;

/** What /health depends on. */
export interface HealthOptions {
  readonly clock: Clock;
  /** Rejects when the data directory takes no synced write. */
  readonly probe: () => Promise<void>;
  /** Stops that do not end. */
  readonly stuck: () => readonly string[];
  readonly corruptCount: number;
}

/** Whether the executor can do its work. */
export class Health {
  private corruptCount: number;
  private probedAtMs = -Infinity;
  private lastProbe: Promise<string | undefined> = Promise.resolve(undefined);

  constructor(private readonly options: HealthOptions) {
    this.corruptCount = options.corruptCount;
  }

  /** Everything that is wrong; empty when nothing is. */
  async problems(): Promise<readonly string[]> {
    const { clock, probe, stuck } = this.options;
    if (clock.monotonicMs() - this.probedAtMs >= PROBE_INTERVAL_MS) {
      this.probedAtMs = clock.monotonicMs();
      this.lastProbe = probe().then(
        () => undefined,
        (error: unknown) => `data directory: expected a synced write to succeed, got ${error instanceof Error ? error.message : String(error)}`,
      );
    }
    const unwritable = await this.lastProbe;
    const corrupt = this.corruptCount === 0 ? [] : [`data directory: ${this.corruptCount} unreadable records were moved aside; POST /reset deletes them`];
    return [...(unwritable === undefined ? [] : [unwritable]), ...corrupt, ...stuck()];
  }

  /** All records have been deleted, unreadable ones too. */
  forgetCorrupt(): void {
    this.corruptCount = 0;
  }
}
