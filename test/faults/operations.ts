import { ANY_POOL } from '../../src/schema/names';
import { STOP_MANNERS, type StopManner } from './executors';
import type { Image } from './nodes';
import type { Random } from './random';
import { WEATHERS, type Weather } from './weather';

/** Bounds of a pool. */
export interface Capacity {
  readonly bufferMin: number;
  readonly bufferMax: number;
  readonly poolMin: number;
  readonly poolMax: number;
}

/** Task of a generated batch. */
export interface TaskSpec {
  /** Running time in seconds; 0 is until it is stopped. */
  readonly seconds: number;
  readonly exitCode: number;
  readonly manner: StopManner;
  /** Slot whose patch is malformed. */
  readonly badSlot?: number;
}

/** How a pool is set up beside its bounds. */
export interface PoolShape {
  readonly recycle: (typeof RECYCLES)[number];
  readonly image: Image;
  /** Annotation `restart-config`. */
  readonly restart: string | undefined;
  /** `updateStrategy.maxUnavailable`. */
  readonly maxUnavailable: number | string | undefined;
  /** Longest life of a pod, in seconds; undefined for no end. */
  readonly lifeSeconds: number | undefined;
  /** Label that some profiles compare. */
  readonly tier: (typeof TIERS)[number];
}

/** What a batch asks of the line in which it waits. */
export interface Rank {
  readonly priority: number;
  readonly allOrNothing: boolean;
}

export const RECYCLES = ['Delete', 'Noop', 'Restart'] as const;
export const POLICIES = ['Retain', 'Release'] as const;
export const TIERS = ['fast', 'cheap'] as const;
/** How pools are chosen for `poolRef: "*"`: `none` is no ConfigMap, `most` prefers full pools, `tier` compares labels, `bad` cannot be read. */
export const PROFILES = ['none', 'most', 'tier', 'bad'] as const;

/**
 * What is done to the world: by users, by machines that fail, by the network.
 *
 * Every operation says by itself what it is about, by a name or, for pods and nodes, by a share `at` of those that there are in order of
 * their names; so any part of a list of operations is a list of operations, which is what shrinking needs. One that finds nothing does nothing.
 */
export type Operation =
  | ({ readonly do: 'create pool'; readonly pool: string; readonly capacity: Capacity } & PoolShape)
  | { readonly do: 'resize pool'; readonly pool: string; readonly capacity: Capacity }
  | { readonly do: 'update pool'; readonly pool: string; readonly image: Image; readonly version: number }
  | { readonly do: 'set recycle'; readonly pool: string; readonly recycle: (typeof RECYCLES)[number] }
  | { readonly do: 'spoil pool'; readonly pool: string }
  | { readonly do: 'delete pool'; readonly pool: string }
  | ({ readonly do: 'create batch'; readonly batch: string; readonly pool: string | undefined; readonly replicas: number; readonly task: TaskSpec | undefined; readonly policy: (typeof POLICIES)[number]; readonly expireInMs: number | undefined; readonly image: Image; readonly tier: (typeof TIERS)[number] } & Rank)
  | { readonly do: 'scale batch'; readonly batch: string; readonly replicas: number }
  | { readonly do: 'set policy'; readonly batch: string; readonly policy: (typeof POLICIES)[number] }
  | { readonly do: 'move batch'; readonly batch: string; readonly pool: string }
  | { readonly do: 'set expiry'; readonly batch: string; readonly expireInMs: number | undefined }
  | { readonly do: 'spoil batch'; readonly batch: string }
  | { readonly do: 'release pod'; readonly batch: string; readonly slot: number }
  | { readonly do: 'forge allocation'; readonly batch: string; readonly at: number }
  | { readonly do: 'delete batch'; readonly batch: string }
  | { readonly do: 'delete pod'; readonly at: number; readonly force: boolean }
  | { readonly do: 'evict pod'; readonly at: number }
  | { readonly do: 'fail pod'; readonly at: number }
  | { readonly do: 'shake pod'; readonly at: number; readonly forMs: number }
  | { readonly do: 'kill executor'; readonly at: number; readonly downMs: number }
  | { readonly do: 'lose node'; readonly at: number }
  | { readonly do: 'kill operator'; readonly at: number }
  | { readonly do: 'stop operator'; readonly at: number }
  | { readonly do: 'freeze operator'; readonly at: number; readonly forMs: number }
  | { readonly do: 'weather'; readonly weather: Weather; readonly share: number; readonly forMs: number }
  | { readonly do: 'drop watches'; readonly cleanly: boolean }
  | { readonly do: 'expire watches' }
  | { readonly do: 'restart api'; readonly downMs: number }
  | { readonly do: 'restart container'; readonly at: number }
  | { readonly do: 'set pace'; readonly pool: string; readonly maxUnavailable: number | string | undefined }
  | { readonly do: 'set remaining life'; readonly pool: string; readonly seconds: number | undefined }
  | ({ readonly do: 'set rank'; readonly batch: string } & Rank)
  | { readonly do: 'set profile'; readonly profile: (typeof PROFILES)[number] };

