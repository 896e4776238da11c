import type { BatchSandbox } from '../../src/schema/batch-sandbox';
import { mergeConditions } from '../../src/schema/conditions';
import { Annotation, ANY_POOL, Finalizer } from '../../src/schema/names';
import type { ReconcileResult } from '../controller';
import { isNotFound } from '../kube/api-error';
import { BATCHES } from '../kube/resource-types';
import { claimantOf } from '../claimant';
import { soonest } from '../soonest';
import type { BatchTools } from './batch-tools';
import { isPooled, type Refusal, refuseBatch } from './check';
import { DirectDelivery } from './direct';
import { planExpiry } from './expiry';
import { importLegacy } from './legacy';
import { poolKey } from './pool-wait';
import { PooledDelivery } from './pooled';
import { parseReleaseRequest } from './release-request';
import { NOTHING_YET } from './status';

/** Makes BatchSandboxes true: delivery, expiry, deletion. */
export class BatchController {
  private readonly pooled: PooledDelivery;
  private readonly direct: DirectDelivery;
  /** Batch UID -> text of its annotation that could not be read and was told of. */
  private readonly ignored = new Map<string, string>();

  constructor(private readonly tools: BatchTools) {
    this.pooled = new PooledDelivery(tools);
    this.direct = new DirectDelivery(tools);
  }

  async reconcile(key: string, signal: AbortSignal): Promise<ReconcileResult> {
    const found = this.tools.batches.get(key);
    if (found === undefined) return {};
    try {
      return await this.serve(found, signal);
    } finally {
      // The batch may have gone meanwhile: what this pass noted since then, nobody else would forget.
      if (this.tools.batches.get(key)?.metadata.uid !== found.metadata.uid) this.forget(found);
    }
  }

  private async serve(found: BatchSandbox, signal: AbortSignal): Promise<ReconcileResult> {
    if (found.metadata.deletionTimestamp !== undefined) return this.finish(found, signal);
    const expiry = planExpiry(found.spec.expireTime, this.tools.clock.now());
    if (expiry.expired) return this.expire(found, signal);
    const refusal = refuseBatch(found);
    if (refusal !== undefined) return this.quarantine(found, refusal, signal);
    this.reportIgnored(found);
    const batch = await this.assign(found, signal);
    const pooled = isPooled(batch) || holdsPoolPods(batch);
    // A batch that asked a pool for pods and then lost its poolRef waits for none any more.
    if (!pooled) this.tools.ledger.demands.set(poolKey(batch), claimantOf(batch), 0);
    const delayMs = pooled ? await this.pooled.reconcile(batch, signal) : await this.direct.reconcile(batch, signal);
    return { requeueAfterMs: soonest(delayMs, expiry.checkInMs) };
  }

  /** Takes over what an operator before this one has given out (R102); to be called before the first pass. */
  importLegacy(signal: AbortSignal): Promise<void> {
    return importLegacy(this.tools, signal);
  }

  /** Forgets a batch that is gone. */
  forget(batch: BatchSandbox): void {
    const { ledger, publisher, recycler, tasks } = this.tools;
    const uid = batch.metadata.uid ?? '';
    tasks.forgetBatch(uid);
    recycler.forgetBatch(uid);
    ledger.forgetBatch(uid);
    publisher.forget(batch);
    this.direct.forget(uid);
    this.pooled.forget(uid);
    this.ignored.delete(uid);
  }

  /** Tells that executors of a batch know another key than the operator's. */
  reportUnauthorized(key: string): void {
    const batch = this.tools.batches.get(key);
    const message =
      'executors refuse the signature of the operator (HTTP 401), so their tasks are not started or not watched; ' +
      'their pods were made with another key: delete these pods, or give the operator the key that they know';
    if (batch !== undefined) this.tools.events.record(batch, 'Warning', 'ExecutorUnauthorized', message);
  }

