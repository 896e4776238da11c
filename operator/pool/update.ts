import type { PodFacts } from '../pod-facts';
import { compareText } from '../ready-queue';
import { DEFAULT_MAX_UNAVAILABLE, resolveCount } from './scale';

/** What decides which idle pods of an old revision are replaced now. */
export interface UpdateInput {
  /** Idle pods of other revisions than the current one, and those that are near to their end. */
  readonly outdated: readonly PodFacts[];
  /** `updateStrategy.maxUnavailable`: pods, or a percentage of the live ones. */
  readonly maxUnavailable: number | string | undefined;
  /** S: live pods of the pool. */
  readonly live: number;
  /** Live idle pods that are not Ready, of any revision. */
  readonly idleNotReady: number;
  /** Pods that the pool still has to make: as unavailable as those that are not Ready yet. */
  readonly missing: number;
  /** Most Ready pods to give up whatever the budget: few or none while pods of the current revision do not start. */
  readonly limit: number;
}

/** Order of phases in a wave: what runs has the most to lose. */
const PHASE_ORDER: Readonly<Record<PodFacts['phase'], number>> = { Pending: 0, Unknown: 1, Running: 2, Succeeded: 3, Failed: 3 };

/**
 * The idle pods to replace in this wave of a rolling update, first ones first (R67 to R69): those that are not Ready in any case, Ready ones
 * as far as `maxUnavailable` allows.
 */
export function planUpdate({ outdated, maxUnavailable, live, idleNotReady, missing, limit }: UpdateInput): PodFacts[] {
  if (outdated.length === 0) return [];
  const most = Math.max(1, resolveCount(maxUnavailable ?? DEFAULT_MAX_UNAVAILABLE, live));
  const budget = Math.min(limit, Math.max(0, most - idleNotReady - missing));
  const ready = outdated.filter((pod) => pod.ready);
  return [
    ...outdated.filter((pod) => !pod.ready).sort(compareForUpdate),
    ...(budget === 0 ? [] : ready.sort(compareForUpdate).slice(0, budget)),
  ];
}

/** Order within a wave (R69). */
function compareForUpdate(a: PodFacts, b: PodFacts): number {
  return (
    Number(a.placed) - Number(b.placed) ||
    PHASE_ORDER[a.phase] - PHASE_ORDER[b.phase] ||
    Number(a.ready) - Number(b.ready) ||
    compareText(a.readySince, b.readySince) ||
    b.restarts - a.restarts ||
    compareText(b.createdAt, a.createdAt) ||
    compareText(a.name, b.name)
  );
}
