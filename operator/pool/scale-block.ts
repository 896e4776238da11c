import type { Pool } from '../../src/schema/pool';
import type { StartProblem } from '../start-problem';
import type { ScaleBlock } from './status';

/** How long growth must be held back before it is worth a condition, in ms (R65). */
const BLOCKED_AFTER_MS = 30_000;

/** What holds the growth of a pool back in one pass. */
export interface Hindrance {
  readonly reason: 'NotReadyPods' | 'PoolMax' | 'CreateFailed' | 'QuotaExceeded';
  /** The cause in the words of whoever found it; absent when there are none. */
  readonly cause?: string;
}

/** Says why pools do not grow: wrong bounds, an open breaker and a quota at once, what may pass by itself once it has lasted (R61, R65). */
export class ScaleBlocks {
  /** Pool UID -> since when growth is held back, by the monotonic clock in ms, and by what. */
  private readonly sinceByPool = new Map<string, { readonly reason: Hindrance['reason']; readonly sinceMs: number }>();

  /** Condition `ScaleBlocked` of a pool after a pass; `undefined` when it grows as it should. */
  explain(pool: Pool, open: StartProblem | undefined, hindrance: Hindrance | undefined, nowMs: number): ScaleBlock | undefined {
    const lasting = this.note(pool.metadata.uid ?? '', hindrance, nowMs) ? hindrance : undefined;
    const wrong = wrongBounds(pool);
    if (wrong !== undefined) return { reason: 'InvalidCapacity', message: wrong };
    if (open !== undefined) return { reason: open.reason, message: open.message };
    return lasting && { reason: lasting.reason, message: sentence(lasting, pool.spec.capacitySpec.poolMax) };
  }

  /** Whether the growth of a pool is held back, for however short a time. */
  has(poolUID: string): boolean {
    return this.sinceByPool.has(poolUID);
  }

  forget(poolUID: string): void {
    this.sinceByPool.delete(poolUID);
  }

  private note(uid: string, hindrance: Hindrance | undefined, nowMs: number): boolean {
    if (hindrance === undefined) {
      this.sinceByPool.delete(uid);
      return false;
    }
    const known = this.sinceByPool.get(uid);
    const since = known?.reason === hindrance.reason ? known : { reason: hindrance.reason, sinceMs: nowMs };
    this.sinceByPool.set(uid, since);
    // Who waits for its pods is to know: nobody but a person raises a quota (ADR 0027).
    return hindrance.reason === 'QuotaExceeded' || nowMs - since.sinceMs >= BLOCKED_AFTER_MS;
  }
}

function wrongBounds({ spec }: Pool): string | undefined {
  const { bufferMin, bufferMax, poolMin, poolMax } = spec.capacitySpec;
  if (bufferMin > bufferMax) return `spec.capacitySpec.bufferMin: expected at most bufferMax (${bufferMax}), got ${bufferMin}`;
  if (poolMin > poolMax) return `spec.capacitySpec.poolMin: expected at most poolMax (${poolMax}), got ${poolMin}`;
  return undefined;
}

function sentence({ reason, cause }: Hindrance, poolMax: number): string {
  const sentences: Record<Hindrance['reason'], string> = {
    NotReadyPods: cause === undefined ? 'new pods do not become Ready; look at them with kubectl describe pod' : `new pods do not become Ready: ${cause}`,
    PoolMax: `batches wait for pods and the pool has its poolMax of ${poolMax}`,
    CreateFailed: cause ?? 'the API server refuses new pods',
    QuotaExceeded: cause ?? 'a quota of the namespace refuses new pods',
  };
  return sentences[reason];
}
