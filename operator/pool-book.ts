import { Lifetimes } from './lifetimes';
import type { PodFacts } from './pod-facts';
import { ReadyQueue } from './ready-queue';
import type { StartProblem } from './start-problem';

/** A pod that ends by itself within so long after it was Ready for the first time, in ms, did not last. */
const BRIEF_MS = 30_000;

/** What a pod of a pool is used for; `doomed` means its delete was sent. */
export type PodUse = 'idle' | 'reserved' | 'held' | 'returning' | 'doomed';

/** Counts of a pool, in pods; the letters are those of R59. */
export interface PoolCounts {
  /** T: all that exist, terminating ones included. */
  readonly existing: number;
  /** Not terminating. */
  readonly total: number;
  /** S: live, without idle ones that are being evicted or deleted. */
  readonly live: number;
  /** A: live ones that are held, reserved or returning. */
  readonly allocated: number;
  /** Idle, Ready, without the evict label, and not too near to their end. */
  readonly available: number;
  /** N: live idle ones that are not Ready. */
  readonly idleNotReady: number;
  /** Not terminating and of the current revision. */
  readonly updated: number;
}

/** An idle pod of the current revision that is not Ready. */
export interface UnreadyPod {
  readonly facts: PodFacts;
  /** It was Ready at some time. */
  readonly wasReady: boolean;
  /** What keeps it from becoming Ready: a container that crashes shows that only between two starts, so it stands until the pod is Ready. */
  readonly problem: StartProblem | undefined;
}

/** How the starts of pods of the current revision go. */
export interface PoolStarts {
  /** Whether one became Ready for the first time since the last look. */
  readonly succeeded: boolean;
  /** Those that ended since the last look and had never been Ready. */
  readonly died: readonly PodFacts[];
  /** Those that ended since the last look although nobody had them, soon after they were Ready. */
  readonly brief: readonly PodFacts[];
  readonly unready: readonly UnreadyPod[];
}

interface Entry extends UnreadyPod {
  readonly use: PodUse;
  /** When it was Ready for the first time, RFC 3339, or `''`. */
  readonly readyAt: string;
}

/** Pods of one pool, counted as they change, so that a pass over the pool costs what changed and not what exists. */
export class PoolBook {
  private readonly entries = new Map<string, Entry>();
  private readonly queue = new ReadyQueue();
  private readonly lifetimes = new Lifetimes();
  private readonly dead = new Set<string>();
  private readonly evicted = new Set<string>();
  private readonly unready = new Set<string>();
  /** Idle pods of another revision than the current one. */
  private readonly outdated = new Set<string>();
  private readonly totalByRevision = new Map<string, number>();
  private readonly sums = { existing: 0, total: 0, live: 0, allocated: 0, idleNotReady: 0 };
  private revision = '';
  private succeeded = false;
  private died: PodFacts[] = [];
  private brief: PodFacts[] = [];

  get available(): number {
    return this.queue.size;
  }

  /** Whether there is nothing to remember: no pods, and no pool that named its revision. */
  isEmpty(): boolean {
    return this.entries.size === 0 && this.revision === '';
  }

  setRevision(revision: string): void {
    if (revision === this.revision) return;
    this.revision = revision;
    this.queue.preferRevision(revision);
    this.forgetStarts();
    for (const entry of this.entries.values()) this.markIdle(entry);
  }

  counts(): PoolCounts {
    return { ...this.sums, available: this.queue.size, updated: this.totalByRevision.get(this.revision) ?? 0 };
  }

  /** Records what a pod is now; without facts it is gone. */
  set(uid: string, facts: PodFacts | undefined, use: PodUse): void {
    const before = this.entries.get(uid);
    if (before !== undefined) this.tally(before, -1);
    if (facts === undefined) {
      this.entries.delete(uid);
      this.queue.delete(uid);
      this.lifetimes.set(uid, undefined);
      for (const set of [this.dead, this.evicted, this.unready, this.outdated]) set.delete(uid);
      return;
    }
    const entry = nextEntry(before, facts, use);
    this.entries.set(uid, entry);
    this.tally(entry, 1);
    this.lifetimes.set(uid, use === 'idle' && facts.live ? facts : undefined);
    if (before !== undefined) this.noteStart(before, entry);
    this.offer(uid, entry);
    mark(this.dead, uid, !facts.live && !facts.terminating && use !== 'doomed');
    this.markIdle(entry);
  }

