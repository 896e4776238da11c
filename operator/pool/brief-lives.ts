import type { PodFacts } from '../pod-facts';
import type { StartProblem } from '../start-problem';

/** So many pods in a row that did not last make the pool wait: fewer may be people or nodes that end them. */
const ENOUGH = 3;
/** First and longest pause before pods are made again, in ms; it doubles with every wave of pods that do not last. */
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;
/** After so long without one, in ms, everything starts anew. */
const QUIET_MS = 60_000;
/** A pause that is as long, in ms, is worth a condition: by then it has happened for several times. */
const TOLD_FROM_MS = 8_000;

/** What is remembered of pods of one pool that ended by themselves soon after they were Ready; times are of the monotonic clock, in ms. */
export interface BriefLives {
  /** How many in a row. */
  readonly count: number;
  /** Name and phase of the last one. */
  readonly last: string;
  readonly lastAtMs: number;
  /** The last pause; 0 before the first one. */
  readonly pauseMs: number;
  /** No pod is made before. */
  readonly resumeAtMs: number;
}

/**
 * Counts pods that did not last, and has the pool wait before it makes others: a command that ends at once would otherwise have it make and
 * delete pods as fast as the API server can. They have started, so this is no matter of the breaker.
 */
export function noteBriefLives(known: BriefLives | undefined, ended: readonly PodFacts[], nowMs: number): BriefLives | undefined {
  const before = known === undefined || isOver(known, nowMs) ? undefined : known;
  const last = ended.at(-1);
  if (last === undefined) return before;
  const { count: counted = 0, pauseMs = 0, resumeAtMs = nowMs } = before ?? {};
  const noted = { count: counted + ended.length, last: `pod '${last.name}' ended in phase ${last.phase}`, lastAtMs: nowMs };
  if (noted.count < ENOUGH || nowMs < resumeAtMs) return { ...noted, pauseMs, resumeAtMs };
  const nextMs = pauseMs === 0 ? FIRST_PAUSE_MS : Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
  return { ...noted, pauseMs: nextMs, resumeAtMs: nowMs + nextMs };
}

/** Whether no pods are to be made now. */
export function isPaused(lives: BriefLives | undefined, nowMs: number): boolean {
  return lives !== undefined && nowMs < lives.resumeAtMs;
}

/** What a pool says of it; `undefined` while it is not worth saying. */
export function describeBriefLives(lives: BriefLives | undefined): StartProblem | undefined {
  if (lives === undefined || lives.pauseMs < TOLD_FROM_MS) return undefined;
  return { reason: 'PodsFailing', message: `${lives.last} within 30 s after it was Ready, as did others before it` };
}

function isOver({ lastAtMs, resumeAtMs }: BriefLives, nowMs: number): boolean {
  return nowMs - Math.max(lastAtMs, resumeAtMs) > QUIET_MS;
}
