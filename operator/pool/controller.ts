import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../../src/program/clock';
import { type Pod, type PodSpec, objectKey } from '../../src/schema/kubernetes';
import { Finalizer } from '../../src/schema/names';
import type { Pool, PoolStatus } from '../../src/schema/pool';
import type { ReconcileResult } from '../controller';
import type { KubeApi } from '../kube/api';
import type { ObjectCache } from '../kube/cache';
import type { EventRecorder } from '../kube/events';
import { PODS, POOLS } from '../kube/resource-types';
import type { Ledger } from '../ledger';
import type { OperatorMetrics } from '../metrics';
import type { OwnWrites } from '../own-writes';
import { failuresOf, slowStart } from '../parallel';
import type { PodFacts } from '../pod-facts';
import { removePods } from '../pod-removal';
import type { PodUse } from '../pool-book';
import { refusePool } from '../pool-refusal';
import { poolSource } from '../pool-source';
import { type Ageing, planAgeing } from './ageing';
import { planScale } from './scale';
import { planPoolStatus, type ScaleBlock } from './status';
import { poolPod, templateRevision } from './template';
import { planVictims } from './victims';

/** Pod creates of one pool that run at once. */
const CREATES_AT_ONCE = 32;
/** How long growth must be held back before it is worth a condition, in ms (R65). */
const BLOCKED_AFTER_MS = 30_000;
/** A pool with unmet demand is looked at at least so often, in ms (R63). */
const DEMAND_CHECK_MS = 5_000;

/** What the pool controller works with. */
export interface PoolTools {
  readonly api: KubeApi;
  readonly pools: ObjectCache<Pool>;
  readonly poolPods: ObjectCache<Pod>;
  readonly ownWrites: OwnWrites;
  readonly ledger: Ledger;
  readonly events: EventRecorder;
  readonly metrics: OperatorMetrics;
  readonly clock: Clock;
  /** Recycles a pod whose batch has vanished, beside the pass; idempotent. */
  readonly recycleOrphan: (pod: PodFacts) => void;
  /** Number from 0 up to 1. */
  readonly random: () => number;
  /** The spec of a pod that is about to be made, with what its executor needs. */
  readonly completePod: (spec: PodSpec) => PodSpec;
}

/** Keeps pools within their bounds: creates and deletes idle pods, recycles what vanished batches left, drains deleted pools. */
export class PoolController {
  /** Pool UID -> since when growth is held back, by the monotonic clock in ms, and by what. */
  private readonly blockedSince = new Map<string, { reason: ScaleBlock['reason']; sinceMs: number }>();

  constructor(private readonly tools: PoolTools) {}

  async reconcile(key: string, signal: AbortSignal): Promise<ReconcileResult> {
    const { ledger, pools } = this.tools;
    const pool = pools.get(key);
    if (pool === undefined) return {};
    const uid = pool.metadata.uid ?? '';
    if (pool.metadata.deletionTimestamp !== undefined) return this.drain(pool, signal);
    const revision = templateRevision(pool.spec.template);
    ledger.setRevision(uid, revision);
    const refusal = refusePool(pool);
    if (refusal !== undefined) {
      await this.writeStatus(pool, planPoolStatus({ pool, revision, counts: ledger.counts(uid), refusal, now: this.tools.clock.now() }), signal);
      return {};
    }
    const guarded = await this.guard(pool, signal);
    // A pod that cannot be deleted keeps no other pod from being made, and no status from being written (R126).
    const kept = await this.clear(guarded, signal);
    const { spent, checkInMs } = this.age(guarded);
    kept.push(...(await this.remove(spent, ['idle'], signal)));
    const { failures, blocked } = await this.scale(guarded, revision, signal);
    const counts = ledger.counts(uid);
    await this.writeStatus(guarded, planPoolStatus({ pool: guarded, revision, counts, blocked, now: this.tools.clock.now() }), signal);
    throwFirst([...kept, ...failures]);
    const demandCheckMs = ledger.demands.unmet(key) > 0 || this.blockedSince.has(uid) ? DEMAND_CHECK_MS : undefined;
    return { requeueAfterMs: soonest(demandCheckMs, checkInMs) };
  }

  /** Forgets a pool that is gone. */
  forget(pool: Pool): void {
    this.blockedSince.delete(pool.metadata.uid ?? '');
    this.tools.ledger.forgetPool(pool.metadata.uid ?? '');
  }

