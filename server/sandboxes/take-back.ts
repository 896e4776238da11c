import type { BatchSandbox } from '../../src/schema/batch-sandbox';
import { Annotation } from '../../src/schema/names';
import { addressOf } from './state';

/** How long a sandbox of an idempotency key is kept for a repeat after its create was not ready in time, in ms. */
const KEYED_GRACE_MS = 60_000;
/** What a create may need after its wait, in ms: the longest that a write takes, which confirms or deletes. Its wait ends no later than it would if the write had begun it. */
const SLACK_MS = 10_000;

/** When servers take a sandbox back. */
export interface TakeBack {
  readonly at: Date;
  /** Unless it has an address by then, or unless its create has been answered. */
  readonly unless: 'delivered' | 'confirmed';
}

/** What a take-back is planned from. */
export interface TakeBackContext {
  readonly now: Date;
  /** Longest wait of a create, in ms. */
  readonly readyMs: number;
  readonly isPooled: boolean;
  readonly hasEnd: boolean;
  readonly hasKey: boolean;
  /** Its answer does not wait for a delivery, and so promises none. */
  readonly isAsync: boolean;
}

/**
 * What keeps a sandbox from staying when its server dies before the answer; pure.
 *
 * A second write, before the answer, confirms what could otherwise stay for ever, or for longer than its create has promised. A pooled sandbox that ends
 * by itself is one write (L23), and goes unless it is delivered.
 *
 * @returns undefined for one that stays until its end
 */
export function planTakeBack({ now, readyMs, isPooled, hasEnd, hasKey, isAsync }: TakeBackContext): TakeBack | undefined {
  const at = new Date(now.getTime() + readyMs + SLACK_MS + (hasKey ? KEYED_GRACE_MS : 0));
  if (!isPooled || !hasEnd || hasKey) return { at, unless: 'confirmed' };
  return isAsync ? undefined : { at, unless: 'delivered' };
}

/** Whether nobody has been told of a sandbox whose create confirms it; pure. */
export function isUnconfirmed({ metadata: { annotations } }: BatchSandbox): boolean {
  return annotations?.[Annotation.confirmBy] !== undefined;
}

/** Whether a sandbox is one that nobody has been told of, and its time is over; pure. */
export function isAbandoned(batch: BatchSandbox, now: Date): boolean {
  const { annotations = {}, deletionTimestamp } = batch.metadata;
  if (deletionTimestamp !== undefined) return false;
  const isOver = (time: string | undefined) => time !== undefined && Date.parse(time) <= now.getTime();
  return isOver(annotations[Annotation.confirmBy]) || (isOver(annotations[Annotation.deliverBy]) && addressOf(batch) === undefined && annotations[Annotation.endpoints] === undefined);
}
