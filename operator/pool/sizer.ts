import type { Clock } from '../../src/program/clock';
import { objectKey, type Pod, type PodSpec } from '../../src/schema/kubernetes';
import type { Pool } from '../../src/schema/pool';
import { isNamespaceClosing, isTransient } from '../kube/api-error';
import type { ObjectCache } from '../kube/cache';
import type { EventRecorder } from '../kube/events';
import type { Ledger } from '../ledger';
import { slowStart } from '../parallel';
import { createPod, type NewPod, type PodCreationTools } from '../pod-creation';
import { describeCreated, describeQuota, describeRefused, type RefusedPod } from '../pod-events';
import type { PodFacts } from '../pod-facts';
import { START_PROBLEM_REASONS, type StartProblem } from '../start-problem';
import { type BreakerPlan, type BreakerState, newBreaker, planBreaker } from './breaker';
import { type BriefLives, describeBriefLives, isPaused, noteBriefLives } from './brief-lives';
import { removeUnused } from './removal';
import { planOwed, planScale, type ScaleInput } from './scale';
import { type Hindrance, ScaleBlocks } from './scale-block';
import type { ScaleBlock } from './status';
import { poolPod } from './template';
import { UncertainNames } from './uncertain-names';
import { planUpdate } from './update';
import { planVictims } from './victims';

/**
 * Pod creates of one pool that run at once. What is under way at the API server stands before the writes of a batch (docs/performance.md); where a create takes
 * 10 ms these are 800 a second.
 */
const CREATES_AT_ONCE = 8;
/** How often a pool with unmet demand (R63) or with pods that are not Ready is looked at, in ms; a look costs as much as there are of the latter. */
const LOOK_EVERY_MS = 5_000;
/** When a pool tries again whose pods were refused by a namespace that is open again by then, in ms: no other news would bring it back. */
const TURNED_AWAY_MS = 1_000;

/** What {@link PoolSizer} works with. */
export interface SizerTools extends PodCreationTools {
  readonly poolPods: ObjectCache<Pod>;
  readonly ledger: Ledger;
  readonly events: EventRecorder;
  readonly clock: Clock;
  /** Number from 0 up to 1. */
  readonly random: () => number;
  /** The spec of a pod that is about to be made, with what its executor needs. */
  readonly completePod: (spec: PodSpec) => PodSpec;
}

/** What is remembered of a pool between two passes. */
interface Memory {
  breaker: BreakerState;
  /** Pods that started and did not last. */
  brief: BriefLives | undefined;
  /** When pods that are not Ready were looked at last, by the monotonic clock in ms. */
  lookedAtMs: number;
  /** Replaced pods that are still to be made. */
  owed: number;
  /** Pods of the last pass were not made because their namespace took nothing new. */
  turnedAway: boolean;
}

/** What a pass over the size of a pool came to. */
export interface Resized {
  /** Why pods could not be created or deleted. */
  readonly failures: readonly unknown[];
  readonly blocked: ScaleBlock | undefined;
}

/** Creates and deletes idle pods of pools: for size, for a new template, and in the place of those that do not start. */
export class PoolSizer {
  private readonly memories = new Map<string, Memory>();
  private readonly blocks = new ScaleBlocks();
  private readonly uncertainNames = new UncertainNames();

  constructor(private readonly tools: SizerTools) {}

  /**
   * One pass; what is decided is decided at once, from one state of the ledger.
   *
   * @param ageing idle pods to replace as those of an old revision are
   */
  async resize(pool: Pool, revision: string, ageing: readonly PodFacts[], signal: AbortSignal): Promise<Resized> {
    const { clock, ledger } = this.tools;
    const uid = pool.metadata.uid ?? '';
    const nowMs = clock.monotonicMs();
    const memory = this.remember(pool, revision, nowMs);
    const { capacitySpec, scaleStrategy, updateStrategy } = pool.spec;
    const counts = ledger.counts(uid);
    const unmet = ledger.demands.unmet(objectKey(pool), capacitySpec.poolMax);
    const before: ScaleInput = { ...capacitySpec, maxUnavailable: scaleStrategy?.maxUnavailable, counts, unmet, replaced: 0, owed: memory.owed };
    const { missing } = planScale(before);
    const outdated = [...ledger.outdatedPods(uid), ...ageing.filter((pod) => pod.revision === revision)];
    const starts = this.judgeStarts(uid, memory, missing > 0 || outdated.length > 0, nowMs);
    const update = planUpdate({
      outdated,
      maxUnavailable: updateStrategy?.maxUnavailable,
      live: counts.live,
      idleNotReady: counts.idleNotReady,
      missing,
      // A try is of a pod that is missing anyway, when there is one.
      limit: missing > 0 && starts.createLimit < Infinity ? 0 : starts.createLimit,
    });
    const replaced = [...starts.remove, ...update];
    const size = { ...before, replaced: replaced.length };
    const plan = planScale(size);
    const wanted = Math.min(plan.create, starts.createLimit);

    const kept = await removeUnused(this.tools, [...replaced, ...this.pickVictims(uid, replaced, plan.remove, revision)], ['idle'], signal);
    const { created, refused, turnedAway } = await this.createPods(pool, wanted, signal);
    memory.owed = planOwed(size, plan, created);
    memory.turnedAway = turnedAway;
    const hindrance = explainHindrance(plan.blockedBy, memory.breaker, refused);
    return { failures: [...kept, ...refused], blocked: this.blocks.explain(pool, memory.breaker.open ?? describeBriefLives(memory.brief), hindrance, nowMs) };
  }

