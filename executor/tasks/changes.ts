import { randomBytes } from 'node:crypto';

/** Counts visible changes and wakes whoever waits for the next one. */
export class Changes {
  /** Differs between servers, so that a revision of an earlier one is never current. */
  private readonly epoch = randomBytes(6).toString('hex');
  private count = 0;
  private readonly closing = new AbortController();
  private waiters = new Set<() => void>();

  /** Opaque; differs after every {@link announce}. */
  get revision(): string {
    return `${this.epoch}-${this.count}`;
  }

  /** Aborts when the server ends, and with it every wait. */
  get closed(): AbortSignal {
    return this.closing.signal;
  }

  announce(): void {
    this.count += 1;
    this.wakeAll();
  }

  /** Resolves at once when `seen` is not current; else at the next change, after `waitMs`, or at the end of request or server. */
  async wait(seen: string, waitMs: number, signal: AbortSignal): Promise<void> {
    if (seen !== this.revision || this.closed.aborted || signal.aborted || waitMs <= 0) {
      return;
    }
    await new Promise<void>((resolve) => {
      const end = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', end);
        this.waiters.delete(end);
        resolve();
      };
      const timer = setTimeout(end, waitMs);
      signal.addEventListener('abort', end);
      this.waiters.add(end);
    });
  }

  /** Ends all waits, now and later. */
  close(): void {
    this.closing.abort();
    this.wakeAll();
  }

  private wakeAll(): void {
    [...this.waiters].forEach((wake) => wake());
  }
}
