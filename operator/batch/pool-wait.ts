import type { BatchSandbox } from '../../src/schema/batch-sandbox';
import { ANY_POOL } from '../../src/schema/names';
import type { Pool } from '../../src/schema/pool';
import { claimantOf } from '../claimant';
import { type Demand, fitsPool } from '../demands';
import type { Ledger } from '../ledger';
import { aheadOf } from '../line';
import { poolSource } from '../pool-source';
import { START_PROBLEM_REASONS } from '../start-problem';
import type { BatchTools } from './batch-tools';
import type { PoolWait } from './status';

/** How long a place in the line may be out of date, in ms: each time that one batch is served, all behind it move up. */
const PLACE_FRESH_MS = 30_000;

/** Reasons of a Pool's `ScaleBlocked` for which nobody gets a pod until somebody mends something. */
const START_FAILURES = [...START_PROBLEM_REASONS, 'CreateFailed', 'QuotaExceeded'] as const;

/** What decides why a batch waits. */
export interface WaitInput {
  readonly batch: BatchSandbox;
  /** The Pool that it names, when there is one. */
  readonly pool: Pool | undefined;
  readonly ledger: Pick<Ledger, 'counts' | 'demands' | 'supply'>;
  readonly choosePool: BatchTools['choosePool'];
  /** Slots without a pod; above 0. */
  readonly unmet: number;
  /** Slots that have one. */
  readonly held: number;
  readonly now: Date;
}

/** Why slots of a batch have no pod: one reason for each thing that somebody can do about it (R15). */
export function explainWait(input: WaitInput): PoolWait {
  const { batch, pool, ledger, unmet, held, now } = input;
  const name = batch.spec.poolRef ?? '';
  if (pool === undefined) {
    return name === ANY_POOL
      ? { reason: 'NoEligiblePool', message: input.choosePool(batch).message }
      : { reason: 'PoolNotFound', message: `no Pool '${name}' in namespace '${batch.metadata.namespace ?? ''}'` };
  }
  const refusal = refusalOf(pool);
  if (refusal !== undefined) return refusal;
  const source = poolSource(pool, now);
  const claimant = claimantOf(batch);
  if (!fitsPool({ claimant, unmet, held }, source.poolMax)) {
    const message = `all ${held + unmet} sandboxes are to be there at once (AllOrNothing), and Pool '${name}' has at most ${source.poolMax} pods; raise its poolMax or lower replicas`;
    return { reason: 'PoolTooSmall', message };
  }
  const block = blockOf(pool);
  if (block !== undefined) return block;
  const { existing, available } = ledger.counts(source.uid);
  const ahead = aheadOf(claimant, ledger.demands.line(source.key), ledger.supply(source));
  const isFull = existing >= source.poolMax;
  if (ahead.length > 0 && !(isFull && available === 0)) return queued(input, ahead);
  const wanted = claimant.allOrNothing && unmet > 1 ? `; ${unmet} are wanted at once (AllOrNothing) and ${available} available` : '';
  return isFull
    ? { reason: 'PoolExhausted', message: `Pool '${name}' has its poolMax of ${source.poolMax} pods and ${wanted === '' ? 'none is available' : `too few are available${wanted}`}` }
    : { reason: 'PoolScaling', message: `Pool '${name}' has ${existing} of at most ${source.poolMax} pods and makes more${wanted}` };
}

/** In how many ms a waiting batch is to be looked at although nothing happens to it: when its place may be out of date. */
export function waitCheckMs(wait: PoolWait | undefined): number | undefined {
  return wait?.reason === 'Queued' ? PLACE_FRESH_MS : undefined;
}

/** Key of the Pool that a batch asks for. */
export function poolKey(batch: BatchSandbox): string {
  return `${batch.metadata.namespace ?? ''}/${batch.spec.poolRef ?? ''}`;
}

/** Why a Pool gives out nothing, whatever it has. */
export function refusalOf(pool: Pool): PoolWait | undefined {
  const { name } = pool.metadata;
  if (pool.metadata.deletionTimestamp !== undefined) return { reason: 'PoolTerminating', message: `Pool '${name}' is being deleted` };
  const accepted = pool.status?.conditions?.find((condition) => condition.type === 'Accepted');
  return accepted?.status === 'False'
    ? { reason: 'PoolNotAccepted', message: `Pool '${name}' is not accepted: ${accepted.message ?? accepted.reason ?? ''}` }
    : undefined;
}

/** Why a Pool makes no pods that anybody could get, as it says itself. */
function blockOf(pool: Pool): PoolWait | undefined {
  const { reason, message } = pool.status?.conditions?.find(({ type }) => type === 'ScaleBlocked') ?? {};
  const known = START_FAILURES.find((failure) => failure === reason);
  return known && { reason: known, message: `Pool '${pool.metadata.name}' makes no pods: ${message ?? known}` };
}

/** The place of a batch in the line. A message that is young enough stays, so that a line of N batches costs far fewer than N writes a step. */
function queued({ batch, now }: WaitInput, ahead: readonly Demand[]): PoolWait {
  const stored = batch.status?.conditions?.find(({ type }) => type === 'PoolAllocationPending');
  const age = now.getTime() - Date.parse(stored?.lastTransitionTime ?? '');
  if (stored?.reason === 'Queued' && stored.message !== undefined && age < PLACE_FRESH_MS) return { reason: 'Queued', message: stored.message };
  const pods = ahead.reduce((sum, { unmet }) => sum + unmet, 0);
  const next = pods === 1 ? 'the next pod goes' : `the next ${pods} pods go`;
  const first = `'${ahead[0]?.claimant.key.split('/').at(-1) ?? ''}'`;
  const whom = ahead.length === 1 ? first : `${ahead.length} batches before it, first to ${first}`;
  return { reason: 'Queued', message: `place ${ahead.length + 1} in the line of Pool '${batch.spec.poolRef ?? ''}': ${next} to ${whom}` };
}
