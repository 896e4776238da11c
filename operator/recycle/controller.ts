import { Annotation, Label } from '../../src/schema/names';
import type { Pod } from '../../src/schema/kubernetes';
import type { Pool } from '../../src/schema/pool';
import type { RecordedPod } from '../allocation-record';
import type { ReconcileResult } from '../controller';
import type { ObjectCache } from '../kube/cache';
import type { EventRecorder } from '../kube/events';
import type { Ledger } from '../ledger';
import type { OperatorMetrics, RecycleResult } from '../metrics';
import type { PodFacts } from '../pod-facts';
import { removePods } from '../pod-removal';
import type { Giver, Recycler } from '../recycler';
import { planRecycle, type RecycleStep, type RecycleType } from './plan';
import { type ParsedRestartConfig, parseRestartConfig } from './restart-config';
import type { RestartRecord } from './restart-record';
import { type RestartTools, Restarter } from './restarter';

/** What the recycle of pods works with. */
export interface RecycleTools extends RestartTools {
  readonly pools: ObjectCache<Pool>;
  readonly ledger: Ledger;
  readonly events: EventRecorder;
  readonly metrics: OperatorMetrics;
  /** Looks at a returning pod, by UID, in the queue of its own. */
  readonly enqueue: (podUID: string) => void;
  /** A batch need not wait any more for a pod that it gave back. */
  readonly returned: (batchKey: string) => void;
}

/** One pod on its way back. */
interface Return {
  readonly giver: Giver;
  /** `<namespace>/<name>` of the pod. */
  readonly key: string;
  readonly uid: string;
  /** `<namespace>/<name>` of its pool. */
  readonly pool: string;
  /** What the pool asked for when the pod was looked at last. */
  strategy: RecycleType;
  /** Once known here it counts, not what somebody made of the annotation meanwhile. */
  record?: RestartRecord;
  over: boolean;
}

/** A pod on its way back, and what decides about it. */
interface Subject {
  readonly returning: Return;
  readonly pod: Pod;
  readonly pool: Pool | undefined;
  readonly parsed: ParsedRestartConfig;
}

/**
 * Recycles the pods that come back to pools, in a queue of its own: a slow or failing one delays no allocation, scaling or status (R56).
 *
 * What is under way stands in `status.allocation.returning` of the batch and in the pod's annotation `restart-record`, so an operator that
 * starts goes on with it (R100). The pod counts as allocated until its batch drops it from the record (R57).
 */
export class RecycleController implements Recycler {
  private readonly returns = new Map<string, Return>();
  private readonly podsByBatch = new Map<string, ReadonlySet<string>>();
  private readonly restarter: Restarter;

  constructor(private readonly tools: RecycleTools) {
    this.restarter = new Restarter(tools);
  }

  recycle(giver: Giver, namespace: string, pods: readonly RecordedPod[]): ReadonlySet<string> {
    const known = this.podsByBatch.get(giver.uid);
    if (pods.length === 0 && known === undefined) return NONE;
    const uids = new Set(pods.map(({ uid }) => uid));
    for (const uid of known ?? NONE) if (!uids.has(uid)) this.forget(giver.uid, uid);
    if (uids.size === 0) this.podsByBatch.delete(giver.uid);
    else this.podsByBatch.set(giver.uid, uids);
    for (const { name, uid } of pods) this.begin(giver, `${namespace}/${name}`, uid);
    return new Set([...uids].filter((uid) => this.returns.get(uid)?.over === true));
  }

  /** Recycles a pod whose batch has vanished (R58). */
  recycleOrphan(pod: PodFacts): void {
    const uid = this.tools.ledger.giverOf(pod.uid);
    if (uid !== undefined) this.begin({ key: '', uid }, pod.key, pod.uid);
  }

  forgetBatch(batchUID: string): void {
    for (const uid of this.podsByBatch.get(batchUID) ?? NONE) if (this.returns.get(uid)?.over === true) this.forget(batchUID, uid);
    this.podsByBatch.delete(batchUID);
  }

  /** Looks at a returning pod that changed, or is gone. */
  podChanged(uid: string): void {
    if (this.returns.get(uid)?.over === false) this.tools.enqueue(uid);
  }

  /** Looks at the returning pods of a pool that changed: it may be going, or treat them otherwise from now on. */
  poolChanged(poolKey: string): void {
    for (const { uid, pool, over } of this.returns.values()) {
      if (!over && pool === poolKey) this.tools.enqueue(uid);
    }
  }