  /** The drain finalizer keeps a deleted pool until its last held pod has come back (R120). */
  private guard(pool: Pool, signal: AbortSignal): Promise<Pool> {
    const current = pool.metadata.finalizers ?? [];
    return current.includes(Finalizer.poolDrain)
      ? Promise.resolve(pool)
      : this.patchMetadata(pool, { finalizers: [...current, Finalizer.poolDrain] }, signal);
  }

  /** A deleted pool: idle pods go at once, held pods run on, the object goes with the last of them (R120). */
  private async drain(pool: Pool, signal: AbortSignal): Promise<ReconcileResult> {
    const uid = pool.metadata.uid ?? '';
    const kept = await this.clear(pool, signal);
    kept.push(...(await this.remove(this.tools.ledger.idlePods(uid), ['idle'], signal)));
    const counts = this.tools.ledger.counts(uid);
    const revision = templateRevision(pool.spec.template);
    const current = await this.writeStatus(pool, planPoolStatus({ pool, revision, counts, now: this.tools.clock.now() }), signal);
    throwFirst(kept);
    const finalizers = current.metadata.finalizers ?? [];
    if (counts.allocated > 0 || !finalizers.includes(Finalizer.poolDrain)) return {};
    await this.patchMetadata(current, { finalizers: finalizers.filter((finalizer) => finalizer !== Finalizer.poolDrain) }, signal);
    return {};
  }

  /**
   * Deletes pods that ended, idle pods that somebody evicts, and pods of vanished batches; the last are recycled where they are to be used
   * again (R58, R71, R114). Returns why pods could not be deleted.
   */
  private async clear(pool: Pool, signal: AbortSignal): Promise<unknown[]> {
    const { dead, evicted, orphaned } = this.tools.ledger.removablePods(pool.metadata.uid ?? '');
    const { type = 'Delete' } = pool.spec.recycleStrategy ?? {};
    const reuse = type !== 'Delete' && pool.metadata.deletionTimestamp === undefined;
    if (reuse) for (const pod of orphaned) this.tools.recycleOrphan(pod);
    const kept = await this.remove(dead, ['idle', 'held', 'returning'], signal);
    kept.push(...(await this.remove(evicted, ['idle'], signal)));
    if (evicted.length > 0) this.tools.events.record(pool, 'Normal', 'PodEvicted', `evicted ${evicted.length} idle pods, among them '${evicted[0]?.name ?? ''}'`);
    if (!reuse) kept.push(...(await this.remove(orphaned, ['returning'], signal)));
    return kept;
  }

  /** Idle pods by what is left of their lives. */
  private age(pool: Pool): Ageing {
    const { uid, minRemainingMs, nowMs } = poolSource(pool, this.tools.clock.now());
    const ageing = planAgeing(this.tools.ledger.mortalPods(uid), minRemainingMs, nowMs);
    const [sample] = ageing.spent;
    if (sample !== undefined) {
      const message = `deleted ${ageing.spent.length} idle pods that end within ${minRemainingMs / 1000} s, among them '${sample.name}'`;
      this.tools.events.record(pool, 'Normal', 'PodsExpiring', message);
    }
    return ageing;
  }

  private async scale(pool: Pool, revision: string, signal: AbortSignal): Promise<{ failures: unknown[]; blocked: ScaleBlock | undefined }> {
    const { events, ledger } = this.tools;
    const uid = pool.metadata.uid ?? '';
    const { capacitySpec, scaleStrategy } = pool.spec;
    const plan = planScale({
      ...capacitySpec,
      maxUnavailable: scaleStrategy?.maxUnavailable,
      counts: ledger.counts(uid),
      unmet: ledger.demands.unmet(objectKey(pool), capacitySpec.poolMax),
    });
    const kept = plan.remove > 0 ? await this.remove(planVictims(ledger.idlePods(uid), plan.remove, revision), ['idle'], signal) : [];
    const results = await slowStart(Array.from({ length: plan.create }), CREATES_AT_ONCE, () => this.createPod(pool, signal));
    const created = results.filter((result) => result.status === 'fulfilled').length;
    if (created > 0) events.record(pool, 'Normal', 'SuccessfulCreate', `created ${created} pods`);
    const refused = failuresOf(results);
    const [failure] = refused;
    if (failure !== undefined) {
      events.record(pool, 'Warning', 'FailedCreate', `pod not created: ${failure instanceof Error ? failure.message : String(failure)}`);
    }
    return { failures: [...kept, ...refused], blocked: this.explainBlock(pool, failure === undefined ? plan.blockedBy : 'CreateFailed', failure) };
  }

