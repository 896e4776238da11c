import { Backoff } from '../src/program/backoff';
import type { Clock } from '../src/program/clock';
import type { Logger } from '../src/program/log';
import { isConflict, isNotFound, isTransient, NotLeadingError } from './kube/api-error';
import { WorkQueue, type WorkQueueHooks } from './work-queue';

/** What an object deleted during its pass gives is over when the cache has seen the delete: so many failures in a row are within 2 s. */
const QUIET_NOT_FOUNDS = 5;

/** What a reconcile asks for when it has done what it can. */
export interface ReconcileResult {
  /** Look at the key again after so many ms. */
  readonly requeueAfterMs?: number;
}

/**
 * Makes the world of one key as its object wants it.
 *
 * It looks at the world, not at what happened: it may be called at any time and twice. Returning is done until something
 * changes; `requeueAfterMs` is again then; a throw is again after a pause that grows with every failure in a row.
 */
export interface Reconciler {
  /** Name in logs and metrics. */
  readonly name: string;
  /** Most keys reconciled at once. */
  readonly concurrency: number;
  /** @param signal aborts when the program stops or may no longer write */
  reconcile(key: string, signal: AbortSignal): Promise<ReconcileResult | void>;
}

/** How a reconcile ended, in the words of the shared dashboards; a conflict is a `requeue`, and so is an object that may be gone. */
export type ReconcileOutcome = 'success' | 'requeue_after' | 'requeue' | 'error';

/** What a {@link Controller} tells of itself, for metrics. */
export interface ControllerHooks extends WorkQueueHooks {
  reconciled?(outcome: ReconcileOutcome, durationMs: number): void;
}

/** What a {@link Controller} needs beside its reconciler. */
export interface ControllerOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** Number from 0 up to 1. @default Math.random */
  readonly random?: () => number;
  readonly hooks?: ControllerHooks;
}

/** Runs a reconciler over a queue of keys. Nothing that a reconcile throws leaves it. */
export class Controller {
  private readonly queue: WorkQueue;
  private readonly backoff: Backoff;
  private readonly log: Logger;
  private readonly stopped = new AbortController();

  constructor(
    private readonly reconciler: Reconciler,
    private readonly options: ControllerOptions,
  ) {
    const { clock, random, hooks, log } = options;
    this.log = log.child({ controller: reconciler.name });
    this.backoff = new Backoff({ random });
    this.queue = new WorkQueue({ concurrency: reconciler.concurrency, work: (key) => this.reconcile(key), clock, hooks });
  }

  /** Keys that wait. */
  get depth(): number {
    return this.queue.depth;
  }

  /** Keys being reconciled. */
  get active(): number {
    return this.queue.active;
  }

  /** Whether a key is being reconciled. */
  isActive(key: string): boolean {
    return this.queue.isActive(key);
  }

  /** Begins to reconcile; keys added before have waited. */
  start(): void {
    this.queue.start();
  }

  /** Asks for a reconcile of the key, in this turn of the event loop when a slot is free. */
  add(key: string): void {
    this.queue.add(key);
  }

  /**
   * Asks for a reconcile of the key after `ms`; the earliest wish counts. While the key fails, no wish comes before its pause is over: a
   * failed pass undoes what it did, and that change would otherwise start the next pass at once.
   */
  addAfter(key: string, ms: number): void {
    this.queue.addAfter(key, Math.max(ms, this.backoff.current(key)));
  }

  /** Drops what is kept of a key whose object is gone: an expiry in an hour, a place in the queue of a process that does not lead. */
  forget(key: string): void {
    this.queue.forget(key);
    this.backoff.reset(key);
  }

  /** Aborts what is under way and resolves when it has ended. */
  async stop(): Promise<void> {
    this.stopped.abort();
    await this.queue.close();
  }

  private async reconcile(key: string): Promise<void> {
    const { clock, hooks } = this.options;
    const startedAtMs = clock.monotonicMs();
    let outcome: ReconcileOutcome;
    try {
      const result = await this.reconciler.reconcile(key, this.stopped.signal);
      this.backoff.reset(key);
      outcome = result?.requeueAfterMs === undefined ? 'success' : 'requeue_after';
      if (result?.requeueAfterMs !== undefined) this.queue.addAfter(key, result.requeueAfterMs);
    } catch (error) {
      outcome = this.retry(key, error);
    }
    hooks?.reconciled?.(outcome, clock.monotonicMs() - startedAtMs);
  }

  private retry(key: string, error: unknown): ReconcileOutcome {
    const retryAfterMs = this.backoff.next(key);
    this.queue.addAfter(key, retryAfterMs);
    const mayBeGone = isNotFound(error) && this.backoff.failures(key) <= QUIET_NOT_FOUNDS;
    const quiet = isConflict(error) || mayBeGone || error instanceof NotLeadingError || this.stopped.signal.aborted;
    const level = quiet ? 'debug' : isTransient(error) || isNotFound(error) ? 'warn' : 'error';
    this.log[level]({ err: error, key, retryAfterMs }, 'reconcile failed');
    return quiet ? 'requeue' : 'error';
  }
}
