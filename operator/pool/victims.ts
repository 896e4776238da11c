import type { PodFacts } from '../pod-facts';
import { compareText } from '../ready-queue';

/** The idle pods to delete when a pool shrinks: not Ready ones first, then old revisions, then the newest (R62). */
export function planVictims(idle: readonly PodFacts[], count: number, revision: string): PodFacts[] {
  return [...idle]
    .sort(
      (a, b) =>
        Number(a.ready) - Number(b.ready) ||
        Number(a.revision === revision) - Number(b.revision === revision) ||
        compareText(b.createdAt, a.createdAt) ||
        compareText(b.name, a.name),
    )
    .slice(0, count);
}
