import type { Clock } from '../src/program/clock';

/** What a {@link WorkQueue} tells of itself, for metrics. */
export interface WorkQueueHooks {
  /** A key was put in that did not wait already. */
  added?(): void;
  /** Work on a key began, after it waited for `waitedMs`. */
  started?(waitedMs: number): void;
  /** Work on a key ended. */
  finished?(workedMs: number): void;
}

/** What a {@link WorkQueue} needs. */
export interface WorkQueueOptions {
  /** Most keys worked on at once. */
  readonly concurrency: number;
  /** Works on one key; must not throw or reject. */
  readonly work: (key: string) => Promise<void>;
  readonly clock: Clock;
  readonly hooks?: WorkQueueHooks;
}

/**
 * Keys that want work, each at most once.
 *
 *   add ──> waiting ──free slot──> working ──end──> gone
 *             ^                       └──added meanwhile──> waiting
 *             └──time── delayed <── addAfter
 *
 * A key is never worked on twice at once, and adds while it waits are one. Keys start in the order they were added.
 */
export class WorkQueue {
  /** Waiting keys and since when; a Map keeps the order. */
  private readonly waiting = new Map<string, number>();
  private readonly working = new Set<string>();
  /** Keys being worked on that were added again. */
  private readonly again = new Set<string>();
  private readonly delayed = new Map<string, { readonly dueAtMs: number; readonly cancel: () => void }>();
  private state: 'paused' | 'running' | 'closed' = 'paused';
  private starting = false;
  private onIdle: (() => void) | undefined;

  constructor(private readonly options: WorkQueueOptions) {}

  /** Keys that wait; keys that are delayed or worked on do not count. */
  get depth(): number {
    return this.waiting.size;
  }

  /** Keys worked on. */
  get active(): number {
    return this.working.size;
  }

  /** Whether a key is worked on. */
  isActive(key: string): boolean {
    return this.working.has(key);
  }

  /** Begins to work; keys may have been added before. */
  start(): void {
    if (this.state === 'closed') return;
    this.state = 'running';
    this.startSoon();
  }

  /** Asks for work on a key. With a free slot it begins in this turn of the event loop, after the code that runs now. */
  add(key: string): void {
    if (this.state === 'closed') return;
    if (this.working.has(key)) {
      this.again.add(key);
      return;
    }
    if (this.waiting.has(key)) return;
    this.waiting.set(key, this.options.clock.monotonicMs());
    this.options.hooks?.added?.();
    this.startSoon();
  }

  /** Asks for work on a key after `ms`; of several such wishes for one key the earliest counts. */
  addAfter(key: string, ms: number): void {
    if (this.state === 'closed') return;
    // It is as good as begun: whoever wakes all that wait, each time that one of them is served, costs nothing here.
    if (ms <= 0 && this.waiting.has(key)) return;
    const dueAtMs = this.options.clock.monotonicMs() + ms;
    const earlier = this.delayed.get(key);
    if (earlier !== undefined && earlier.dueAtMs <= dueAtMs) return;
    earlier?.cancel();
    const cancel = this.options.clock.setTimer(ms, () => {
      this.delayed.delete(key);
      this.add(key);
    });
    this.delayed.set(key, { dueAtMs, cancel });
  }

  /** Takes back every wish for a key; work under way goes on. For keys that nobody will ever ask about again. */
  forget(key: string): void {
    this.delayed.get(key)?.cancel();
    this.delayed.delete(key);
    this.waiting.delete(key);
    this.again.delete(key);
  }

  /** Forgets all keys and resolves when no work is under way. */
  close(): Promise<void> {
    this.state = 'closed';
    for (const { cancel } of this.delayed.values()) cancel();
    this.delayed.clear();
    this.waiting.clear();
    this.again.clear();
    if (this.working.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.onIdle = resolve;
    });
  }

  /** A microtask, so that all adds of one watch message meet and no timer delays a delivery. */
  private startSoon(): void {
    if (this.starting || this.state !== 'running') return;
    this.starting = true;
    queueMicrotask(() => {
      this.starting = false;
      this.startWaiting();
    });
  }

  private startWaiting(): void {
    for (const [key, sinceMs] of this.waiting) {
      if (this.working.size >= this.options.concurrency) return;
      this.waiting.delete(key);
      this.working.add(key);
      void this.workOn(key, sinceMs);
    }
  }

  private async workOn(key: string, sinceMs: number): Promise<void> {
    const { clock, hooks, work } = this.options;
    const startedAtMs = clock.monotonicMs();
    hooks?.started?.(startedAtMs - sinceMs);
    try {
      await work(key);
    } finally {
      this.working.delete(key);
      hooks?.finished?.(clock.monotonicMs() - startedAtMs);
      if (this.again.delete(key)) this.add(key);
      this.startSoon();
      if (this.working.size === 0) this.onIdle?.();
    }
  }
}
