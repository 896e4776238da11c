import { Backoff } from '../../src/program/backoff';
import type { Clock } from '../../src/program/clock';
import type { Logger } from '../../src/program/log';
import type { KubeObject } from '../../src/schema/kubernetes';
import type { KubeApi } from './api';
import { ApiError, isGone, TransportError } from './api-error';
import type { ListToken } from './cache';
import type { ResourceType } from './resource-types';
import { BadWatchLineError, type WatchEvent, WatchEventReader } from './watch-events';

/** Where a reflector puts what it learns. */
export interface ReflectorSink<T> {
  beginList(consistent: boolean): ListToken;
  /** Cuts an object of a list down to what is stored. */
  trim(object: T): T;
  replace(token: ListToken, items: readonly T[], namespace?: string): void;
  apply(type: 'ADDED' | 'MODIFIED' | 'DELETED', object: T): void;
}

/** What a {@link Reflector} needs. */
export interface ReflectorOptions<T extends KubeObject> {
  readonly api: KubeApi;
  readonly type: ResourceType<T>;
  /** Absent means all namespaces. */
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly sink: ReflectorSink<T>;
  readonly clock: Clock;
  readonly log: Logger;
  /** Number from 0 up to 1. @default Math.random */
  readonly random?: () => number;
  /** The first list, too, shows the state of now instead of what the server has in memory. @default false */
  readonly consistent?: boolean;
  /** Longest time between two complete lists, in ms; 10 min is the most. @default - 10 min */
  readonly relistMs?: number;
}

/** Objects a page: some 3 MiB of pods, which take about 20 ms to parse. */
const PAGE_SIZE = 500;
/** The server ends a watch after this many seconds, so that watches spread over replicas of it. */
const WATCH_SECONDS = { min: 300, max: 600 };
/** Bookmarks come about once a minute; without any byte for three the connection is dead. */
const IDLE_MS = 180_000;
/** A complete list as safety net, shortened at random by up to a tenth. */
const RELIST_MS = 600_000;
/** A watch that ends sooner counts as a failure, or we would call without pause. */
const SHORT_WATCH_MS = 1_000;

/**
 * Keeps a sink equal to one kind of objects at the API server, for ever.
 *
 *   list ──complete──> watch ──end, error, silence──> watch again from the last version seen
 *     ^                  │
 *     └──410, ten minutes or `relistMs`, relist(), two bad lines in a row
 *
 * Failures wait (jittered, at most 30 s, or as long as the server asks) and keep what the sink has.
 */
export class Reflector<T extends KubeObject> {
  private readonly random: () => number;
  private readonly backoff: Backoff;
  /** Version to watch from; absent: list first. */
  private version: string | undefined;
  private listedOnce = false;
  private relistAtMs = 0;
  private heardAtMs: number;
  private badLines = 0;
  /** The failure before was an expired version as well. */
  private wasGone = false;
  private waiting: (() => void)[] = [];
  /** Ends the watch or the pause under way. */
  private interrupt = new AbortController();

  constructor(private readonly options: ReflectorOptions<T>) {
    this.random = options.random ?? Math.random;
    this.backoff = new Backoff({ minMs: 100, maxMs: 30_000, random: this.random });
    this.heardAtMs = options.clock.monotonicMs();
  }

  /** Ms since the server was last heard of: a list, an event, a bookmark or the start of a watch. */
  ageMs(): number {
    return this.options.clock.monotonicMs() - this.heardAtMs;
  }

