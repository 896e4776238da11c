import type { BatchSandbox } from '../../../src/schema/batch-sandbox';
import type { KubeObject } from '../../../src/schema/kubernetes';
import type { Pool } from '../../../src/schema/pool';
import type { Evidence, StoredChange } from './evidence';
import type { Report, SafetyPart } from './part';
import { gainedPods, type NamedPod, recordOf } from './records';

/** What a pool asks for when it names nothing, in seconds. */
const DEFAULT_SECONDS = 60;
/** Time that the write of a record may take, in ms. */
const DELIVERY_MS = 15_000;

/** A batch gets no pod that ends soon: `minRemainingLifetimeSeconds` of its life are left, or half of it (R11, ADR 0015). */
export class LifetimeCheck implements SafetyPart {
  /** Pool UID to what it asked for, in seconds, and until when that was so. */
  private readonly asked = new Map<string, { readonly seconds: number; untilMs: number }[]>();

  constructor(
    private readonly world: Evidence,
    private readonly report: Report,
    private readonly staleMs: number,
  ) {}

  observe({ plural, type, object }: StoredChange, before: KubeObject | undefined): void {
    if (plural === 'pools') this.notePool(object as Pool);
    if (plural !== 'batchsandboxes' || type === 'DELETED') return;
    const batch = object as BatchSandbox;
    for (const pod of gainedPods(batch, before as BatchSandbox | undefined)) this.judge(batch, pod);
  }

  private judge(batch: BatchSandbox, { name, uid }: NamedPod): void {
    const pod = this.world.pod(name);
    const now = this.world.timeOfDay?.().getTime();
    const lifeMs = (pod?.spec?.activeDeadlineSeconds ?? NaN) * 1000;
    const leftMs = Date.parse(pod?.status?.startTime ?? '') + lifeMs - (now ?? NaN);
    const asked = (this.asked.get(recordOf(batch).poolUID) ?? []).filter(({ untilMs }) => this.world.nowMs() - untilMs < this.staleMs);
    const leastMs = Math.min(lifeMs / 2, ...asked.map(({ seconds }) => seconds * 1000)) - DELIVERY_MS;
    if (pod?.metadata.uid === uid && leftMs < leastMs) this.report('R11', `'${batch.metadata.name}' gets pod '${name}', which ends in ${leftMs / 1000} s`);
  }

  private notePool({ metadata: { uid = '' }, spec }: Pool): void {
    const known = this.asked.get(uid) ?? [];
    const seconds = spec.minRemainingLifetimeSeconds ?? DEFAULT_SECONDS;
    const last = known.at(-1);
    if (last?.seconds === seconds) return;
    if (last !== undefined) last.untilMs = this.world.nowMs();
    this.asked.set(uid, [...known, { seconds, untilMs: Infinity }]);
  }
}