  /** One look at one pod. */
  async reconcile(uid: string, signal: AbortSignal): Promise<ReconcileResult> {
    const { clock, ledger } = this.tools;
    const returning = this.returns.get(uid);
    if (returning === undefined || returning.over) return {};
    const pod = this.podOf(returning);
    if (pod === undefined) return this.finish(returning, 'gone');
    // Only who holds a pod can return it (R108): a record that says otherwise is about to be put right.
    if (ledger.giverOf(uid) !== returning.giver.uid) return this.finish(returning);
    const pool = this.poolOf(returning, pod);
    const parsed = parseRestartConfig(pool?.metadata.annotations?.[Annotation.restartConfig]);
    returning.record ??= this.restarter.readRecord(pod, returning.giver.uid);
    returning.strategy = pool === undefined ? 'Delete' : (pool.spec.recycleStrategy?.type ?? 'Delete');
    const { strategy, record } = returning;
    const step = planRecycle({ pod, strategy, record, config: parsed.config, nowMs: clock.now().getTime() });
    return this.take(step, { returning, pod, pool, parsed }, signal);
  }

  private async take(step: RecycleStep, subject: Subject, signal: AbortSignal): Promise<ReconcileResult> {
    const { returning, pod } = subject;
    const { record } = returning;
    switch (step.kind) {
      case 'gone':
        return this.finish(returning, 'gone');
      case 'wait':
        return { requeueAfterMs: step.ms };
      case 'attempt':
        if (record === undefined) this.reportConfig(subject);
        returning.record = await this.restarter.attempt({ pod, giverUID: returning.giver.uid, record, config: subject.parsed.config }, signal);
        return { requeueAfterMs: 0 }; // what came of it may have been seen already
      case 'reuse':
        // Before the batch lets go of the pod: its next return to the same batch must not find the record of this one.
        if (record !== undefined) await this.restarter.writeRecord(pod, undefined, signal);
        return this.finish(returning, record === undefined ? 'reused' : 'restarted');
      case 'remove':
        await this.remove(subject, signal);
        if (step.because !== undefined) this.reportFailure(subject, step.because);
        return this.finish(returning, 'deleted');
    }
  }

  private async remove({ pod, returning }: Subject, signal: AbortSignal): Promise<void> {
    const { api, ledger, poolPods } = this.tools;
    const { namespace = '', name } = pod.metadata;
    ledger.doom(returning.uid, ['returning']);
    const [failed] = await removePods(api, poolPods, [{ namespace, name, uid: returning.uid }], signal);
    if (failed === undefined) return;
    ledger.spare(returning.uid);
    throw failed.reason;
  }

  /** The same of many pods is one event: it names none of them, and counts them. */
  private reportFailure({ pool }: Subject, because: string): void {
    if (pool !== undefined) this.tools.events.record(pool, 'Warning', 'RecycleFailed', `returned pod deleted instead of restarted: ${because}`);
  }

  /** Text of a user that cannot be read is ignored with an event (R126). */
  private reportConfig({ pool, parsed: { problems } }: Subject): void {
    if (pool === undefined || problems.length === 0) return;
    this.tools.events.record(pool, 'Warning', 'InvalidRestartConfig', `${problems.join('; ')}; the default is used`);
  }

  private begin(giver: Giver, key: string, uid: string): void {
    if (this.returns.get(uid)?.giver.uid === giver.uid) return;
    const [namespace = ''] = key.split('/');
    const pool = `${namespace}/${this.tools.poolPods.get(key)?.metadata.labels?.[Label.poolName] ?? ''}`;
    this.returns.set(uid, { giver, key, uid, pool, strategy: 'Restart', over: false });
    this.tools.enqueue(uid);
  }

  private finish(returning: Return, result?: RecycleResult): ReconcileResult {
    const { ledger, metrics, returned } = this.tools;
    const { giver, strategy, uid } = returning;
    returning.over = true;
    const [namespace = '', pool = ''] = returning.pool.split('/');
    if (result !== undefined) {
      metrics.recycled({ namespace, pool, strategy, result });
      ledger.adopt(uid);
    }
    if (this.podsByBatch.get(giver.uid)?.has(uid) === true) returned(giver.key);
    else this.forget(giver.uid, uid); // nobody asks for it any more
    return {};
  }

  private forget(giverUID: string, uid: string): void {
    if (this.returns.get(uid)?.giver.uid === giverUID) this.returns.delete(uid);
  }

  /** The pod itself, not another of its name. */
  private podOf({ key, uid }: Return): Pod | undefined {
    const pod = this.tools.poolPods.get(key);
    return pod?.metadata.uid === uid ? pod : undefined;
  }

  /** The Pool that owns a pod, unless it is gone or going: then its pods are deleted (R120). */
  private poolOf(returning: Return, { metadata: { ownerReferences = [] } }: Pod): Pool | undefined {
    const pool = this.tools.pools.get(returning.pool);
    const owns = ownerReferences.some(({ uid, controller }) => controller === true && uid === pool?.metadata.uid);
    return owns && pool?.metadata.deletionTimestamp === undefined ? pool : undefined;
  }
}

const NONE: ReadonlySet<string> = new Set();