  /** Tells once of a request that cannot be read (R126); an annotation changes nothing that says whether it was seen. */
  private reportIgnored(batch: BatchSandbox): void {
    const { uid = '', annotations } = batch.metadata;
    const text = annotations?.[Annotation.allocRelease] ?? '';
    const { problem } = parseReleaseRequest(annotations?.[Annotation.allocRelease]);
    if (problem === undefined) {
      this.ignored.delete(uid);
    } else if (this.ignored.get(uid) !== text) {
      this.ignored.set(uid, text);
      this.tools.events.record(batch, 'Warning', 'AnnotationIgnored', problem);
    }
  }

  /** Gives a batch of `poolRef: "*"` the Pool that suits it best, once (R73); the batch as it is then. Without one it stays as it is, and waits. */
  private async assign(batch: BatchSandbox, signal: AbortSignal): Promise<BatchSandbox> {
    if (batch.spec.poolRef !== ANY_POOL) return batch;
    const { poolName, message } = this.tools.choosePool(batch);
    if (poolName === undefined) return batch;
    const assigned = await this.tools.publisher.writePoolRef(batch, poolName, signal);
    this.tools.events.record(assigned, 'Normal', 'PoolAssigned', message);
    return assigned;
  }

  /** Deletes an expired batch, unless a fresh read shows that its end was moved (R46). */
  private async expire(batch: BatchSandbox, signal: AbortSignal): Promise<ReconcileResult> {
    const fresh = await this.tools.refresh(batch, signal);
    if (fresh === undefined || fresh.metadata.deletionTimestamp !== undefined) return {};
    if (!planExpiry(fresh.spec.expireTime, this.tools.clock.now()).expired) return { requeueAfterMs: 0 };
    const { name, namespace, uid, resourceVersion } = fresh.metadata;
    this.tools.events.record(fresh, 'Normal', 'Expired', `expireTime ${fresh.spec.expireTime ?? ''} has passed`);
    try {
      await this.tools.api.delete(BATCHES, { name, namespace }, { uid, resourceVersion, signal });
    } catch (error) {
      if (!isNotFound(error)) throw error; // a conflict, too: it changed since that read, and the next pass reads again
    }
    return {};
  }

  /** Stops tasks, gives pods back, then lets the batch go: our finalizers go last, and only ours (R47, R122). */
  private async finish(batch: BatchSandbox, signal: AbortSignal): Promise<ReconcileResult> {
    const ours: string[] = [Finalizer.taskCleanup, Finalizer.poolAllocation];
    if (batch.metadata.finalizers?.some((finalizer) => ours.includes(finalizer)) !== true) {
      this.tools.ledger.demands.set(poolKey(batch), claimantOf(batch), 0);
      return {};
    }
    const released = isPooled(batch) || holdsPoolPods(batch) ? await this.pooled.release(batch, signal) : await this.direct.release(batch, signal);
    if (released) {
      await this.tools.publisher.writeMetadata(batch, { finalizers: [], dropFinalizers: ours }, signal);
    }
    return {};
  }

  /** Says why a batch cannot be served; its running pods stay as they are (R124). */
  private async quarantine(batch: BatchSandbox, refusal: Refusal, signal: AbortSignal): Promise<ReconcileResult> {
    this.tools.ledger.demands.set(poolKey(batch), claimantOf(batch), 0);
    const before = batch.status;
    const others = (before?.conditions ?? []).filter((condition) => condition.type !== 'Accepted' && condition.type !== 'PoolAllocationPending');
    const status = {
      ...(before ?? NOTHING_YET),
      observedGeneration: batch.metadata.generation,
      phase: before?.phase ?? ('Pending' as const),
      conditions: mergeConditions(before?.conditions, [...others, { type: 'Accepted' as const, status: 'False' as const, ...refusal }], this.tools.clock.now()),
    };
    const written = await this.tools.publisher.writeStatus(batch, status, signal);
    if (written !== batch) this.tools.events.record(batch, 'Warning', 'NotAccepted', refusal.message);
    return { requeueAfterMs: planExpiry(batch.spec.expireTime, this.tools.clock.now()).checkInMs };
  }
}

/** Whether a record still names pods of a pool, so that they go back first when `poolRef` was removed (R19). */
function holdsPoolPods(batch: BatchSandbox): boolean {
  const { slots = [], returning = [] } = batch.status?.allocation ?? {};
  return returning.length > 0 || slots.some((slot) => slot !== '' && slot !== '-');
}