  /** Names the time of day and what must be left of the life of a pod that is given out, both in ms. */
  advance(nowMs: number, minRemainingMs: number): void {
    for (const { uid } of this.lifetimes.advance(nowMs, minRemainingMs)) {
      const entry = this.entries.get(uid);
      if (entry !== undefined) this.offer(uid, entry);
    }
  }

  /** Idle pods whose life has an end. */
  mortal(): PodFacts[] {
    return this.lifetimes.all();
  }

  take(count: number): PodFacts[] {
    return this.queue.take(count);
  }

  /** All pods, whatever they are used for. */
  pods(): PodFacts[] {
    return [...this.entries.values()].map(({ facts }) => facts);
  }

  podsOfUse(use: PodUse): PodFacts[] {
    return [...this.entries.values()].filter((entry) => entry.use === use && entry.facts.live).map((entry) => entry.facts);
  }

  removable(): { dead: PodFacts[]; evicted: PodFacts[] } {
    return { dead: this.factsOf(this.dead), evicted: this.factsOf(this.evicted) };
  }

  /** Idle pods of another revision than the current one. */
  outdatedPods(): PodFacts[] {
    return this.factsOf(this.outdated);
  }

  /** Pods that ended since the last {@link takeStarts} before they were Ready, or soon after. */
  get endedCount(): number {
    return this.died.length + this.brief.length;
  }

  /** How the starts of pods go since the last call, which forgets what happened. */
  takeStarts(): PoolStarts {
    const { succeeded, died, brief } = this;
    this.forgetStarts();
    const unready = [...this.unready].flatMap((uid) => this.entries.get(uid) ?? []).filter(({ facts }) => facts.revision === this.revision);
    return { succeeded, died, brief, unready };
  }

  private forgetStarts(): void {
    this.succeeded = false;
    this.died = [];
    this.brief = [];
  }

  private noteStart(before: Entry, { facts, wasReady, problem }: Entry): void {
    if (facts.revision !== this.revision) return;
    const ends = before.facts.live && !facts.live && !facts.terminating;
    if (!before.wasReady && wasReady) this.succeeded = true;
    else if (!before.wasReady && ends) this.died.push({ ...facts, problem });
    else if (ends && before.use === 'idle' && Date.parse(facts.unreadySince) - Date.parse(before.readyAt) < BRIEF_MS) this.brief.push(facts);
  }

  private markIdle({ facts, use }: Entry): void {
    const idle = use === 'idle' && facts.live;
    mark(this.evicted, facts.uid, idle && facts.evict);
    mark(this.unready, facts.uid, idle && !facts.evict && !facts.ready);
    mark(this.outdated, facts.uid, idle && !facts.evict && facts.revision !== this.revision);
  }

  private offer(uid: string, { facts, use }: Entry): void {
    if (use === 'idle' && facts.ready && !facts.evict && !this.lifetimes.isSpent(uid)) this.queue.add(facts);
    else this.queue.delete(uid);
  }

  private factsOf(uids: ReadonlySet<string>): PodFacts[] {
    return [...uids].map((uid) => this.entries.get(uid)?.facts).filter((facts) => facts !== undefined);
  }

  private tally({ facts, use }: Entry, sign: 1 | -1): void {
    const counted = facts.live && use !== 'doomed' && !(use === 'idle' && facts.evict);
    this.sums.existing += sign;
    if (!facts.terminating) {
      this.sums.total += sign;
      this.totalByRevision.set(facts.revision, (this.totalByRevision.get(facts.revision) ?? 0) + sign);
    }
    if (!counted) return;
    this.sums.live += sign;
    if (use !== 'idle') this.sums.allocated += sign;
    else if (!facts.ready) this.sums.idleNotReady += sign;
  }
}

function nextEntry(before: Entry | undefined, facts: PodFacts, use: PodUse): Entry {
  const readyAt = before?.readyAt || facts.readySince;
  if (facts.ready) return { facts, use, wasReady: true, readyAt, problem: undefined };
  // A place on a node is found or not; what containers said stands.
  const earlier = before?.problem?.reason === 'Unschedulable' ? undefined : before?.problem;
  return { facts, use, wasReady: before?.wasReady ?? false, readyAt, problem: facts.problem ?? earlier };
}

function mark(set: Set<string>, uid: string, wanted: boolean): void {
  if (wanted) set.add(uid);
  else set.delete(uid);
}
