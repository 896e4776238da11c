import type { Violation } from '../checks/safety';
import { checkEmpty, checkRest } from '../checks/rest';
import type { Step } from '../operations';
import { userPath } from '../paths';
import { perform } from '../perform';
import { type RealCluster, RealWorld, type Scene } from './real-world';
import { type Judgement, replay } from './replay';

/** One history to play. */
export interface RealHistory {
  readonly seed: string;
  readonly steps: readonly Step[];
}

/** How a history went. */
export interface RealOutcome {
  readonly seed: string;
  /** Rules that were broken; of the world at rest, those that stayed broken. */
  readonly violations: readonly Violation[];
  /** How much there was to judge. */
  readonly judged: Omit<Judgement, 'violations'>;
  /** What was done, and what the operator deleted. */
  readonly lines: readonly string[];
}

/** How all histories went. */
export interface RealOutcomes {
  readonly outcomes: readonly RealOutcome[];
  /** Operators that were started, one after the other. */
  readonly operatorStarts: number;
  /** The end of what they have logged. */
  readonly operatorLog: readonly string[];
}

/** Longest time until the world is at rest, in ms; and between two looks. */
const REST_WITHIN_MS = 120_000;
const LOOK_EVERY_MS = 500;
/** Time in which the operator may act on what was true before, in ms: the longest trouble with room. */
const STALE_MS = 25_000;

/**
 * Plays histories at the same time, each in a namespace of its own, with one operator: what befalls the operator and the network in one of
 * them befalls all. Then everything is calmed, must come to rest, and is deleted.
 */
export async function playReal(cluster: RealCluster, histories: readonly RealHistory[]): Promise<RealOutcomes> {
  const world = await RealWorld.start(cluster, histories.length, histories.map(({ seed }) => seed).join('/'));
  try {
    const pairs = histories.map((history, index) => ({ history, scene: sceneAt(world, index) }));
    await Promise.all(pairs.map(({ history, scene }) => playSteps(scene, history.steps)));
    await world.calm();
    const restless = await Promise.all(pairs.map(({ scene }) => settle(async () => checkRest(await world.look(scene)))));
    await Promise.all(pairs.map(({ scene }) => deleteEverything(scene)));
    const left = await Promise.all(pairs.map(({ scene }) => settle(async () => [...checkEmpty(await world.look(scene)), ...world.left(scene)])));
    const failures = world.failures.map((message) => ({ rule: 'R125', message }));
    const outcomes = pairs.map(({ history: { seed }, scene: { chronicle } }, index) => {
      const { violations, ...judged } = replay(chronicle, STALE_MS);
      return { seed, violations: [...failures, ...violations, ...(restless[index] ?? []), ...(left[index] ?? [])], judged, lines: chronicle.lines };
    });
    const { operatorStarts, operatorLog } = world;
    return { outcomes, operatorStarts, operatorLog };
  } finally {
    await world.close();
  }
}

function sceneAt({ scenes }: RealWorld, index: number): Scene {
  const scene = scenes[index];
  if (scene === undefined) throw new Error(`scene ${index}: expected one for every history, got none`);
  return scene;
}

async function playSteps({ stage }: Scene, steps: readonly Step[]): Promise<void> {
  for (const { afterMs, ...operation } of steps) {
    await sleep(afterMs);
    await perform(stage, operation);
  }
}

/** Looks until nothing is wrong; what still is when the time is over. */
async function settle(look: () => Promise<readonly Violation[]>): Promise<readonly Violation[]> {
  const deadlineMs = performance.now() + REST_WITHIN_MS;
  for (;;) {
    const violations = await look();
    if (violations.length === 0 || performance.now() > deadlineMs) return violations;
    await sleep(LOOK_EVERY_MS);
  }
}

async function deleteEverything({ stage, chronicle }: Scene): Promise<void> {
  chronicle.note('--- delete everything');
  for (const { metadata } of chronicle.batches()) await stage.api.request('user', 'DELETE', userPath('batchsandboxes', metadata.name));
  for (const { metadata } of chronicle.pools()) await stage.api.request('user', 'DELETE', userPath('pools', metadata.name));
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
