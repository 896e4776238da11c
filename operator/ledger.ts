import type { BatchSandbox } from '../src/schema/batch-sandbox';
import { parseAllocation } from './allocation-record';
import { type Claimant, claimantOf } from './claimant';
import { type Claim, Claims } from './claims';
import { Demands } from './demands';
import { Holdings } from './holdings';
import type { LedgerListener } from './ledger-listener';
import { LeftPods } from './left-pods';
import { leftFor, type Supply } from './line';
import { type PodFacts, sameFacts } from './pod-facts';
import type { PoolCounts, PodUse, PoolStarts } from './pool-book';
import { PoolBooks } from './pool-books';
import type { PoolSource } from './pool-source';

/**
 * Who has which pod: the one place where pods of pools are given out.
 *
 * It follows the caches of pods and batches, whatever order they fill in, so a restart rebuilds it from `status.allocation`
 * alone. Everything is keyed by UID: an object made again under an old name inherits nothing.
 *
 *            take()             status written            record without it
 *   idle ────────────> reserved ──────────────> held ──────────────> (returning) ──> idle or gone
 *     ^                   │ write refused
 *     └───────────────────┘
 */
export class Ledger {
  private readonly pods = new Map<string, PodFacts>();
  private readonly books = new PoolBooks();
  private readonly claims = new Claims();
  /** Pod UID -> batch UID, while the write that records the pod is under way or its outcome is unknown. */
  private readonly reservations = new Map<string, string>();
  private readonly reservedByBatch = new Map<string, Set<string>>();
  /** Pods whose delete was sent. */
  private readonly doomed = new Set<string>();
  private readonly left = new LeftPods();
  private readonly holdings = new Holdings();
  /** What batches still wait for. */
  readonly demands: Demands;

  constructor(private readonly listener: LedgerListener) {
    this.demands = new Demands((poolKey, first) => listener.demandChanged(poolKey, first));
  }

  /** A Pool is there: pods of other namespaces that name it as their owner are none of its. */
  poolSeen(poolUID: string, namespace: string): void {
    for (const pod of this.books.open(poolUID, namespace)) this.podChanged(pod.uid, pod);
  }

  /** A pod appeared, changed, or (without `seen`) is gone. */
  podChanged(uid: string, seen: PodFacts | undefined): void {
    const before = this.pods.get(uid);
    const after = seen && this.books.judge(seen);
    if (before !== undefined && after !== undefined && sameFacts(before, after)) return;
    if (after === undefined) this.pods.delete(uid);
    else this.pods.set(uid, after);
    if (before !== undefined && before.ownerUID !== after?.ownerUID) this.enter(before.ownerUID, uid, undefined);
    if (after === undefined) {
      this.doomed.delete(uid);
      this.left.forget(uid);
    } else {
      this.enter(after.ownerUID, uid, after);
    }
    const claim = this.claims.of(uid);
    if (claim !== undefined) this.listener.heldPodChanged(claim.claimant.key);
  }

  /** A batch appeared or its record changed, or (without `after`) it is gone. */
  batchChanged(before: BatchSandbox | undefined, after: BatchSandbox | undefined): void {
    if (before !== undefined && before.metadata.uid !== after?.metadata.uid) {
      const uid = before.metadata.uid ?? '';
      const held = this.claims.namedBy(uid);
      this.setClaims(claimantOf(before), new Map());
      this.holdings.drop(uid);
      this.refreshAll([...held].filter((pod) => this.orphan(pod, uid)));
      this.forgetBatch(uid);
    }
    if (after === undefined) return;
    const record = parseAllocation(after.status?.allocation);
    const isSameRecord = after.status?.allocation === before?.status?.allocation;
    const isMoved = after.spec.priority !== before?.spec.priority;
    if (!isSameRecord || isMoved) {
      this.holdings.set(record.poolUID, claimantOf(after), record.slots.filter(({ state }) => state === 'held').length);
    }
    // What is kept for those that wait depends on what batches before them hold.
    if (isMoved && record.poolUID !== '') this.listener.poolChanged(record.poolUID);
    if (isSameRecord) return;
    const uses = new Map<string, Claim['use']>();
    // Of an unreadable record, what can be read counts, and what the batch held before stays set aside (R127).
    if (record.problem !== undefined) for (const uid of this.claims.namedBy(after.metadata.uid ?? '')) uses.set(uid, 'held');
    for (const slot of record.slots) if (slot.state === 'held') uses.set(slot.uid, 'held');
    for (const pod of record.returning) uses.set(pod.uid, 'returning');
    this.setClaims(claimantOf(after), uses);
  }

