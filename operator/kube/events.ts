import { createHash } from 'node:crypto';
import type { Clock } from '../../src/program/clock';
import type { Logger } from '../../src/program/log';
import type { KubeObject } from '../../src/schema/kubernetes';
import type { KubeApi } from './api';
import { isAlreadyExists, isNotFound } from './api-error';
import type { KubeEvent } from './event-object';
import { RateLimiter } from './rate-limiter';
import { EVENTS } from './resource-types';

/** What an {@link EventRecorder} needs. */
export interface EventRecorderOptions {
  readonly api: KubeApi;
  /** Name of the program in the events. */
  readonly component: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Told of every event that was dropped because too many wait. */
  readonly onDropped?: () => void;
  /** Number from 0 up to 1; names of events come from it. @default Math.random */
  readonly random?: () => number;
}

/** One event and its repeats. */
interface Entry {
  /** What the event is about: a reference, since an object may be large and many events are remembered. */
  readonly involved: KubeEvent['involvedObject'];
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
  readonly name: string;
  readonly firstAt: string;
  lastAt: string;
  count: number;
  /** The server has the event. */
  sent: boolean;
}

/** Events start out after the writes that they tell of, so that they never delay a delivery. */
const START_DELAY_MS = 250;
/** Pace: what a burst of changes needs at once, and then no more than a busy cluster can bear. */
const EVENTS_PER_SECOND = 10;
const EVENTS_AT_ONCE = 25;
/** More than this many waiting events tell nobody anything; the oldest go. */
const MAX_WAITING = 1_000;
/** Sent events that are remembered, so that a repeat raises their count. */
const MAX_REMEMBERED = 1_000;
/** Longest message that the API server takes, in characters. */
const MAX_MESSAGE = 1_024;

/**
 * Writes Kubernetes Events beside the work: slowly, one at a time, and never in its way.
 *
 * The same event of an object again raises its count. What cannot be sent is dropped: an event is news, not a record.
 */
export class EventRecorder {
  /** Events to send, in order; a Map finds repeats. */
  private readonly waiting = new Map<string, Entry>();
  private readonly remembered = new Map<string, Entry>();
  private readonly limiter: RateLimiter;
  /** Keeps names apart from those of an earlier process, whose events may still exist. */
  private readonly salt: number;
  private readonly stop = new AbortController();
  private sending: Promise<void> | undefined;

  constructor(private readonly options: EventRecorderOptions) {
    this.limiter = new RateLimiter(options.clock, EVENTS_PER_SECOND, EVENTS_AT_ONCE);
    this.salt = (options.random ?? Math.random)();
  }

  /** Queues an event about an object. */
  record(object: KubeObject, type: 'Normal' | 'Warning', reason: string, message: string): void {
    if (this.stop.signal.aborted) return;
    const now = `${this.options.clock.now().toISOString().slice(0, 19)}Z`;
    const text = message.slice(0, MAX_MESSAGE);
    const { apiVersion = '', kind = '', metadata } = object;
    const { namespace = 'default', name, uid, resourceVersion } = metadata;
    const key = createHash('sha256')
      .update([this.salt, uid ?? name, type, reason, text].join('\0'))
      .digest('hex')
      .slice(0, 16);
    const entry = this.waiting.get(key) ?? this.remembered.get(key);
    if (entry === undefined) {
      this.waiting.set(key, {
        involved: { apiVersion, kind, namespace, name, uid, resourceVersion },
        type,
        reason,
        message: text,
        name: `${name}.${key}`,
        firstAt: now,
        lastAt: now,
        count: 1,
        sent: false,
      });
    } else {
      entry.lastAt = now;
      entry.count += 1;
      this.waiting.set(key, entry);
    }
    if (dropOldest(this.waiting, MAX_WAITING)) this.options.onDropped?.();
    this.sending ??= this.sendWaiting().finally(() => {
      this.sending = undefined;
    });
  }

  /** Events that wait. */
  get depth(): number {
    return this.waiting.size;
  }

  /** Gives what waits `deadlineMs` to go out, drops the rest and takes no more. */
  async close(deadlineMs: number): Promise<void> {
    const cancel = this.options.clock.setTimer(deadlineMs, () => this.stop.abort());
    await this.sending;
    cancel();
    this.stop.abort();
  }

  private async sendWaiting(): Promise<void> {
    const { clock } = this.options;
    await clock.sleep(START_DELAY_MS, this.stop.signal);
    for (;;) {
      await this.limiter.take(this.stop.signal);
      const [next] = this.waiting;
      if (next === undefined || this.stop.signal.aborted) return;
      const [key, entry] = next;
      this.waiting.delete(key);
      this.remembered.delete(key);
      this.remembered.set(key, entry);
      dropOldest(this.remembered, MAX_REMEMBERED);
      await this.send(entry);
    }
  }

  private async send(entry: Entry): Promise<void> {
    const { api, log } = this.options;
    const { namespace } = entry.involved;
    const { signal } = this.stop;
    try {
      if (entry.sent) {
        const patch = { count: entry.count, lastTimestamp: entry.lastAt };
        await api.patch(EVENTS, { namespace, name: entry.name }, 'merge', patch, { signal });
      } else {
        await api.create(EVENTS, this.toEvent(entry), { signal });
      }
      entry.sent = true;
    } catch (error) {
      // A create whose answer was lost has been stored; an event that has aged out is made again by its next repeat.
      entry.sent = isAlreadyExists(error);
      if (!isAlreadyExists(error) && !isNotFound(error)) log.debug({ err: error, reason: entry.reason }, 'event not written');
    }
  }

  private toEvent(entry: Entry): KubeEvent {
    return {
      metadata: { name: entry.name, namespace: entry.involved.namespace },
      involvedObject: entry.involved,
      type: entry.type,
      reason: entry.reason,
      message: entry.message,
      source: { component: this.options.component },
      count: entry.count,
      firstTimestamp: entry.firstAt,
      lastTimestamp: entry.lastAt,
    };
  }
}

/** Drops the first entry of a map that holds more than `max`; whether it did. */
function dropOldest(map: Map<string, unknown>, max: number): boolean {
  if (map.size <= max) return false;
  for (const key of map.keys()) {
    map.delete(key);
    break;
  }
  return true;
}
