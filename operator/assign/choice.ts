import { compareText } from '../ready-queue';
import type { PoolOffer, PoolRefusal, PoolRequest } from './offer';
import { unsuitable } from './predicates';
import type { AssignProfile } from './profile';
import { scoreOf } from './score';

/** The Pool that a batch of `poolRef: "*"` gets. */
export interface PoolChoice {
  /** Name of the Pool; absent when none suits. */
  readonly poolName?: string;
  /** Why this one, or why none. */
  readonly message: string;
}

/** Names of Pools that a message lists for one reason. */
const NAMES_SHOWN = 3;

/** Chooses among the Pools of the batch's namespace: of those that suit, the one with the highest score, and of equals the one whose name comes first (R73). */
export function planChoice(request: PoolRequest, pools: readonly (PoolOffer | PoolRefusal)[], profile: AssignProfile): PoolChoice {
  const suitable: { name: string; score: number }[] = [];
  const namesByReason = new Map<string, string[]>();
  for (const pool of [...pools].sort((a, b) => compareText(a.name, b.name))) {
    const reason = 'refusal' in pool ? pool.refusal : unsuitable(request, pool, profile);
    if (reason !== undefined) namesByReason.set(reason, [...(namesByReason.get(reason) ?? []), pool.name]);
    else if (!('refusal' in pool)) suitable.push({ name: pool.name, score: scoreOf(pool, profile) });
  }
  const [best] = suitable.sort((a, b) => b.score - a.score); // stable: equals stay in the order of their names
  if (best !== undefined) return { poolName: best.name, message: `chose Pool '${best.name}', the best of ${suitable.length} that suit` };
  const where = `in namespace '${request.namespace}'`;
  if (pools.length === 0) return { message: `no Pool ${where}` };
  return { message: `no Pool ${where} suits: ${[...namesByReason].map(([reason, names]) => `${listNames(names)} (${reason})`).join('; ')}` };
}

function listNames(names: readonly string[]): string {
  const shown = names.slice(0, NAMES_SHOWN).map((name) => `'${name}'`).join(', ');
  return names.length > NAMES_SHOWN ? `${shown} and ${names.length - NAMES_SHOWN} more` : shown;
}
