import { isDeepStrictEqual } from 'node:util';
import type { BatchSandbox } from '../../src/schema/batch-sandbox';
import { ASSIGN_PROFILES } from '../../src/schema/names';
import { podTemplate } from '../../src/schema/pod-template';
import type { Pool } from '../../src/schema/pool';
import { parseShape } from '../../src/schema/validation';
import { parseAllocation } from '../allocation-record';
import type { ObjectCache } from '../kube/cache';
import type { Ledger } from '../ledger';
import { refusePool } from '../pool-refusal';
import { type PoolChoice, planChoice } from './choice';
import type { PoolOffer, PoolRefusal } from './offer';
import type { AssignProfile } from './profile';
import { type TemplateFacts, templateFacts } from './template-facts';

/** What a {@link PoolChooser} works with. */
export interface PoolChooserTools {
  readonly pools: ObjectCache<Pool>;
  readonly ledger: Ledger;
  /** The profile in force; undefined while it is not known. */
  readonly profile: () => AssignProfile | undefined;
}

/** What the spec of a Pool says: what it offers, or why it offers nothing. */
type Spec = { readonly template: TemplateFacts } | { readonly refusal: string };

/** Without the right to read the ConfigMap it stays so. */
const NOT_READ = `the operator has not read yet how Pools are to be chosen: ConfigMap '${ASSIGN_PROFILES}' of its namespace; its log says what is in the way`;

/** Chooses Pools for batches whose `poolRef` is `*`. */
export class PoolChooser {
  /** Pool UID -> what its spec of that generation says: reading a template costs more than all predicates. */
  private readonly specs = new Map<string, { readonly generation: number | undefined; readonly spec: Spec }>();

  constructor(private readonly tools: PoolChooserTools) {}

  /**
   * The Pool for a batch, as things are now. A batch with a record keeps the Pool in it: who applies the same manifest once more, with `*` in it,
   * does not mean to lose sandboxes, or to run again what has ended.
   */
  choose(batch: BatchSandbox): PoolChoice {
    const { namespace = '', labels = {} } = batch.metadata;
    const recorded = this.recordedPool(batch);
    if (recorded !== undefined) return { poolName: recorded, message: `keeps Pool '${recorded}', of which it has had pods` };
    const profile = this.tools.profile();
    if (profile === undefined) return { message: NOT_READ };
    const pools: (PoolOffer | PoolRefusal)[] = [];
    for (const pool of this.tools.pools.values()) if (pool.metadata.namespace === namespace) pools.push(this.offerOf(pool));
    return planChoice({ namespace, labels, template: readTemplate(batch.spec.template) }, pools, profile);
  }

  /** Forgets a pool that is gone. */
  forget(pool: Pool): void {
    this.specs.delete(pool.metadata.uid ?? '');
  }

  private recordedPool(batch: BatchSandbox): string | undefined {
    const { poolName, poolUID, slots, returning } = parseAllocation(batch.status?.allocation);
    if (returning.length === 0 && slots.every(({ state }) => state === 'empty')) return undefined;
    const pool = this.tools.pools.get(`${batch.metadata.namespace ?? ''}/${poolName}`);
    return pool !== undefined && pool.metadata.uid === poolUID ? poolName : undefined;
  }

  private offerOf(pool: Pool): PoolOffer | PoolRefusal {
    const { name, uid = '', labels = {}, deletionTimestamp } = pool.metadata;
    if (deletionTimestamp !== undefined) return { name, refusal: 'being deleted' };
    const spec = this.specOf(pool);
    if ('refusal' in spec || !isAccepted(pool)) return { name, refusal: 'not accepted' };
    const { allocated, total } = this.tools.ledger.counts(uid);
    return { name, labels, template: spec.template, allocated, total };
  }

  private specOf(pool: Pool): Spec {
    const { uid = '', generation } = pool.metadata;
    const known = this.specs.get(uid);
    if (known !== undefined && known.generation === generation) return known.spec;
    const template = readTemplate(pool.spec.template);
    // A Pool that was made just now has no condition yet that says so.
    const refusal = refusePool(pool);
    const spec = refusal !== undefined || template === undefined ? { refusal: refusal ?? '' } : { template };
    this.specs.set(uid, { generation, spec });
    return spec;
  }
}

/** Whether nothing has changed of a Pool that decides for whom it can be chosen; what a batch takes from it changes only how good it is. */
export function sameOffer(before: Pool | undefined, after: Pool | undefined): boolean {
  if (before === undefined || after === undefined) return before === after;
  const [a, b] = [before.metadata, after.metadata];
  return (
    a.uid === b.uid &&
    a.generation === b.generation &&
    a.deletionTimestamp === b.deletionTimestamp &&
    isDeepStrictEqual(a.labels, b.labels) &&
    isAccepted(before) === isAccepted(after)
  );
}

function isAccepted(pool: Pool): boolean {
  return pool.status?.conditions?.some(({ type, status }) => type === 'Accepted' && status === 'False') !== true;
}

/** Facts of a template; a batch or Pool with one that cannot be read is quarantined before it comes here. */
function readTemplate(template: unknown): TemplateFacts | undefined {
  const parsed = parseShape(podTemplate, template);
  return parsed.ok ? templateFacts(parsed.value) : undefined;
}