  /** When a pool is to be looked at again although nothing changes, in ms; `undefined` for never. */
  nextLookMs(pool: Pool): number | undefined {
    const uid = pool.metadata.uid ?? '';
    const { ledger } = this.tools;
    const waits = ledger.demands.unmet(objectKey(pool)) > 0 || ledger.counts(uid).idleNotReady > 0;
    const { breaker, brief, turnedAway = false } = this.memories.get(uid) ?? {};
    const pauseMs = (brief?.resumeAtMs ?? 0) - this.tools.clock.monotonicMs();
    if (brief !== undefined && pauseMs > 0) return Math.min(LOOK_EVERY_MS, pauseMs);
    const closedMs = this.tools.closingNamespaces.waitMs(pool.metadata.namespace ?? '');
    if (closedMs > 0) return closedMs;
    if (turnedAway) return TURNED_AWAY_MS;
    return waits || this.blocks.has(uid) || breaker?.open !== undefined || brief !== undefined ? LOOK_EVERY_MS : undefined;
  }

  /** Forgets a pool that is gone. */
  forget(poolUID: string): void {
    this.memories.delete(poolUID);
    this.blocks.forget(poolUID);
    this.uncertainNames.forget(poolUID);
  }

  private remember(pool: Pool, revision: string, nowMs: number): Memory {
    const uid = pool.metadata.uid ?? '';
    let memory = this.memories.get(uid);
    if (memory === undefined) {
      this.memories.set(uid, (memory = { breaker: newBreaker(revision, nowMs, writtenProblem(pool, revision)), brief: undefined, lookedAtMs: nowMs, owed: 0, turnedAway: false }));
    } else if (memory.breaker.revision !== revision) {
      memory.breaker = newBreaker(revision, nowMs);
      memory.brief = undefined;
    }
    return memory;
  }

  private judgeStarts(uid: string, memory: Memory, wantsMore: boolean, nowMs: number): Pick<BreakerPlan, 'remove' | 'createLimit'> {
    const { ledger } = this.tools;
    const due = memory.breaker.open !== undefined || ledger.endedCount(uid) > 0 || nowMs - memory.lookedAtMs >= LOOK_EVERY_MS;
    let remove: BreakerPlan['remove'] = [];
    let createLimit = Infinity;
    if (due) {
      const starts = ledger.takeStarts(uid);
      const plan = planBreaker(memory.breaker, { starts, wantsMore, nowMs });
      memory.breaker = plan.state;
      memory.brief = noteBriefLives(memory.brief, starts.brief, nowMs);
      memory.lookedAtMs = nowMs;
      ({ remove, createLimit } = plan);
    }
    return { remove, createLimit: isPaused(memory.brief, nowMs) ? 0 : createLimit };
  }

  private pickVictims(uid: string, replaced: readonly PodFacts[], count: number, revision: string): PodFacts[] {
    if (count === 0) return [];
    const gone = new Set(replaced.map((pod) => pod.uid));
    return planVictims(
      this.tools.ledger.idlePods(uid).filter((pod) => !gone.has(pod.uid)),
      count,
      revision,
    );
  }

  private async createPods(pool: Pool, count: number, signal: AbortSignal): Promise<{ created: number; refused: unknown[]; turnedAway: boolean }> {
    const { events, poolPods } = this.tools;
    const { uid = '' } = pool.metadata;
    const created: string[] = [];
    const refused: RefusedPod[] = [];
    let turnedAway = false;
    await slowStart(Array.from({ length: count }), CREATES_AT_ONCE, async () => {
      const pod = this.newPod(pool);
      const { name } = pod.metadata;
      try {
        await createPod(this.tools, poolPods, uid, pod, signal);
        created.push(name);
      } catch (reason) {
        if (isTransient(reason)) this.uncertainNames.note(uid, name);
        if (isNamespaceClosing(reason)) turnedAway = true;
        else refused.push({ name, reason });
        throw reason;
      }
    });
    if (created.length > 0) events.record(pool, 'Normal', 'SuccessfulCreate', describeCreated(created));
    for (const message of describeRefused(refused)) events.record(pool, 'Warning', 'FailedCreate', message);
    return { created: created.length, refused: refused.map(({ reason }) => reason), turnedAway };
  }

  /** Under a name that may be taken already by a create that nobody heard of again, if there is one. */
  private newPod(pool: Pool): NewPod {
    const { poolPods, random, completePod } = this.tools;
    const { namespace = '', uid = '' } = pool.metadata;
    const isTaken = (name: string) => poolPods.get(`${namespace}/${name}`) !== undefined;
    const pod = poolPod(pool, { random, isTaken }, completePod);
    return { ...pod, metadata: { ...pod.metadata, name: this.uncertainNames.take(uid, isTaken) ?? pod.metadata.name } };
  }
}

/** Pods that failed one after another hold growth back, also while the next one is being tried. */
function explainHindrance(blockedBy: Hindrance['reason'] | undefined, breaker: BreakerState, refused: readonly unknown[]): Hindrance | undefined {
  const [failure] = refused;
  const quota = describeQuota(failure);
  if (quota !== undefined) return { reason: 'QuotaExceeded', cause: quota };
  if (failure !== undefined) return { reason: 'CreateFailed', cause: messageOf(failure) };
  if (blockedBy === 'PoolMax') return { reason: 'PoolMax' };
  return blockedBy === 'NotReadyPods' || breaker.failures > 0 ? { reason: 'NotReadyPods', cause: breaker.lastFailure?.message } : undefined;
}

/** What the process before this one had found of the same template, so that a restart does not fill the pool with pods that do not start. */
function writtenProblem({ status }: Pool, revision: string): StartProblem | undefined {
  if (status?.revision !== revision) return undefined;
  const blocked = status.conditions?.find(({ type }) => type === 'ScaleBlocked');
  const reason = START_PROBLEM_REASONS.find((known) => known === blocked?.reason);
  return reason && { reason, message: blocked?.message ?? '' };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