/** An operation and the time since the one before. */
export type Step = Operation & { readonly afterMs: number };

const POOLS = ['red', 'green', 'blue'];
const BATCHES = ['b0', 'b1', 'b2', 'b3', 'b4', 'b5', 'b6', 'b7'];

/** Texts of `restart-config`; the last one cannot be read. */
const RESTART_CONFIGS = ['{"retryInterval":"2s","maxRetries":5}', '{"retryInterval":"5s","maxRetries":0}', '{"blacklist":["main"],"retryInterval":"3s"}', 'soon'];

type Make = (random: Random) => Operation;

/** What can happen, and how often: the weight is a share of the sum of all. */
const MAKERS: readonly (readonly [weight: number, make: Make])[] = [
  [6, (random) => createPool(random, random.pick(POOLS), imageOf(random))],
  [4, (random) => ({ do: 'resize pool', pool: random.pick(POOLS), capacity: capacityOf(random) })],
  [3, (random) => ({ do: 'update pool', pool: random.pick(POOLS), image: imageOf(random), version: random.whole(1, 3) })],
  [1, (random) => ({ do: 'set recycle', pool: random.pick(POOLS), recycle: recycleOf(random) })],
  [1, (random) => ({ do: 'spoil pool', pool: random.pick(POOLS) })],
  [2, (random) => ({ do: 'delete pool', pool: random.pick(POOLS) })],
  [18, createBatch],
  [10, (random) => ({ do: 'scale batch', batch: random.pick(BATCHES), replicas: random.whole(0, 6) })],
  [3, (random) => ({ do: 'set policy', batch: random.pick(BATCHES), policy: random.pick(POLICIES) })],
  [2, (random) => ({ do: 'move batch', batch: random.pick(BATCHES), pool: random.pick([...POOLS, ANY_POOL]) })],
  [3, (random) => ({ do: 'set expiry', batch: random.pick(BATCHES), expireInMs: expiryOf(random) })],
  [1, (random) => ({ do: 'spoil batch', batch: random.pick(BATCHES) })],
  [2, (random) => ({ do: 'release pod', batch: random.pick(BATCHES), slot: random.whole(0, 5) })],
  [2, (random) => ({ do: 'forge allocation', batch: random.pick(BATCHES), at: random.next() })],
  [10, (random) => ({ do: 'delete batch', batch: random.pick(BATCHES) })],
  [5, (random) => ({ do: 'delete pod', at: random.next(), force: random.chance(0.2) })],
  [2, (random) => ({ do: 'evict pod', at: random.next() })],
  [3, (random) => ({ do: 'fail pod', at: random.next() })],
  [3, (random) => ({ do: 'shake pod', at: random.next(), forMs: Math.round(random.between(100, 20_000)) })],
  [3, (random) => ({ do: 'kill executor', at: random.next(), downMs: Math.round(random.between(100, 6_000)) })],
  [1, (random) => ({ do: 'lose node', at: random.next() })],
  [5, (random) => ({ do: 'kill operator', at: random.next() })],
  [1, (random) => ({ do: 'stop operator', at: random.next() })],
  [1, (random) => ({ do: 'freeze operator', at: random.next(), forMs: Math.round(random.between(100, 40_000)) })],
  [7, (random) => ({ do: 'weather', weather: random.pick(WEATHERS), share: Math.round(random.between(5, 60)) / 100, forMs: Math.round(random.between(500, 30_000)) })],
  [3, (random) => ({ do: 'drop watches', cleanly: random.chance(0.5) })],
  [2, () => ({ do: 'expire watches' })],
  [1, (random) => ({ do: 'restart api', downMs: Math.round(random.between(200, 15_000)) })],
  [2, (random) => ({ do: 'restart container', at: random.next() })],
  [1, (random) => ({ do: 'set pace', pool: random.pick(POOLS), maxUnavailable: paceOf(random) })],
  [1, (random) => ({ do: 'set remaining life', pool: random.pick(POOLS), seconds: random.chance(0.2) ? undefined : random.whole(0, 200) })],
  [3, (random) => ({ do: 'set rank', batch: random.pick(BATCHES), ...rankOf(random) })],
  [2, (random) => ({ do: 'set profile', profile: random.pick(PROFILES) })],
];

