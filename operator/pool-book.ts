import { Lifetimes } from './lifetimes';
import type { PodFacts } from './pod-facts';
import { ReadyQueue } from './ready-queue';

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

interface Entry {
  readonly facts: PodFacts;
  readonly use: PodUse;
}

/** Pods of one pool, counted as they change, so that a pass over the pool costs what changed and not what exists. */
export class PoolBook {
  private readonly entries = new Map<string, Entry>();
  private readonly queue = new ReadyQueue();
  private readonly lifetimes = new Lifetimes();
  private readonly dead = new Set<string>();
  private readonly evicted = new Set<string>();
  private readonly totalByRevision = new Map<string, number>();
  private readonly sums = { existing: 0, total: 0, live: 0, allocated: 0, idleNotReady: 0 };
  private revision = '';

  get available(): number {
    return this.queue.size;
  }

  isEmpty(): boolean {
    return this.entries.size === 0;
  }

  setRevision(revision: string): void {
    this.revision = revision;
    this.queue.preferRevision(revision);
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
      this.dead.delete(uid);
      this.evicted.delete(uid);
      return;
    }
    const entry: Entry = { facts, use };
    this.entries.set(uid, entry);
    this.tally(entry, 1);
    const idle = use === 'idle';
    this.lifetimes.set(uid, idle && facts.live ? facts : undefined);
    this.offer(uid, entry);
    mark(this.dead, uid, !facts.live && !facts.terminating && use !== 'doomed');
    mark(this.evicted, uid, idle && facts.evict && facts.live);
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

  podsOfUse(use: PodUse): PodFacts[] {
    return [...this.entries.values()].filter((entry) => entry.use === use && entry.facts.live).map((entry) => entry.facts);
  }

  removable(): { dead: PodFacts[]; evicted: PodFacts[] } {
    return { dead: this.factsOf(this.dead), evicted: this.factsOf(this.evicted) };
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

function mark(set: Set<string>, uid: string, wanted: boolean): void {
  if (wanted) set.add(uid);
  else set.delete(uid);
}
