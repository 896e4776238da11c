import { type Claimant, compareClaimants } from './claimant';
import { type Demand, fitsPool } from './demands';

/** What a pool can give to those who wait for it. */
export interface Supply {
  /** Pods that may be given out now. */
  readonly available: number;
  /** Most pods of the pool, `spec.capacitySpec.poolMax`. */
  readonly poolMax: number;
  /** Pods that batches hold which are served before this one. */
  heldBefore(claimant: Claimant): number;
}

/**
 * Pods left for a batch once everybody before it has what is kept for them (R14); 0 or less when there is none.
 *
 * A batch that takes all or nothing keeps pods from those behind it until it has enough, so that it gets its turn. It keeps none when the pool
 * could not hold it beside what batches before it hold: they may hold that for ever, and nobody behind it would be served meanwhile. Those that
 * passed it do not count there, so its turn comes when the ones before it have given back enough.
 *
 * @param line who waits, the first to be served first; may contain the batch itself
 */
export function leftFor(claimant: Claimant, line: readonly Demand[], supply: Supply): number {
  let left = supply.available;
  for (const demand of line) {
    if (left <= 0 || compareClaimants(demand.claimant, claimant) >= 0) break;
    if (demand.claimant.uid !== claimant.uid) left -= keptFor(demand, left, supply);
  }
  return left;
}

/** Batches of the line that would get pods now, the first to be served first. */
export function servable(line: readonly Demand[], supply: Supply): Claimant[] {
  const served: Claimant[] = [];
  let left = supply.available;
  for (const demand of line) {
    if (left <= 0) break;
    if (!demand.claimant.allOrNothing || demand.unmet <= left) served.push(demand.claimant);
    left -= keptFor(demand, left, supply);
  }
  return served;
}

/** Those before a batch in the line for whom pods are kept. */
export function aheadOf(claimant: Claimant, line: readonly Demand[], supply: Supply): Demand[] {
  const ahead: Demand[] = [];
  let left = supply.available;
  for (const demand of line) {
    if (compareClaimants(demand.claimant, claimant) >= 0) break;
    const kept = demand.claimant.uid === claimant.uid ? 0 : keptFor(demand, left, supply);
    if (kept > 0) ahead.push(demand);
    left -= kept;
  }
  return ahead;
}

/** Pods kept for a batch of the line, of those that are left when its turn comes; more than these when it waits for more. */
function keptFor(demand: Demand, left: number, { poolMax, heldBefore }: Supply): number {
  const { claimant, unmet, held } = demand;
  if (!claimant.allOrNothing || unmet <= left) return unmet;
  return fitsPool(demand, poolMax) && heldBefore(claimant) + held + unmet <= poolMax ? unmet : 0;
}
