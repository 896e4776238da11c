import type { Clock } from '../../src/program/clock';
import type { Logger } from '../../src/program/log';
import type { KubeObject } from '../../src/schema/kubernetes';
import type { KubeApi } from './api';
import { isAlreadyExists, isNotFound } from './api-error';
import type { ClosingNamespaces } from './closing-namespaces';
import { type EventEntry, newEntry, placeOf, toEvent, toOccurrence } from './event-entry';
import { type FairBounds, FairQueue } from './fair-queue';
import { RateLimiter } from './rate-limiter';
import { EVENTS } from './resource-types';

/** What an {@link EventRecorder} needs. */
export interface EventRecorderOptions {
  readonly api: KubeApi;
  readonly closingNamespaces: ClosingNamespaces;
  /** Name of the program in the events. */
  readonly component: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Told of every event that was dropped because too many wait. */
  readonly onDropped?: () => void;
  /** Number from 0 up to 1; names of events come from it. @default Math.random */
  readonly random?: () => number;
}

/** Events start out after the writes that they tell of, so that they never delay a delivery. */
const START_DELAY_MS = 250;
/** While the program has other calls under way they wait on, up to so long, looking again so often, in ms: each would take its time from a delivery. */
const LONGEST_WAY_MS = 2_000;
const LOOK_EVERY_MS = 50;
/** Pace: what a burst of changes needs at once, and then no more than a busy cluster can bear. */
const EVENTS_PER_SECOND = 10;
const EVENTS_AT_ONCE = 25;
/** Writes under way, each of another namespace: where the server takes its time, as by a limit or a webhook of the namespace, others go on. */
const SENDERS = 4;
/** More waiting events than these tell nobody anything: the latest of a namespace alone would come 20 s late. */
const WAITING: FairBounds = { perNamespace: 200, total: 1_000 };
/** Sent events that are remembered, so that a repeat raises their count. */
const REMEMBERED: FairBounds = { perNamespace: 1_000, total: 1_000 };

/**
 * Writes Kubernetes Events beside the work: slowly, a few at a time, fairly, and never in its way.
 *
 * The same event of an object again raises its count. What cannot be sent is dropped, and so is what is about a namespace that takes nothing
 * new: an event is news, not a record.
 */
export class EventRecorder {
  private readonly waiting = new FairQueue<EventEntry>(WAITING);
  private readonly remembered = new FairQueue<EventEntry>(REMEMBERED);
  private readonly limiter: RateLimiter;
  /** Begin of the ids of its events, which keeps them apart from those of an earlier process, whose events may still exist. */
  private readonly salt: string;
  private made = 0;
  private readonly stop = new AbortController();
  private isClosing = false;
  /** Since when other calls are under way, by the monotonic clock in ms, as far as a sender that looked now and then has seen. */
  private busySinceMs: number | undefined;
  /** Namespaces whose event is under way. */
  private readonly busy = new Set<string>();
  private readonly isBusy = (namespace: string): boolean => this.busy.has(namespace);
  private senderCount = 0;
  private readonly senders = new Set<Promise<void>>();

  constructor(private readonly options: EventRecorderOptions) {
    this.limiter = new RateLimiter(options.clock, EVENTS_PER_SECOND, EVENTS_AT_ONCE);
    this.salt = toHex((options.random ?? Math.random)() * 2 ** 32);
  }

  /** Queues an event about an object. */
  record(object: KubeObject, type: 'Normal' | 'Warning', reason: string, message: string): void {
    const occurrence = toOccurrence(type, reason, message);
    const place = placeOf(object, occurrence);
    if (this.stop.signal.aborted || this.forgetClosing(place.namespace)) return;
    const now = `${this.options.clock.now().toISOString().slice(0, 19)}Z`;
    const known = this.waiting.get(place) ?? this.remembered.get(place);
    if (known !== undefined) {
      known.lastAt = now;
      known.count += 1;
    }
    this.remembered.remove(place);
    const dropped = this.waiting.put(known ?? newEntry(object, occurrence, this.newId(), now));
    if (dropped > 0) this.options.onDropped?.();
    this.startSender();
  }

