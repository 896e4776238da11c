import type { KubeObject } from '../../src/schema/kubernetes';
import type { EventSubject, KubeEvent } from './event-object';
import type { Place } from './fair-queue';

/** Longest message that the API server takes, in characters. */
const MAX_MESSAGE = 1_024;

/** What happened to an object. */
export interface Occurrence {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}

/** One event and its repeats. */
export interface EventEntry extends Place, Occurrence {
  /** What the event is about: a reference, since an object may be large and many events are remembered. */
  readonly involved: EventSubject;
  /** Name of the event on the server. */
  readonly name: string;
  readonly firstAt: string;
  lastAt: string;
  count: number;
  /** The server has the event. */
  sent: boolean;
}

/** What happened, cut to what an event can say. */
export function toOccurrence(type: 'Normal' | 'Warning', reason: string, message: string): Occurrence {
  return { type, reason, message: message.slice(0, MAX_MESSAGE) };
}

/** Where all repeats of an event of an object meet. */
export function placeOf({ metadata: { namespace = 'default', name, uid = name } }: KubeObject, { type, reason, message }: Occurrence): Place {
  return { namespace, object: uid, key: [type, reason, message].join('\0') };
}

/**
 * An event that has happened for the first time, as far as is remembered.
 *
 * @param id what tells its name from those of all other events of the object
 * @param at time of day, in RFC 3339
 */
export function newEntry({ apiVersion = '', kind = '', metadata }: KubeObject, occurrence: Occurrence, id: string, at: string): EventEntry {
  const { name, uid, resourceVersion } = metadata;
  const place = placeOf({ apiVersion, kind, metadata }, occurrence);
  const involved = { apiVersion, kind, namespace: place.namespace, name, uid, resourceVersion };
  return { ...place, ...occurrence, involved, name: `${name}.${id}`, firstAt: at, lastAt: at, count: 1, sent: false };
}

/** The event as the server is to have it. */
export function toEvent({ involved, type, reason, message, name, count, firstAt, lastAt }: EventEntry, component: string): KubeEvent {
  return {
    metadata: { name, namespace: involved.namespace },
    involvedObject: involved,
    type,
    reason,
    message,
    source: { component },
    count,
    firstTimestamp: firstAt,
    lastTimestamp: lastAt,
  };
}
