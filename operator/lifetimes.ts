import type { PodFacts } from './pod-facts';

/**
 * Until when a pod may be given out, in ms since 1970: so long that `minRemainingMs` of its life are left; Infinity for one without an end.
 *
 * Half of its life counts at most, so that a pod is of use at all whatever its pool asks for.
 */
export function usableUntil({ deadline }: PodFacts, minRemainingMs: number): number {
  return deadline === undefined ? Infinity : deadline.endsAt - Math.min(minRemainingMs, deadline.lifeMs / 2);
}

/** Which idle pods of a pool are too near to their end to be given out; asking costs nothing until the next of them is. */
export class Lifetimes {
  /** Pods that have an end. */
  private readonly pods = new Map<string, PodFacts>();
  private readonly spent = new Set<string>();
  private minRemainingMs = 0;
  private nowMs = 0;
  /** No pod that is not spent becomes so before, in ms since 1970. */
  private quietUntil = Infinity;

  /** Records an idle pod; one that is no longer idle, or gone, is told by `undefined`. */
  set(uid: string, facts: PodFacts | undefined): void {
    this.spent.delete(uid);
    if (facts?.deadline === undefined) {
      this.pods.delete(uid);
      return;
    }
    this.pods.set(uid, facts);
    const until = usableUntil(facts, this.minRemainingMs);
    if (until <= this.nowMs) this.spent.add(uid);
    else this.quietUntil = Math.min(this.quietUntil, until);
  }

  /** Whether an idle pod is too near to its end. */
  isSpent(uid: string): boolean {
    return this.spent.has(uid);
  }

  /** Idle pods that have an end. */
  all(): PodFacts[] {
    return [...this.pods.values()];
  }

  /** Names the time and what must be left of a life, in ms; returns the pods of which {@link isSpent} now says something else. */
  advance(nowMs: number, minRemainingMs: number): PodFacts[] {
    const isQuiet = minRemainingMs === this.minRemainingMs && nowMs >= this.nowMs && nowMs < this.quietUntil;
    this.nowMs = nowMs;
    this.minRemainingMs = minRemainingMs;
    return isQuiet ? [] : this.lookAtAll();
  }

  private lookAtAll(): PodFacts[] {
    const changed: PodFacts[] = [];
    this.quietUntil = Infinity;
    for (const [uid, facts] of this.pods) {
      const until = usableUntil(facts, this.minRemainingMs);
      const isSpent = until <= this.nowMs;
      if (!isSpent) this.quietUntil = Math.min(this.quietUntil, until);
      if (isSpent === this.spent.has(uid)) continue;
      if (isSpent) this.spent.add(uid);
      else this.spent.delete(uid);
      changed.push(facts);
    }
    return changed;
  }
}