/** So many operations that follow from the seed; the first make pools, or most of the others would find nothing. */
export function generateSteps(random: Random, count: number): Step[] {
  const total = MAKERS.reduce((sum, [weight]) => sum + weight, 0);
  return Array.from({ length: count }, (_, index): Step => {
    // Many at once, and now and then long enough for things to come to rest.
    const afterMs = Math.round(random.chance(0.4) ? random.between(0, 20) : random.chance(0.9) ? random.between(20, 3_000) : random.between(3_000, 30_000));
    const pool = POOLS[index];
    if (pool !== undefined) return { afterMs, ...createPool(random, pool, 'good') };
    let drawn = random.next() * total;
    const [, make] = MAKERS.find(([weight]) => (drawn -= weight) < 0) ?? [0, createBatch];
    return { afterMs, ...make(random) };
  });
}

function createBatch(random: Random): Operation {
  const pooled = random.chance(0.7);
  return {
    do: 'create batch',
    batch: random.pick(BATCHES),
    pool: pooled ? random.pick([...POOLS, ANY_POOL]) : undefined,
    replicas: random.whole(1, 6),
    task: random.chance(0.6) ? taskOf(random) : undefined,
    policy: random.pick(POLICIES),
    expireInMs: random.chance(0.2) ? expiryOf(random) : undefined,
    image: pooled ? 'good' : imageOf(random),
    tier: random.pick(TIERS),
    ...rankOf(random),
  };
}

function createPool(random: Random, pool: string, image: Image): Operation {
  return {
    do: 'create pool',
    pool,
    capacity: capacityOf(random),
    recycle: recycleOf(random),
    image,
    restart: random.chance(0.3) ? undefined : random.pick(RESTART_CONFIGS),
    maxUnavailable: paceOf(random),
    lifeSeconds: random.chance(0.15) ? random.whole(60, 600) : undefined,
    tier: random.pick(TIERS),
  };
}

const rankOf = (random: Random): Rank => ({ priority: random.pick([0, 0, 0, 5, -1]), allOrNothing: random.chance(0.25) });

const paceOf = (random: Random) => (random.chance(0.2) ? undefined : random.pick([1, 2, '40%', '100%']));

function taskOf(random: Random): TaskSpec {
  return {
    seconds: random.chance(0.2) ? 0 : Math.round(random.between(1, 40)),
    exitCode: random.chance(0.8) ? 0 : 1,
    manner: random.chance(0.8) ? 'polite' : random.pick(STOP_MANNERS),
    badSlot: random.chance(0.1) ? random.whole(0, 3) : undefined,
  };
}

function capacityOf(random: Random): Capacity {
  const poolMin = random.whole(0, 3);
  const bufferMin = random.whole(0, 3);
  return { poolMin, bufferMin, bufferMax: bufferMin + random.whole(0, 3), poolMax: poolMin + random.whole(0, 8) };
}

const recycleOf = (random: Random) => random.pick(RECYCLES);

function imageOf(random: Random): Image {
  if (random.chance(0.8)) return 'good';
  return random.pick(['slow', 'broken', 'fragile'] as const);
}

function expiryOf(random: Random): number | undefined {
  return random.chance(0.2) ? undefined : Math.round(random.between(-5_000, 60_000));
}