  /** Lists anew with the state of now; resolves when the sink has it. */
  relist(): Promise<void> {
    this.version = undefined;
    this.interrupt.abort();
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  /** Works until the signal aborts; called once. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.interrupt = new AbortController();
      const either = AbortSignal.any([signal, this.interrupt.signal]);
      try {
        if (this.version === undefined || this.options.clock.monotonicMs() >= this.relistAtMs) await this.list(signal);
        if (this.version !== undefined) await this.watch(this.version, either);
      } catch (error) {
        if (!either.aborted) await this.pauseAfter(error, either);
      }
    }
  }

  private async list(signal: AbortSignal): Promise<void> {
    const { sink, namespace } = this.options;
    const waiting = this.waiting;
    this.waiting = [];
    try {
      const consistent = this.listedOnce || waiting.length > 0 || this.options.consistent === true;
      const token = sink.beginList(consistent);
      const { items, version } = await this.listPages(consistent, signal);
      sink.replace(token, items, namespace);
      // A relist that was asked for meanwhile needs a list of its own.
      this.version = this.waiting.length > 0 ? undefined : version;
      this.listedOnce = true;
      const relistMs = Math.min(this.options.relistMs ?? RELIST_MS, RELIST_MS);
      this.relistAtMs = this.options.clock.monotonicMs() + relistMs * (1 - this.random() / 10);
      waiting.forEach((resolve) => resolve());
    } catch (error) {
      this.waiting.push(...waiting);
      throw error;
    }
  }

  private async listPages(consistent: boolean, signal: AbortSignal): Promise<{ items: T[]; version: string }> {
    const { api, type, namespace, labelSelector, fieldSelector, sink } = this.options;
    let limit: number | undefined = PAGE_SIZE;
    for (;;) {
      const items: T[] = [];
      let token: string | undefined;
      try {
        for (;;) {
          const resourceVersion = consistent || token !== undefined ? undefined : '0';
          const page = await api.list(type, { namespace, labelSelector, fieldSelector, limit, continue: token, resourceVersion }, { signal });
          this.hear();
          for (const item of page.items) items.push(sink.trim(item));
          token = page.metadata.continue === '' ? undefined : page.metadata.continue;
          if (token === undefined) return { items, version: page.metadata.resourceVersion };
        }
      } catch (error) {
        // The token has expired half-way: begin again, in one piece, since pages were too slow for this server.
        if (!isGone(error) || token === undefined) throw error;
        limit = undefined;
      }
    }
  }

  private async watch(version: string, signal: AbortSignal): Promise<void> {
    const { api, type, namespace, labelSelector, fieldSelector, clock } = this.options;
    const silence = new AbortController();
    const reader = new WatchEventReader<T>((event) => this.take(event));
    const startedAtMs = clock.monotonicMs();
    let heardAtMs = startedAtMs;
    const stopGuard = every(clock, IDLE_MS / 6, () => {
      if (clock.monotonicMs() - heardAtMs >= IDLE_MS) silence.abort(new TransportError(`watch: expected a bookmark within ${IDLE_MS} ms, got nothing`));
    });
    const { min, max } = WATCH_SECONDS;
    const untilRelist = Math.ceil((this.relistAtMs - startedAtMs) / 1000);
    const timeoutSeconds = Math.max(1, Math.min(Math.round(min + this.random() * (max - min)), untilRelist));
    try {
      await api.watch(type, { namespace, labelSelector, fieldSelector, resourceVersion: version, timeoutSeconds }, AbortSignal.any([signal, silence.signal]), {
        onOpen: () => this.hear(),
        onData: (chunk) => {
          heardAtMs = clock.monotonicMs();
          reader.push(chunk);
        },
      });
    } finally {
      stopGuard();
    }
    if (clock.monotonicMs() - startedAtMs < SHORT_WATCH_MS) throw new TransportError(`watch: ended within ${SHORT_WATCH_MS} ms`);
    this.backoff.reset('');
  }

  private take(event: WatchEvent<T>): void {
    if (event.type !== 'BOOKMARK') this.options.sink.apply(event.type, event.object);
    // After the sink has it: a resumed watch must repeat what was not stored. A relist that was asked for stays asked for.
    if (this.version !== undefined) this.version = event.version;
    this.badLines = 0;
    this.backoff.reset('');
    this.hear();
  }

  private async pauseAfter(error: unknown, signal: AbortSignal): Promise<void> {
    const { log, clock, type, namespace } = this.options;
    // A server that has been away knows no old version when it is back: that it says so ends the failures of before.
    if (isGone(error) && !this.wasGone) this.backoff.reset('');
    this.wasGone = isGone(error);
    const first = this.backoff.failures('') === 0;
    let waitMs = this.backoff.next('');
    if (error instanceof BadWatchLineError) this.badLines += 1;
    if (isGone(error) || this.badLines >= 2) {
      this.version = undefined;
      this.badLines = 0;
      if (first) waitMs = 0;
    }
    if (error instanceof ApiError && error.retryAfterMs !== undefined) waitMs += error.retryAfterMs;
    // The first failure in a row is everyday life of a watch.
    log[first ? 'debug' : 'warn']({ err: error, kind: type.kind, namespace, waitMs }, 'list or watch failed');
    await clock.sleep(waitMs, signal);
  }

  private hear(): void {
    this.heardAtMs = this.options.clock.monotonicMs();
  }
}

/** Calls `check` every `ms` until the returned function is called. */
function every(clock: Clock, ms: number, check: () => void): () => void {
  let cancel: () => void;
  const arm = () => {
    cancel = clock.setTimer(ms, () => {
      arm();
      check();
    });
  };
  arm();
  return () => cancel();
}
