import { usableUntil } from '../lifetimes';
import type { PodFacts } from '../pod-facts';

/** Idle pods of a pool by what is left of their lives. */
export interface Ageing {
  /** Too near to their end to be given out: to be deleted now. */
  readonly spent: readonly PodFacts[];
  /** To be replaced ahead of time, a few at once, as those of an old revision are. */
  readonly ageing: readonly PodFacts[];
  /** In how many ms one of these lists grows by itself; `undefined` when none does. */
  readonly checkInMs: number | undefined;
}

/** Pods are replaced ahead of time within this share of the remaining life that is asked for, so that new ones are Ready when the last old one goes. */
const AHEAD = 0.5;
/** When to look again at the latest, in ms: a timer in Node ends after 24 days, and clocks are set. */
const LONGEST_WAIT_MS = 3_600_000;

/**
 * Sorts idle pods by age.
 *
 *   start ──────────────── ageing: replaced at the pace of an update ──┬── spent: given out no more, deleted at once ──> end
 *                          <───────── half of minRemainingMs ─────────>│<────────────── minRemainingMs ─────────────>
 *
 * @param minRemainingMs what must be left of the life of a pod that is given out
 * @param nowMs time of day, in ms since 1970
 */
export function planAgeing(idle: readonly PodFacts[], minRemainingMs: number, nowMs: number): Ageing {
  const spent: PodFacts[] = [];
  const ageing: PodFacts[] = [];
  let nextAt = Infinity;
  for (const pod of idle) {
    if (pod.deadline === undefined) continue;
    const spentAt = usableUntil(pod, minRemainingMs);
    const ageingAt = spentAt - AHEAD * (pod.deadline.endsAt - spentAt);
    if (nowMs >= spentAt) spent.push(pod);
    else if (nowMs >= ageingAt) ageing.push(pod);
    if (nowMs < spentAt) nextAt = Math.min(nextAt, nowMs < ageingAt ? ageingAt : spentAt);
  }
  return { spent, ageing, checkInMs: nextAt === Infinity ? undefined : Math.min(nextAt - nowMs, LONGEST_WAIT_MS) };
}