  /** Facts of a pod, or `undefined` when it does not exist. */
  pod(uid: string): PodFacts | undefined {
    return this.pods.get(uid);
  }

  /** Counts of a pool; all zero for one that has no pods. */
  counts(poolUID: string): PoolCounts {
    return this.books.of(poolUID).counts();
  }

  /** Pods of a pool that nobody holds, for shrinking and clearing; costs the size of the pool. */
  idlePods(poolUID: string): PodFacts[] {
    return this.books.of(poolUID).podsOfUse('idle');
  }

  /** Idle pods of a pool whose life has an end; costs the number of those. */
  mortalPods(poolUID: string): PodFacts[] {
    return this.books.of(poolUID).mortal();
  }

  /** Pods of a pool that must go: dead ones, evicted idle ones, and those whose batch vanished. */
  removablePods(poolUID: string): { dead: PodFacts[]; evicted: PodFacts[]; orphaned: PodFacts[] } {
    const { dead, evicted } = this.books.of(poolUID).removable();
    const left = this.left.uids().flatMap((uid) => this.pods.get(uid) ?? []);
    const orphaned = left.filter((pod) => pod.ownerUID === poolUID && pod.live);
    return { dead, evicted, orphaned };
  }

  /** Idle pods of a pool that were made from another revision of its template; costs what there are. */
  outdatedPods(poolUID: string): PodFacts[] {
    return this.books.of(poolUID).outdatedPods();
  }

  /** Pods of a pool that ended since the last {@link takeStarts} before they were Ready, or soon after. */
  endedCount(poolUID: string): number {
    return this.books.of(poolUID).endedCount;
  }

  /** How the starts of pods of a pool go since the last call; costs the pods that are not Ready. */
  takeStarts(poolUID: string): PoolStarts {
    return this.books.of(poolUID).takeStarts();
  }

  /** Names the template revision whose pods are given out first and counted as updated. */
  setRevision(poolUID: string, revision: string): void {
    this.books.of(poolUID).setRevision(revision);
  }

  /**
   * Reserves up to `count` pods of a pool for a batch, or none when it takes all or nothing and gets fewer. Batches that wait and are served
   * before it keep what they wait for (R14). Each pod stays reserved until the batch's record names it, or {@link release} gives it back. Pods
   * that are still reserved for the batch, since nobody knows what became of the write that records them, are offered first: the next write
   * names them again, or is refused (R106).
   */
  take(source: PoolSource, claimant: Claimant, count: number): PodFacts[] {
    const poolUID = source.uid;
    const book = this.books.of(poolUID);
    const reserved = this.reservedByBatch.get(claimant.uid) ?? new Set();
    const again = [...reserved]
      .flatMap((uid) => this.pods.get(uid) ?? [])
      .filter((pod) => pod.ownerUID === poolUID && pod.ready && !pod.evict && this.useOf(pod.uid) === 'reserved')
      .slice(0, count);
    const free = Math.max(0, leftFor(claimant, this.demands.line(source.key), this.supply(source)));
    if (claimant.allOrNothing && again.length + free < count) return [];
    const taken = book.take(Math.min(count - again.length, free));
    for (const pod of taken) {
      this.reservations.set(pod.uid, claimant.uid);
      reserved.add(pod.uid);
      book.set(pod.uid, pod, 'reserved');
    }
    if (reserved.size > 0) this.reservedByBatch.set(claimant.uid, reserved);
    if (taken.length > 0) this.listener.poolChanged(poolUID);
    return [...again, ...taken];
  }

  /** What a pool can give to those who wait for it. */
  supply({ uid, poolMax, nowMs, minRemainingMs }: PoolSource): Supply {
    const book = this.books.of(uid);
    book.advance(nowMs, minRemainingMs);
    return { available: book.available, poolMax, heldBefore: (claimant) => this.holdings.heldBefore(uid, claimant) };
  }

  /** Ends the reservations of a batch: what its record names is held, the rest is idle again. */
  release(batchUID: string): void {
    const reserved = this.reservedByBatch.get(batchUID) ?? NONE;
    this.reservedByBatch.delete(batchUID);
    const freed = [...reserved].filter((uid) => this.reservations.get(uid) === batchUID);
    for (const uid of freed) this.reservations.delete(uid);
    this.refreshAll(freed);
  }

