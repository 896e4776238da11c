import { type Claimant, compareAge } from './claimant';

/** What the record of a batch says of a pod. */
export interface Claim {
  readonly claimant: Claimant;
  readonly use: 'held' | 'returning';
}

/** A pod whose claim is another now. */
export interface ClaimChange {
  readonly podUID: string;
  readonly before: Claim | undefined;
  readonly after: Claim | undefined;
}

/** What a record has changed. */
export interface ClaimChanges {
  readonly changes: readonly ClaimChange[];
  /** Batches whose records name a pod that an older batch has; one entry for each pod. */
  readonly losers: readonly Claimant[];
}

/** Which batch has which pod, by the records of the batches; of two that name one pod the older has it (R109). */
export class Claims {
  private readonly byPod = new Map<string, Claim>();
  private readonly podsByBatch = new Map<string, ReadonlySet<string>>();
  /** Batch UID -> pods that its record names and another batch has. */
  private readonly lostByBatch = new Map<string, Set<string>>();

  /** Who has a pod, and as what. */
  of(podUID: string): Claim | undefined {
    return this.byPod.get(podUID);
  }

  /** Pods that the record of a batch names, those included that another batch has. */
  namedBy(batchUID: string): ReadonlySet<string> {
    return this.podsByBatch.get(batchUID) ?? NONE;
  }

  /** Pods that the record of a batch names although an older batch has them. */
  lostBy(batchUID: string): ReadonlySet<string> {
    return this.lostByBatch.get(batchUID) ?? NONE;
  }

  /** Replaces what the record of a batch says; costs the size of the record. */
  set(claimant: Claimant, uses: ReadonlyMap<string, Claim['use']>): ClaimChanges {
    const changes: ClaimChange[] = [];
    const losers: Claimant[] = [];
    const earlier = this.namedBy(claimant.uid);
    if (uses.size === 0) this.podsByBatch.delete(claimant.uid);
    else this.podsByBatch.set(claimant.uid, new Set(uses.keys()));
    for (const podUID of earlier) {
      if (uses.has(podUID)) continue;
      this.noteLost(claimant.uid, podUID, false);
      const before = this.byPod.get(podUID);
      if (before?.claimant.uid !== claimant.uid) continue;
      this.byPod.delete(podUID);
      changes.push({ podUID, before, after: undefined });
    }
    for (const [podUID, use] of uses) {
      const before = this.byPod.get(podUID);
      const after: Claim = { claimant, use };
      if (before !== undefined && before.claimant.uid !== claimant.uid) {
        const loser = compareAge(before.claimant, claimant) < 0 ? claimant : before.claimant;
        this.noteLost(loser.uid, podUID, true);
        losers.push(loser);
        if (loser === claimant) continue;
      }
      this.byPod.set(podUID, after);
      if (before?.claimant.uid !== claimant.uid || before.use !== use) changes.push({ podUID, before, after });
    }
    return { changes, losers };
  }

  private noteLost(batchUID: string, podUID: string, isLost: boolean): void {
    const lost = this.lostByBatch.get(batchUID) ?? new Set<string>();
    if (isLost) this.lostByBatch.set(batchUID, lost.add(podUID));
    else if (lost.delete(podUID) && lost.size === 0) this.lostByBatch.delete(batchUID);
  }
}

const NONE: ReadonlySet<string> = new Set();
