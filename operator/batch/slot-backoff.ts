/** First delay of a slot, in ms; it doubles with every failure in a row. */
const FIRST_DELAY_MS = 1_000;

interface Failure {
  readonly count: number;
  readonly retryAtMs: number;
  /** Of the last failure, as far as it is told. */
  readonly cause: string | undefined;
}

/** Delays of slots whose pods cannot be made or do not last, each for itself (R6, R113). Times are of the monotonic clock, in ms. */
export class SlotBackoff {
  private readonly failures = new Map<string, Map<number, Failure>>();

  /**
   * A slot failed once more; its next try comes 1 s later, doubling up to `longestMs`. One that had long been well starts anew.
   *
   * @param cause what {@link causeOf} tells until its next failure, or {@link forgetCause}
   */
  fail(batchUID: string, slot: number, nowMs: number, longestMs: number, cause?: string): void {
    const slots = this.failures.get(batchUID) ?? new Map<number, Failure>();
    const known = slots.get(slot);
    const count = known === undefined || nowMs - known.retryAtMs > longestMs ? 1 : known.count + 1;
    slots.set(slot, { count, retryAtMs: nowMs + Math.min(FIRST_DELAY_MS * 2 ** (count - 1), longestMs), cause });
    this.failures.set(batchUID, slots);
  }

  /** How long a slot still waits, in ms; 0 when it may be tried. */
  waitMs(batchUID: string, slot: number, nowMs: number): number {
    return Math.max(0, (this.failures.get(batchUID)?.get(slot)?.retryAtMs ?? 0) - nowMs);
  }

  /** Why one of these slots failed last; undefined when none of them has, or not for a cause that is told. Costs the number of slots that ever failed. */
  causeOf(batchUID: string, isAsked: (slot: number) => boolean): string | undefined {
    for (const [slot, { cause }] of this.failures.get(batchUID) ?? []) if (cause !== undefined && isAsked(slot)) return cause;
    return undefined;
  }

  /** A slot is not tried as it is now: why it failed before says nothing any more. Its delays go on. */
  forgetCause(batchUID: string, slot: number): void {
    const known = this.failures.get(batchUID)?.get(slot);
    if (known?.cause !== undefined) this.failures.get(batchUID)?.set(slot, { ...known, cause: undefined });
  }

  forget(batchUID: string): void {
    this.failures.delete(batchUID);
  }
}
