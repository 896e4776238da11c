import fc from 'fast-check';
import { parseAllocation } from '../../operator/allocation-record';
import { declareDemands } from '../../operator/batch/first-demands';
import { claimantOf, compareClaimants } from '../../operator/claimant';
import { Ledger } from '../../operator/ledger';
import type { LedgerListener } from '../../operator/ledger-listener';
import { servable } from '../../operator/line';
import type { PodFacts } from '../../operator/pod-facts';
import type { PoolSource } from '../../operator/pool-source';
import type { BatchSandbox, BatchSandboxSpec } from '../../src/schema/batch-sandbox';
import { batchOf, podOf, statusHolding } from '../support/builders';

const NOW = new Date('2026-01-01T00:00:00Z');
const POOL_MAX = 10;
const SOURCE: PoolSource = { key: 'default/warm', uid: 'pool-warm', poolMax: POOL_MAX, minRemainingMs: 0, nowMs: NOW.getTime() };
const quiet: LedgerListener = { poolChanged: () => undefined, heldPodChanged: () => undefined, demandChanged: () => undefined };

/** A pool, the batches that take from it, and what they have on record: all that an operator that is killed finds again. */
class World {
  ledger = new Ledger(quiet);
  readonly pods = new Map<string, PodFacts>();
  readonly batches = new Map<string, BatchSandbox>();
  private made = 0;

  create(size: number, spec: BatchSandboxSpec): string {
    const name = `b${this.made++}`;
    const createdAt = `2026-01-01T00:00:${String(this.made).padStart(2, '0')}Z`;
    this.store(name, batchOf(name, { poolRef: 'warm', replicas: size, ...spec }, { createdAt, status: statusHolding('warm', []) }));
    return name;
  }

  edit(name: string, spec: BatchSandboxSpec): void {
    const batch = this.batches.get(name);
    if (batch !== undefined) this.store(name, { ...batch, spec: { ...batch.spec, ...spec } });
  }

  /** The end of a batch: its pods are idle again, or gone. */
  end(name: string, clean: boolean): void {
    const batch = this.batches.get(name);
    if (batch === undefined) return;
    const held = this.heldBy(batch);
    if (clean) this.ledger.markClean(held.map(({ uid }) => uid));
    this.ledger.batchChanged(batch, undefined);
    this.batches.delete(name);
    if (!clean) for (const { uid } of held) this.killPod(uid);
  }

  addPod(): void {
    if (this.pods.size >= POOL_MAX) return;
    const pod = podOf(SOURCE.uid, `warm-${this.made++}`);
    this.pods.set(pod.uid, pod);
    this.ledger.podChanged(pod.uid, pod);
  }

  killPod(uid: string): void {
    if (this.pods.delete(uid)) this.ledger.podChanged(uid, undefined);
  }

  /** The operator is killed, and another one begins with what is on record. */
  restart(): void {
    this.ledger = new Ledger(quiet);
    for (const [uid, pod] of this.pods) this.ledger.podChanged(uid, pod);
    for (const batch of this.batches.values()) this.ledger.batchChanged(undefined, batch);
    declareDemands(this.batches.values(), this.ledger.demands, NOW);
  }

  /** One pass over a batch; returns how many pods it took. With `refused` its record could not be written. */
  pass(name: string, refused = false): number {
    const batch = this.batches.get(name);
    if (batch === undefined) return 0;
    const held = this.heldBy(batch).slice(0, batch.spec.replicas);
    const empty = (batch.spec.replicas ?? 1) - held.length;
    const taken = empty === 0 ? [] : this.ledger.take(SOURCE, claimantOf(batch), empty);
    if (batch.spec.allocationPolicy === 'AllOrNothing') expect([0, empty]).toContain(taken.length);
    this.ledger.demands.set(SOURCE.key, claimantOf(batch), empty - taken.length, held.length + taken.length);
    if (!refused) this.store(name, { ...batch, status: statusHolding('warm', [...held, ...taken]) });
    this.ledger.release(batch.metadata.uid ?? '');
    return taken.length;
  }

  /** Passes until nobody gets anything any more, over those whom the ledger names, and first over all. */
  settle(): void {
    for (const name of this.inOrder()) this.pass(name);
    for (let rounds = 0; rounds < 100; rounds++) {
      const served = servable(this.ledger.demands.line(SOURCE.key), this.ledger.supply(SOURCE));
      if (served.length === 0) return;
      for (const { key } of served) expect(this.pass(key.replace('default/', ''))).toBeGreaterThan(0);
    }
    throw new Error('batches are served for ever');
  }

  inOrder(): string[] {
    return [...this.batches].sort(([, a], [, b]) => compareClaimants(claimantOf(a), claimantOf(b))).map(([name]) => name);
  }

  heldBy(batch: BatchSandbox): PodFacts[] {
    return parseAllocation(batch.status?.allocation).slots.flatMap((slot) => (slot.state === 'held' ? (this.pods.get(slot.uid) ?? []) : []));
  }

