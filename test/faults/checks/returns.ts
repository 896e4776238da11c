import type { BatchSandbox } from '../../../src/schema/batch-sandbox';
import type { KubeObject, Pod } from '../../../src/schema/kubernetes';
import { Annotation } from '../../../src/schema/names';
import type { Pool } from '../../../src/schema/pool';
import type { Evidence, StoredChange } from './evidence';
import type { Report, SafetyPart } from './part';
import { gainedPods, isLive, type NamedPod, recordOf } from './records';

/** A pod when its batch let go of it. */
interface Left {
  readonly atMs: number;
  /** Name of each container to its ID. */
  readonly containers: ReadonlyMap<string, string>;
}

/** What a pool says of returned pods. */
interface Way {
  readonly isRestart: boolean;
  /** Since when, in ms. */
  readonly sinceMs: number;
  /** Containers that need not restart. */
  readonly spared: readonly string[];
}

/** Nobody gets a pod of a pool that restarts returned pods before each of its containers has started anew, also after a restart of the operator (R53, R57, R100). */
export class ReturnCheck implements SafetyPart {
  private readonly left = new Map<string, Left>();
  private readonly ways = new Map<string, Way>();

  constructor(
    private readonly world: Evidence,
    private readonly report: Report,
    private readonly staleMs: number,
  ) {}

  observe({ plural, type, object }: StoredChange, before: KubeObject | undefined): void {
    if (plural === 'pods' && type === 'DELETED') this.left.delete(object.metadata.uid ?? '');
    if (plural === 'pools') this.notePool(object as Pool);
    if (plural !== 'batchsandboxes') return;
    const batch = object as BatchSandbox;
    for (const pod of gainedPods(batch, before as BatchSandbox | undefined)) this.judge(batch, pod);
    const now = new Set(type === 'DELETED' ? [] : recordOf(batch).held.map(({ uid }) => uid));
    // A batch that is gone before it has shown a pod leaves one that nobody has seen (R16).
    const shown = type === 'DELETED' ? (batch.metadata.annotations?.[Annotation.allocStatus] ?? '') : undefined;
    for (const pod of before === undefined ? [] : recordOf(before as BatchSandbox).held) {
      if (!now.has(pod.uid) && shown?.includes(`"${pod.name}"`) !== false) this.noteLeft(pod);
    }
  }

  private judge(batch: BatchSandbox, { name, uid }: NamedPod): void {
    const giver = this.world.batches().find((other) => recordOf(other).returning.some((pod) => pod.uid === uid));
    if (giver !== undefined) this.report('R57', `'${batch.metadata.name}' gets pod '${name}', which '${giver.metadata.name}' is still giving back`);
    const left = this.left.get(uid);
    this.left.delete(uid);
    const way = this.ways.get(recordOf(batch).poolUID);
    const pod = this.world.pod(name);
    if (left === undefined || pod?.metadata.uid !== uid || way?.isRestart !== true || way.sinceMs > left.atMs - this.staleMs) return;
    const ids = containersOf(pod);
    const old = [...left.containers].flatMap(([container, id]) => (ids.get(container) === id && !way.spared.includes(container) ? [container] : []));
    if (old.length > 0) this.report('R53', `'${batch.metadata.name}' gets pod '${name}', whose containers ${old.join(', ')} run as they did for the batch before`);
  }

  private noteLeft({ name, uid }: NamedPod): void {
    const pod = this.world.pod(name);
    if (pod?.metadata.uid === uid && isLive(pod)) this.left.set(uid, { atMs: this.world.nowMs(), containers: containersOf(pod) });
  }

  private notePool({ metadata: { uid = '', annotations = {} }, spec }: Pool): void {
    const isRestart = spec.recycleStrategy?.type === 'Restart';
    const known = this.ways.get(uid);
    const sinceMs = known === undefined ? -Infinity : known.isRestart === isRestart ? known.sinceMs : this.world.nowMs();
    this.ways.set(uid, { isRestart, sinceMs, spared: sparedBy(annotations[Annotation.restartConfig]) });
  }
}

function containersOf({ status }: Pod): ReadonlyMap<string, string> {
  return new Map((status?.containerStatuses ?? []).map(({ name, containerID = '' }) => [name, containerID]));
}

function sparedBy(text = '{}'): readonly string[] {
  try {
    return (JSON.parse(text) as { readonly blacklist?: string[] }).blacklist ?? [];
  } catch {
    return []; // what cannot be read spares none
  }
}
