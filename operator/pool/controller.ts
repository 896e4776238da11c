import { isDeepStrictEqual } from 'node:util';
import { objectKey } from '../../src/schema/kubernetes';
import { Finalizer } from '../../src/schema/names';
import type { Pool, PoolStatus } from '../../src/schema/pool';
import type { ReconcileResult } from '../controller';
import type { PatchOptions } from '../kube/api';
import type { ObjectCache } from '../kube/cache';
import { POOLS } from '../kube/resource-types';
import { type PatchStep, patchVersion } from '../kube/versioned-patch';
import type { OwnWrites } from '../own-writes';
import type { PodFacts } from '../pod-facts';
import { refusePool } from '../pool-refusal';
import { poolSource } from '../pool-source';
import { soonest } from '../soonest';
import { type Ageing, planAgeing } from './ageing';
import { removeUnused } from './removal';
import { PoolSizer, type SizerTools } from './sizer';
import { planPoolStatus } from './status';
import { StatusPace } from './status-pace';
import { templateRevision } from './template';

/** What the pool controller works with. */
export interface PoolTools extends SizerTools {
  readonly pools: ObjectCache<Pool>;
  readonly ownWrites: OwnWrites;
  /** Recycles a pod whose batch has vanished, beside the pass; idempotent. */
  readonly recycleOrphan: (pod: PodFacts) => void;
}

/** Keeps pools within their bounds and their idle pods of the current template, recycles what vanished batches left, drains deleted pools. */
export class PoolController {
  private readonly sizer: PoolSizer;
  private readonly pace: StatusPace;

  constructor(private readonly tools: PoolTools) {
    this.sizer = new PoolSizer(tools);
    this.pace = new StatusPace(tools.clock);
  }

  async reconcile(key: string, signal: AbortSignal): Promise<ReconcileResult> {
    const pool = this.tools.pools.get(key);
    if (pool === undefined) return {};
    try {
      return await this.keep(pool, signal);
    } finally {
      // The pool may have gone meanwhile: what this pass noted since then, nobody else would forget.
      if (this.tools.pools.get(key)?.metadata.uid !== pool.metadata.uid) this.forget(pool);
    }
  }

  private async keep(pool: Pool, signal: AbortSignal): Promise<ReconcileResult> {
    const { ledger } = this.tools;
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
    kept.push(...(await this.removeSpent(guarded, this.age(guarded).spent, signal)));
    const { ageing, checkInMs } = this.age(guarded);
    const { failures, blocked } = await this.sizer.resize(guarded, revision, ageing, signal);
    const counts = ledger.counts(uid);
    const status = planPoolStatus({ pool: guarded, revision, counts, blocked, now: this.tools.clock.now() });
    const waitMs = this.pace.waitMs(uid, guarded.status, status);
    if (waitMs === 0) await this.writeStatus(guarded, status, signal);
    throwFirst([...kept, ...failures]);
    return { requeueAfterMs: soonest(this.sizer.nextLookMs(guarded), checkInMs, waitMs > 0 ? waitMs : undefined) };
  }

  /** Forgets a pool that is gone. */
  forget(pool: Pool): void {
    this.sizer.forget(pool.metadata.uid ?? '');
    this.pace.forget(pool.metadata.uid ?? '');
    this.tools.ledger.forgetPool(pool.metadata.uid ?? '');
    this.tools.ownWrites.forget(pool);
  }

  /** The drain finalizer keeps a deleted pool until its last held pod has come back (R120). */
  private guard(pool: Pool, signal: AbortSignal): Promise<Pool> {
    const current = pool.metadata.finalizers ?? [];
    return current.includes(Finalizer.poolDrain)
      ? Promise.resolve(pool)
      : this.writeFinalizers(pool, [...current, Finalizer.poolDrain], signal);
  }

  /** A deleted pool: idle pods go at once, held pods run on, the object goes with the last of them (R120). */
  private async drain(pool: Pool, signal: AbortSignal): Promise<ReconcileResult> {
    const uid = pool.metadata.uid ?? '';
    const kept = await this.clear(pool, signal);
    kept.push(...(await removeUnused(this.tools, this.tools.ledger.idlePods(uid), ['idle'], signal)));
    const counts = this.tools.ledger.counts(uid);
    const revision = templateRevision(pool.spec.template);
    const current = await this.writeStatus(pool, planPoolStatus({ pool, revision, counts, now: this.tools.clock.now() }), signal);
    throwFirst(kept);
    const finalizers = current.metadata.finalizers ?? [];
    if (counts.allocated > 0 || !finalizers.includes(Finalizer.poolDrain)) return {};
    await this.writeFinalizers(current, finalizers.filter((finalizer) => finalizer !== Finalizer.poolDrain), signal);
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
    const kept = await removeUnused(this.tools, dead, ['idle', 'held', 'returning'], signal);
    const notEvicted = await removeUnused(this.tools, evicted, ['idle'], signal);
    kept.push(...notEvicted);
    const count = evicted.length - notEvicted.length;
    if (count > 0) this.tools.events.record(pool, 'Normal', 'PodEvicted', `evicted ${count} idle pods, among them '${evicted[0]?.name ?? ''}'`);
    if (!reuse) kept.push(...(await removeUnused(this.tools, orphaned, ['returning'], signal)));
    return kept;
  }

  /** Idle pods by what is left of their lives. */
  private age(pool: Pool): Ageing {
    const { uid, minRemainingMs, nowMs } = poolSource(pool, this.tools.clock.now());
    return planAgeing(this.tools.ledger.mortalPods(uid), minRemainingMs, nowMs);
  }

  /** Deletes idle pods that are too near to their end to be given out. Returns why pods could not be deleted. */
  private async removeSpent(pool: Pool, spent: readonly PodFacts[], signal: AbortSignal): Promise<unknown[]> {
    const kept = await removeUnused(this.tools, spent, ['idle'], signal);
    const count = spent.length - kept.length;
    if (count > 0) {
      const message = `deleted ${count} idle pods that end too soon to be given out, among them '${spent[0]?.name ?? ''}'`;
      this.tools.events.record(pool, 'Normal', 'PodsExpiring', message);
    }
    return kept;
  }

  private writeFinalizers(pool: Pool, finalizers: readonly string[], signal: AbortSignal): Promise<Pool> {
    return this.patch(pool, [{ op: 'add', path: '/metadata/finalizers', value: finalizers }], { signal });
  }

  /**
   * Writes the status when it differs; returns the newest pool.
   *
   * The version is named although nobody else writes the status: the echo of an own write starts no pass, so the answer must not bring in an
   * edit that no pass has seen. Such an edit makes a conflict.
   */
  private writeStatus(pool: Pool, status: PoolStatus, signal: AbortSignal): Promise<Pool> {
    if (isDeepStrictEqual(pool.status, status)) return Promise.resolve(pool);
    this.pace.note(pool.metadata.uid ?? '');
    return this.patch(pool, [{ op: 'add', path: '/status', value: status }], { subresource: 'status', signal });
  }

  private patch(pool: Pool, steps: readonly PatchStep[], options: PatchOptions): Promise<Pool> {
    const send = () => patchVersion(this.tools.api, POOLS, pool, steps, options);
    return this.tools.pools.write(objectKey(pool), () => this.tools.ownWrites.write(pool, send));
  }
}

function throwFirst(failures: readonly unknown[]): void {
  if (failures.length > 0) throw failures[0];
}