  holders(): string[] {
    return [...this.batches].filter(([, batch]) => this.heldBy(batch).length > 0).map(([name]) => name);
  }

  isWhole(name: string): boolean {
    const batch = this.batches.get(name);
    return batch !== undefined && this.heldBy(batch).length === batch.spec.replicas;
  }

  private store(name: string, batch: BatchSandbox): void {
    this.ledger.batchChanged(this.batches.get(name), batch);
    this.batches.set(name, batch);
  }
}

const pick = fc.nat(20);
const size = fc.integer({ min: 1, max: 12 });
const spec = fc.record({ priority: fc.integer({ min: -1, max: 1 }), allocationPolicy: fc.constantFrom('Partial' as const, 'AllOrNothing' as const) });
const anyStep = fc.oneof(
  fc.record({ kind: fc.constant('create' as const), size, spec }),
  fc.record({ kind: fc.constant('edit' as const), pick, spec: fc.record({ replicas: size, priority: fc.integer({ min: -1, max: 1 }) }) }),
  fc.record({ kind: fc.constant('end' as const), pick, clean: fc.boolean() }),
  fc.record({ kind: fc.constant('pass' as const), pick, refused: fc.boolean() }),
  fc.record({ kind: fc.constant('addPod' as const) }),
  fc.record({ kind: fc.constant('killPod' as const), pick }),
  fc.record({ kind: fc.constant('restart' as const) }),
);

function chosen<T>(items: readonly T[], index: number): T | undefined {
  return items[index % Math.max(1, items.length)];
}

type Step = typeof anyStep extends fc.Arbitrary<infer T> ? T : never;

function takeStep(world: World, step: Step): void {
  const name = 'pick' in step ? (chosen([...world.batches.keys()], step.pick) ?? '') : '';
  if (step.kind === 'create') world.create(step.size, step.spec);
  else if (step.kind === 'edit') world.edit(name, step.spec);
  else if (step.kind === 'end') world.end(name, step.clean);
  else if (step.kind === 'pass') world.pass(name, step.refused);
  else if (step.kind === 'addPod') world.addPod();
  else if (step.kind === 'killPod') world.killPod(chosen([...world.pods.keys()], step.pick) ?? '');
  else world.restart();
  const held = [...world.batches.values()].flatMap((batch) => world.heldBy(batch).map(({ uid }) => uid));
  expect(new Set(held).size).toBe(held.length);
}

test('whatever happens, no pod is in two batches, and once faults stop every batch that fits is served (R14, R103, R107)', () => {
  fc.assert(
    fc.property(fc.array(anyStep, { maxLength: 60 }), fc.array(pick, { minLength: 1, maxLength: 20 }), (steps, ends) => {
      const world = new World();
      for (const step of steps) takeStep(world, step);
      // Faults have stopped: the pool has all its pods, and whoever holds some ends at some time, in any order.
      for (let round = 0; round < 100; round++) {
        while (world.pods.size < POOL_MAX) world.addPod();
        world.settle();
        const ending = chosen(world.holders(), chosen(ends, round) ?? 0);
        if (ending === undefined) break;
        world.end(ending, round % 2 === 0);
      }
      const left = [...world.batches.values()].filter(({ spec: { replicas = 1 } }) => replicas > 0);
      expect(left.filter(({ spec: { allocationPolicy, replicas = 1 } }) => allocationPolicy !== 'AllOrNothing' || replicas <= POOL_MAX)).toEqual([]);
    }),
    { numRuns: 300 },
  );
});

test('of two batches of six that want ten pods at once, one is whole and the other gets its turn: no halves (R14)', () => {
  const world = new World();
  const first = world.create(6, { allocationPolicy: 'AllOrNothing' });
  const second = world.create(6, { allocationPolicy: 'AllOrNothing' });
  while (world.pods.size < POOL_MAX) world.addPod();
  world.settle();
  expect([world.isWhole(first), world.holders()]).toEqual([true, [first]]);
  world.end(first, true);
  world.settle();
  expect(world.isWhole(second)).toBe(true);
});

test('small batches that come without end pass a large one only until it has room, and never again (R14)', () => {
  const world = new World();
  const older = world.create(6, {});
  while (world.pods.size < POOL_MAX) world.addPod();
  world.settle();
  const large = world.create(8, { allocationPolicy: 'AllOrNothing' });
  const small: string[] = [];
  const passed: number[] = [];
  for (let round = 0; round < 8; round++) {
    small.push(world.create(1, {}), world.create(1, {}));
    world.settle();
    passed.push(small.filter((name) => world.isWhole(name)).length);
    if (round === 3) world.end(older, true);
    // Each small one is done after three rounds.
    const done = small[2 * (round - 3)];
    if (done !== undefined) for (const name of [done, small[2 * (round - 3) + 1] ?? '']) world.end(name, true);
  }
  expect(passed.slice(0, 4)).toEqual([2, 4, 4, 4]);
  expect(world.isWhole(large)).toBe(true);
});
