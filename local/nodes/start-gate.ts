/**
 * Lets a bounded number of starts happen at once.
 *
 * A hundred programs that load at the same time on two cores all become ready last; a few at a time finish sooner each, and equally soon in all.
 */
export class StartGate {
  private free: number;
  private readonly waiting: (() => void)[] = [];

  /** @param limit most starts under way at once, at least 1 */
  constructor(limit: number) {
    this.free = limit;
  }

  /**
   * Waits for a free place. The caller gives it back by calling the returned function, once; later calls do nothing.
   */
  async enter(): Promise<() => void> {
    if (this.free > 0) this.free -= 1;
    else await new Promise<void>((resolve) => this.waiting.push(resolve));
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      const next = this.waiting.shift();
      if (next === undefined) this.free += 1;
      else next();
    };
  }
}
