import { Ledger } from '../../operator/ledger';
import type { LedgerListener } from '../../operator/ledger-listener';
import type { PodFacts } from '../../operator/pod-facts';
import type { PoolSource } from '../../operator/pool-source';
import type { BatchSandbox } from '../../src/schema/batch-sandbox';
import { batchOf, podOf, statusHolding } from '../support/builders';

/** UID and key of the pool of these tests. */
export const POOL = 'pool-warm';
export const KEY = 'default/warm';
/** The pool, as large as it likes. */
export const SOURCE: PoolSource = { key: KEY, uid: POOL, poolMax: 1_000, minRemainingMs: 60_000, nowMs: Date.parse('2026-01-01T00:00:00Z') };
/** Listens to nothing. */
export const quiet: LedgerListener = { poolChanged: () => undefined, heldPodChanged: () => undefined, demandChanged: () => undefined };

/** A ledger that knows these pods. */
export function ledgerWith(pods: readonly PodFacts[], listener = quiet): Ledger {
  const ledger = new Ledger(listener);
  for (const pod of pods) ledger.podChanged(pod.uid, pod);
  return ledger;
}

/** Ready pods of the pool, named by number. */
export function pods(count: number): PodFacts[] {
  return Array.from({ length: count }, (_, i) => podOf(POOL, `warm-${String(i).padStart(5, '0')}`));
}

export const names = (taken: readonly PodFacts[]): string[] => taken.map((pod) => pod.name);

/** A batch whose record names pods. */
export function holding(name: string, held: readonly PodFacts[], createdAt?: string): BatchSandbox {
  return batchOf(name, { poolRef: 'warm', replicas: held.length }, { status: statusHolding('warm', held), createdAt });
}
