import type { PodFacts } from './pod-facts';

/**
 * Pods that may be given out, best first: current revision, then longest Ready, then name (R14).
 *
 * Taking costs what is taken: the order is kept while pods become Ready one after another, and is restored by one sort
 * before the next take when that was not so. An entry of a pod that may no longer be given out, or is Ready since another time, is dropped
 * when it is met, or when such entries are most of the queue.
 */
export class ReadyQueue {
  private queue: PodFacts[] = [];
  private head = 0;
  private sorted = true;
  private revision = '';
  private readonly pods = new Map<string, PodFacts>();

  /** Number of pods that may be given out. */
  get size(): number {
    return this.pods.size;
  }

  /** Names the revision whose pods go first. */
  preferRevision(revision: string): void {
    if (revision === this.revision) return;
    this.revision = revision;
    this.sorted = false;
  }

  add(pod: PodFacts): void {
    const known = this.pods.get(pod.uid);
    this.pods.set(pod.uid, pod);
    if (known !== undefined && known.readySince === pod.readySince && known.revision === pod.revision) return;
    const last = this.queue.at(-1);
    if (last !== undefined && this.compare(last, pod) > 0) this.sorted = false;
    this.queue.push(pod);
    if (this.queue.length - this.head > 2 * this.pods.size + 1024) this.sort();
  }

  delete(uid: string): void {
    this.pods.delete(uid);
  }

  /** Removes and returns at most `count` pods. */
  take(count: number): PodFacts[] {
    if (!this.sorted) this.sort();
    const taken: PodFacts[] = [];
    while (taken.length < count && this.head < this.queue.length) {
      const entry = this.queue[this.head++];
      const pod = this.pods.get(entry?.uid ?? '');
      if (pod === undefined || pod.readySince !== entry?.readySince || pod.revision !== entry.revision) continue;
      this.pods.delete(pod.uid);
      taken.push(pod);
    }
    if (this.head > 1024 && this.head * 2 > this.queue.length) {
      this.queue = this.queue.slice(this.head);
      this.head = 0;
    }
    return taken;
  }

  private sort(): void {
    this.queue = [...this.pods.values()].sort((a, b) => this.compare(a, b));
    this.head = 0;
    this.sorted = true;
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