  /** Ends what a batch that is gone waits for and has reserved, also when a pass over it declared that after its end. */
  forgetBatch(batchUID: string): void {
    this.demands.drop(batchUID);
    this.release(batchUID);
  }

  /** Pods that a record of this batch names although an older batch holds them (R109). */
  conflicts(batchUID: string): ReadonlySet<string> {
    return this.claims.lostBy(batchUID);
  }

  /**
   * Keeps every pod of a pool that nobody has from being given out: the record of this batch cannot be read, and may name any of them (R127).
   * It ends when the record can be read again; if the batch vanishes instead, the pool recycles them.
   */
  setAside(poolUID: string, claimant: Claimant): void {
    const uids = [...this.claims.namedBy(claimant.uid), ...this.idlePods(poolUID).map((pod) => pod.uid)];
    this.setClaims(claimant, new Map(uids.map((uid) => [uid, 'held' as const])));
  }

  /** Marks a pod unavailable before its delete is sent (R110); `false` when somebody has it by now. */
  doom(uid: string, allowed: readonly PodUse[]): boolean {
    if (!this.pods.has(uid) || !allowed.includes(this.useOf(uid))) return false;
    this.doomed.add(uid);
    this.refresh(uid);
    return true;
  }

  /** The delete of a pod was refused: it is what it was before. */
  spare(uid: string): void {
    if (this.doomed.delete(uid)) this.refresh(uid);
  }

  /** An orphan was recycled: it is idle again. */
  adopt(uid: string): void {
    if (this.left.adopt(uid)) this.refresh(uid);
  }

  /** UID of the batch that is giving a pod back, or held it and vanished; `undefined` when no such batch is behind it (R108). */
  giverOf(uid: string): string | undefined {
    const claim = this.claims.of(uid);
    if (claim === undefined) return this.left.giverOf(uid);
    return claim.use === 'returning' ? claim.claimant.uid : undefined;
  }

  /** Says that the pods of a batch were cleaned, so that its end makes them idle; of how many nobody had said so before. */
  markClean(uids: Iterable<string>): number {
    return this.left.markClean(uids);
  }

  private setClaims(claimant: Claimant, uses: ReadonlyMap<string, Claim['use']>): void {
    const { changes, losers } = this.claims.set(claimant, uses);
    for (const { podUID, before, after } of changes) {
      if (after !== undefined && before === undefined) this.left.unmarkClean(podUID);
      if (after !== undefined && this.reservations.get(podUID) === claimant.uid) this.reservations.delete(podUID);
    }
    this.refreshAll(changes.map(({ podUID }) => podUID));
    for (const { key } of losers) this.listener.heldPodChanged(key);
  }

  /** Notes that a pod is left by its batch; whether it is: not when another batch holds it, it was gone before, or it came back clean. */
  private orphan(uid: string, batchUID: string): boolean {
    return this.claims.of(uid) === undefined && this.pods.has(uid) && this.left.leave(uid, batchUID);
  }

  private refresh(uid: string): void {
    this.refreshAll([uid]);
  }

  /** Enters what pods are by now, and tells of each pool once. */
  private refreshAll(uids: readonly string[]): void {
    const pools = new Set<string>();
    for (const uid of uids) {
      const facts = this.pods.get(uid);
      if (facts === undefined || facts.ownerUID === '') continue;
      this.books.of(facts.ownerUID).set(uid, facts, this.useOf(uid));
      pools.add(facts.ownerUID);
    }
    for (const poolUID of pools) this.listener.poolChanged(poolUID);
  }

  /** Enters what a pod is in the book of its pool; without facts it is none of that pool any more. */
  private enter(poolUID: string, uid: string, facts: PodFacts | undefined): void {
    if (poolUID === '') return;
    this.books.of(poolUID).set(uid, facts, this.useOf(uid));
    if (facts === undefined) this.books.dropEmpty(poolUID);
    this.listener.poolChanged(poolUID);
  }

  private useOf(uid: string): PodUse {
    if (this.doomed.has(uid)) return 'doomed';
    const claim = this.claims.of(uid);
    if (claim !== undefined) return claim.use;
    if (this.reservations.has(uid)) return 'reserved';
    return this.left.giverOf(uid) === undefined ? 'idle' : 'returning';
  }

  /** A Pool is gone: nothing is kept of it but its pods, while they last. */
  forgetPool(poolUID: string): void {
    this.books.forgetPool(poolUID);
  }
}

const NONE: ReadonlySet<string> = new Set();
