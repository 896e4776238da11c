import type { PodFacts } from './pod-facts';
import { SortedRuns } from './sorted-runs';

/** Entries of pods that may no longer be given out stay until they are most of all, and so many. */
const MANY_STALE = 1_024;

/**
 * Pods that may be given out, best first: current revision, then longest Ready, then name (R14).
 *
 * Taking costs what is taken, and what has come back since: a returned pod has been Ready longer than others that wait. Only another revision has all of
 * them sorted anew. An entry of a pod that may no longer be given out, or is Ready since another time, is dropped when it is met, or when such entries
 * are most of the queue.
 */
export class ReadyQueue {
  private revision = '';
  private readonly order = new SortedRuns<PodFacts>((a, b) => this.compare(a, b));
  private readonly pods = new Map<string, PodFacts>();

  /** Number of pods that may be given out. */
  get size(): number {
    return this.pods.size;
  }

  /** Names the revision whose pods go first. */
  preferRevision(revision: string): void {
    if (revision === this.revision) return;
    this.revision = revision;
    this.order.replace([...this.pods.values()]);
  }

  add(pod: PodFacts): void {
    const known = this.pods.get(pod.uid);
    this.pods.set(pod.uid, pod);
    if (known !== undefined && known.readySince === pod.readySince && known.revision === pod.revision) return;
    this.order.add(pod);
    if (this.order.size > 2 * this.pods.size + MANY_STALE) this.order.replace([...this.pods.values()]);
  }

  delete(uid: string): void {
    this.pods.delete(uid);
  }

  /** Removes and returns at most `count` pods. */
  take(count: number): PodFacts[] {
    const taken: PodFacts[] = [];
    while (taken.length < count) {
      const entry = this.order.take();
      if (entry === undefined) break;
      const pod = this.pods.get(entry.uid);
      if (pod === undefined || pod.readySince !== entry.readySince || pod.revision !== entry.revision) continue;
      this.pods.delete(pod.uid);
      taken.push(pod);
    }
    return taken;
  }

  private compare(a: PodFacts, b: PodFacts): number {
    const byRevision = Number(a.revision !== this.revision) - Number(b.revision !== this.revision);
    return byRevision || compareText(a.readySince, b.readySince) || compareText(a.name, b.name);
  }
}

/** Order of two texts by code unit: unlike `localeCompare`, the same everywhere, and fast. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
