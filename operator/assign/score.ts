import type { BalanceStrategy, PoolScoreName } from '../../src/schema/assign-profile';
import type { PoolOffer } from './offer';
import type { AssignProfile } from './profile';

const BALANCE: Readonly<Record<BalanceStrategy, (ratio: number) => number>> = {
  LeastAllocated: (ratio) => 1 - ratio,
  MostAllocated: (ratio) => ratio,
};

const SCORES: Readonly<Record<PoolScoreName, (offer: PoolOffer, profile: AssignProfile) => number>> = {
  resbalance: ({ allocated, total }, { strategy }) => (total === 0 ? 0 : BALANCE[strategy](allocated / total)),
};

/** How good a Pool is: the scores of the profile, each from 0 to 1, times their weights (R76). An empty Pool has 0, whatever the strategy. */
export function scoreOf(offer: PoolOffer, profile: AssignProfile): number {
  return profile.scores.reduce((sum, { name, weight }) => sum + weight * SCORES[name](offer, profile), 0);
}
