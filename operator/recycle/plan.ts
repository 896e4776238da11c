import type { Pod } from '../../src/schema/kubernetes';
import type { RECYCLE_TYPES } from '../../src/schema/pool';
import { podFacts } from '../pod-facts';
import type { RestartConfig } from './restart-config';
import type { RestartRecord } from './restart-record';

/** How a pool treats the pods that come back. */
export type RecycleType = (typeof RECYCLE_TYPES)[number];

/** Everything that decides what happens to a returning pod. */
export interface RecycleInput {
  /** The pod as last seen. */
  readonly pod: Pod;
  /** Strategy of its pool; `Delete` when there is no such Pool any more, or it is going (R120). */
  readonly strategy: RecycleType;
  /** What was recorded for this return; `undefined` before the first attempt. */
  readonly record: RestartRecord | undefined;
  readonly config: RestartConfig;
  /** Time of day in ms since 1970: that of the last attempt is read from the record. */
  readonly nowMs: number;
}

/** What to do with a returning pod now. */
export type RecycleStep =
  /** It is going: nothing is left to do (R53). */
  | { readonly kind: 'gone' }
  /** It may be given out again. */
  | { readonly kind: 'reuse' }
  /** Delete it. `because` is set when that is not what the pool asks for. */
  | { readonly kind: 'remove'; readonly because?: string }
  /** Restart it, once more when that was recorded. */
  | { readonly kind: 'attempt' }
  /** Look again after so long, or when the pod changes. */
  | { readonly kind: 'wait'; readonly ms: number };

/**
 * Decides the next step of a pod on its way back to its pool (R51 to R55).
 *
 *   (no record) ──attempt──> recorded ──all containers new, Ready──> reuse
 *        │                     │   ^
 *        │                     └───┘ attempt, every retryInterval, maxRetries times
 *        └──nothing to restart──> remove <──after the last one────┘
 */
export function planRecycle({ pod, strategy, record, config, nowMs }: RecycleInput): RecycleStep {
  if (pod.metadata.deletionTimestamp !== undefined) return { kind: 'gone' };
  if (strategy === 'Delete') return { kind: 'remove' };
  const { phase = 'Pending' } = pod.status ?? {};
  if (phase === 'Failed' || phase === 'Succeeded') return { kind: 'remove', because: `it has ended (${phase})` };
  if (strategy === 'Noop') return { kind: 'reuse' };
  if (record !== undefined) {
    if (isRestarted(pod, record)) return { kind: 'reuse' };
    const sinceMs = nowMs - Date.parse(record.lastRetryTime);
    // A time of day that was set back makes nobody wait longer than two intervals, nor for ever.
    const leftMs = sinceMs < -config.retryIntervalMs ? 0 : Math.min(config.retryIntervalMs, config.retryIntervalMs - sinceMs);
    if (leftMs > 0) return { kind: 'wait', ms: leftMs };
    if (record.retryCount >= config.maxRetries) return { kind: 'remove', because: explainFailure(pod, record) };
  }
  if (record === undefined || !isProvedEmpty(record)) {
    if (phase !== 'Running') return { kind: 'remove', because: `it does not run (${phase})` };
    if (Object.keys(restartable(pod, config)).length === 0) return { kind: 'remove', because: 'it has no running container to restart' };
  }
  return { kind: 'attempt' };
}

/** IDs of the containers that run and may be restarted, by name; init containers are not among them. */
export function restartable(pod: Pod, { blacklist }: Pick<RestartConfig, 'blacklist'>): Readonly<Record<string, string>> {
  const running = (pod.status?.containerStatuses ?? []).filter(({ state }) => state?.running !== undefined);
  return Object.fromEntries(
    running.flatMap(({ name, containerID = '' }) => (containerID === '' || blacklist.includes(name) ? [] : [[name, containerID]])),
  );
}

/** Recorded containers that still run as they did, so that the restart command goes to them. */
export function unrestarted(pod: Pod, record: RestartRecord, config: Pick<RestartConfig, 'blacklist'>): string[] {
  const running = restartable(pod, config);
  return Object.entries(record.containers).flatMap(([name, id]) => (running[name] === id ? [name] : []));
}

/** Whether the executor of the pod has proved it empty; its containers are recorded only then. */
export function isProvedEmpty(record: RestartRecord): boolean {
  return Object.keys(record.containers).length > 0;
}

/** Judged by the containers alone: what an exec answers, or that it answers nothing, says nothing (lessons K14). */
function isRestarted(pod: Pod, record: RestartRecord): boolean {
  return isProvedEmpty(record) && left(pod, record).length === 0 && podFacts(pod).ready;
}

/** Recorded containers that do not run under a new ID. */
function left(pod: Pod, record: RestartRecord): string[] {
  const running = restartable(pod, { blacklist: [] });
  return Object.entries(record.containers).flatMap(([name, id]) => (running[name] === undefined || running[name] === id ? [name] : []));
}

function explainFailure(pod: Pod, record: RestartRecord): string {
  const tries = `after ${record.retryCount} ${record.retryCount === 1 ? 'retry' : 'retries'}`;
  if (!isProvedEmpty(record)) return `its executor has not proved it empty ${tries}`;
  const names = left(pod, record).map((name) => `'${name}'`);
  return names.length === 0 ? `it is not Ready ${tries}` : `not restarted ${tries}: ${names.join(', ')}`;
}