  /** Events that wait. */
  get depth(): number {
    return this.waiting.size;
  }

  /** Gives what waits `deadlineMs` to go out, drops the rest and takes no more. */
  async close(deadlineMs: number): Promise<void> {
    this.isClosing = true;
    const cancel = this.options.clock.setTimer(deadlineMs, () => this.stop.abort());
    await Promise.all(this.senders);
    cancel();
    this.stop.abort();
  }

  /** One that was forgotten and happens again is another event: its old name may be taken. */
  private newId(): string {
    this.made += 1;
    return this.salt + toHex(this.made);
  }

  private startSender(): void {
    if (this.senderCount >= SENDERS) return;
    this.senderCount += 1;
    const sender = this.sendWaiting().finally(() => this.senders.delete(sender));
    this.senders.add(sender);
  }

  private async sendWaiting(): Promise<void> {
    const { signal } = this.stop;
    await this.options.clock.sleep(START_DELAY_MS, signal);
    while (!signal.aborted && this.waiting.hasTurn(this.isBusy)) {
      await this.limiter.take(signal);
      await this.giveWay(signal);
      const entry = signal.aborted ? undefined : this.takeNext();
      if (entry === undefined) continue;
      this.busy.add(entry.namespace);
      this.remembered.put(entry);
      await this.send(entry);
      this.busy.delete(entry.namespace);
    }
    // In the same turn as the last look, so that whoever records the next event sees that a sender is wanted.
    this.senderCount -= 1;
    if (this.senderCount === 0) this.busySinceMs = undefined; // nobody looks any more
  }

  /** Waits while calls of others are under way, unless that goes on for long. */
  private async giveWay(signal: AbortSignal): Promise<void> {
    const { api, clock } = this.options;
    while (!this.isClosing && !signal.aborted && api.callsUnderWay > this.busy.size) {
      this.busySinceMs ??= clock.monotonicMs();
      if (clock.monotonicMs() - this.busySinceMs >= LONGEST_WAY_MS) return;
      await clock.sleep(LOOK_EVERY_MS, signal);
    }
    this.busySinceMs = undefined;
  }

  /** The next event of a namespace that takes events. */
  private takeNext(): EventEntry | undefined {
    for (;;) {
      const entry = this.waiting.take(this.isBusy);
      if (entry === undefined || !this.forgetClosing(entry.namespace)) return entry;
    }
  }

  /** Drops what is kept of a namespace that takes nothing new; whether it is one. */
  private forgetClosing(namespace: string): boolean {
    const isClosing = this.options.closingNamespaces.waitMs(namespace) > 0;
    if (isClosing) for (const queue of [this.waiting, this.remembered]) queue.drop(namespace);
    return isClosing;
  }

  private async send(entry: EventEntry): Promise<void> {
    const { api, closingNamespaces, component, log } = this.options;
    const { namespace, name, count, lastAt } = entry;
    const { signal } = this.stop;
    try {
      if (entry.sent) await api.patch(EVENTS, { namespace, name }, 'merge', { count, lastTimestamp: lastAt }, { signal, answer: 'metadata' });
      else await closingNamespaces.create(namespace, () => api.create(EVENTS, toEvent(entry, component), { signal, answer: 'metadata' }));
      entry.sent = true;
    } catch (error) {
      // A create whose answer was lost has been stored; an event that has aged out is made again by its next repeat.
      entry.sent = isAlreadyExists(error) || (entry.sent && !isNotFound(error));
      if (!this.forgetClosing(namespace) && !isAlreadyExists(error) && !isNotFound(error)) log.debug({ err: error, reason: entry.reason }, 'event not written');
    }
  }
}

/** Eight hexadecimal digits. */
function toHex(number: number): string {
  return (number >>> 0).toString(16).padStart(8, '0');
}
