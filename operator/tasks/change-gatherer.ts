import type { Clock } from '../../src/program/clock';

/** Turns many changes of one key into one report, a fixed time after the first of them. */
export class ChangeGatherer {
  private readonly cancelByKey = new Map<string, () => void>();

  /** @param gatherMs time from the first change to its report, and so the least time between two reports of a key, in ms */
  constructor(
    private readonly clock: Clock,
    private readonly gatherMs: number,
    private readonly report: (key: string) => void,
  ) {}

  /** Notes a change of `key`. */
  add(key: string): void {
    if (this.cancelByKey.has(key)) return;
    const send = () => {
      this.cancelByKey.delete(key);
      this.report(key);
    };
    this.cancelByKey.set(key, this.clock.setTimer(this.gatherMs, send));
  }

  /** Drops what was gathered and not yet reported. */
  close(): void {
    for (const cancel of this.cancelByKey.values()) cancel();
    this.cancelByKey.clear();
  }
}