  private async createPod(pool: Pool, signal: AbortSignal): Promise<void> {
    const { api, poolPods } = this.tools;
    const pod = poolPod(pool, this.tools.random, this.tools.completePod);
    await poolPods.write(`${pool.metadata.namespace ?? ''}/${pod.metadata.name}`, () => api.create(PODS, pod, { signal }));
  }

  /** Wrong bounds show at once; what may pass by itself shows once it has lasted (R61, R65). */
  private explainBlock(pool: Pool, reason: ScaleBlock['reason'] | undefined, failure: unknown): ScaleBlock | undefined {
    const uid = pool.metadata.uid ?? '';
    const { bufferMin, bufferMax, poolMin, poolMax } = pool.spec.capacitySpec;
    if (bufferMin > bufferMax || poolMin > poolMax) {
      const [low, high, lowName, highName] = bufferMin > bufferMax ? [bufferMin, bufferMax, 'bufferMin', 'bufferMax'] : [poolMin, poolMax, 'poolMin', 'poolMax'];
      return { reason: 'InvalidCapacity', message: `spec.capacitySpec.${lowName}: expected at most ${highName} (${high}), got ${low}` };
    }
    if (reason === undefined) {
      this.blockedSince.delete(uid);
      return undefined;
    }
    const nowMs = this.tools.clock.monotonicMs();
    const known = this.blockedSince.get(uid);
    const since = known?.reason === reason ? known : { reason, sinceMs: nowMs };
    this.blockedSince.set(uid, since);
    if (nowMs - since.sinceMs < BLOCKED_AFTER_MS) return undefined;
    const messages: Record<ScaleBlock['reason'], string> = {
      InvalidCapacity: '',
      NotReadyPods: 'new pods do not become Ready; look at them with kubectl describe pod',
      PoolMax: `batches wait for pods and the pool has its poolMax of ${poolMax}`,
      CreateFailed: failure instanceof Error ? failure.message : 'the API server refuses new pods',
    };
    return { reason, message: messages[reason] };
  }

  /** Deletes the pods that are still of an allowed use; returns why others of them could not be deleted. */
  private async remove(pods: readonly PodFacts[], allowed: readonly PodUse[], signal: AbortSignal): Promise<unknown[]> {
    const { api, ledger, poolPods } = this.tools;
    const doomed = pods.filter((pod) => ledger.doom(pod.uid, allowed));
    const failed = await removePods(api, poolPods, doomed, signal);
    for (const { pod } of failed) ledger.spare(pod.uid);
    return failed.map(({ reason }) => reason);
  }

  private patchMetadata(pool: Pool, metadata: Record<string, unknown>, signal: AbortSignal): Promise<Pool> {
    const { name, namespace, resourceVersion } = pool.metadata;
    return this.tools.pools.write(objectKey(pool), async () =>
      this.tools.ownWrites.note(await this.tools.api.patch(POOLS, { name, namespace }, 'merge', { metadata: { ...metadata, resourceVersion } }, { signal })),
    );
  }

  /**
   * Writes the status when it differs; returns the newest pool.
   *
   * The version is named although nobody else writes the status: the echo of an own write starts no pass, so the answer must not bring in an
   * edit that no pass has seen. Such an edit makes a conflict.
   */
  private writeStatus(pool: Pool, status: PoolStatus, signal: AbortSignal): Promise<Pool> {
    if (isDeepStrictEqual(pool.status, status)) return Promise.resolve(pool);
    const { name, namespace, resourceVersion } = pool.metadata;
    const patch = { metadata: { resourceVersion }, status: { ...status, conditions: status.conditions ?? null } };
    return this.tools.pools.write(objectKey(pool), async () =>
      this.tools.ownWrites.note(await this.tools.api.patch(POOLS, { name, namespace }, 'merge', patch, { subresource: 'status', signal })),
    );
  }
}

function soonest(...delaysMs: readonly (number | undefined)[]): number | undefined {
  const known = delaysMs.filter((delay) => delay !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}

function throwFirst(failures: readonly unknown[]): void {
  if (failures.length > 0) throw failures[0];
}
