/** First delay of a slot, in ms; it doubles with every failure in a row. */
const FIRST_DELAY_MS = 1_000;

interface Failure {
  readonly count: number;
  readonly retryAtMs: number;
}

/** Delays of slots whose pods cannot be made or do not last, each for itself (R6, R113). Times are of the monotonic clock, in ms. */
export class SlotBackoff {
  private readonly failures = new Map<string, Map<number, Failure>>();

  /** A slot failed once more; its next try comes 1 s later, doubling up to `longestMs`. One that had long been well starts anew. */
  fail(batchUID: string, slot: number, nowMs: number, longestMs: number): void {
    const slots = this.failures.get(batchUID) ?? new Map<number, Failure>();
    const known = slots.get(slot);
    const count = known === undefined || nowMs - known.retryAtMs > longestMs ? 1 : known.count + 1;
    slots.set(slot, { count, retryAtMs: nowMs + Math.min(FIRST_DELAY_MS * 2 ** (count - 1), longestMs) });
    this.failures.set(batchUID, slots);
  }

  /** How long a slot still waits, in ms; 0 when it may be tried. */
  waitMs(batchUID: string, slot: number, nowMs: number): number {
    return Math.max(0, (this.failures.get(batchUID)?.get(slot)?.retryAtMs ?? 0) - nowMs);
  }

  forget(batchUID: string): void {
    this.failures.delete(batchUID);
  }
}
