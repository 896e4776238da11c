import type { Pool } from '../../src/schema/pool';
import { checkEmpty, checkRest } from './checks/rest';
import type { Violation } from './checks/safety';
import type { Step } from './operations';
import { userPath } from './paths';
import { perform } from './perform';
import { Random } from './random';
import { watchSafety } from './watch-safety';
import { World } from './world';

/** How a history went. */
export interface Outcome {
  /** The first broken rule. */
  readonly violation: Violation | undefined;
  /** Digest of everything that happened. */
  readonly digest: string;
  /** Things that happened: requests, starts, operations. */
  readonly eventCount: number;
  /** Virtual time that it took, in ms. */
  readonly virtualMs: number;
  /** The last lines of the history. */
  readonly tail: readonly string[];
}

/** The world is at rest when nobody has written anything for so long, in ms: longer than any wait of a test's batches. */
const QUIET_MS = 100_000;
/** Longest time until the world is at rest, in ms: a node that was lost keeps its pods for a while, a stubborn task its pod. */
const RESTLESS_MS = 30 * 60_000;
const TAIL_LINES = 400;

/** Plays the steps in a world of their own, lets it come to rest, and takes everything down again. Stops at the first broken rule. */
export async function play(seed: string, steps: readonly Step[]): Promise<Outcome> {
  const failures: Violation[] = [];
  const world = new World(seed, replicasOf(seed), (error) => failures.push({ rule: 'R125', message: `the operator ended: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}` }));
  const safety = watchSafety(world);
  let lastWriteMs = 0;
  world.api.onRequest((client, { method, path }) => {
    if (client.startsWith('operator') && method !== 'GET' && !path.includes('/leases/')) lastWriteMs = world.clock.monotonicMs();
  });
  const firstOf = () => safety.violations[0] ?? failures[0];

  const pass = async (ms: number) => {
    const untilMs = world.clock.monotonicMs() + ms;
    while (firstOf() === undefined && (await world.clock.step(untilMs)));
  };
  const rest = async (check: (world: World) => Violation[]) => {
    const endMs = world.clock.monotonicMs() + RESTLESS_MS;
    lastWriteMs = world.clock.monotonicMs();
    while (firstOf() === undefined && world.clock.monotonicMs() - lastWriteMs < QUIET_MS) {
      await pass(5_000);
      if (world.clock.monotonicMs() > endMs) failures.push({ rule: 'R97', message: `the operator still writes ${RESTLESS_MS / 60_000} min after the last trouble` });
    }
    if (firstOf() === undefined) failures.push(...check(world));
  };

  await world.install();
  world.operator.start();
  for (const { afterMs, ...operation } of steps) {
    await pass(afterMs);
    if (firstOf() !== undefined) break;
    await perform(world, operation);
    await world.clock.settle();
  }
  await calm(world);
  await rest(checkRest);
  if (firstOf() === undefined) {
    await deleteEverything(world);
    await rest(checkEmpty);
  }
  const digest = world.history.close();
  const tail = world.history.tail(TAIL_LINES);
  const eventCount = world.history.lineCount;
  world.operator.end();
  world.api.close();
  return { violation: firstOf(), digest, eventCount, virtualMs: world.clock.monotonicMs(), tail };
}

/** In every third history two operators compete for the lease. */
function replicasOf(seed: string): number {
  return new Random(seed).fork('replicas').chance(1 / 3) ? 2 : 1;
}

/** Nothing goes wrong any more, and new pods of pools live for ever: else nothing would ever be at rest. */
async function calm({ api, history, nodes, operator, weather }: World): Promise<void> {
  history.note('--- calm');
  weather.clear();
  nodes.areFaultsOn = false;
  api.start();
  operator.start();
  for (const { metadata, spec } of api.list<Pool>('pools')) {
    if (spec.template?.spec?.activeDeadlineSeconds === undefined) continue;
    await api.request('user', 'PATCH', userPath('pools', metadata.name), { spec: { template: { spec: { activeDeadlineSeconds: null } } } });
  }
}

async function deleteEverything({ api, history }: World): Promise<void> {
  history.note('--- delete everything');
  for (const plural of ['batchsandboxes', 'pools'] as const) {
    for (const { metadata } of api.list(plural)) await api.request('user', 'DELETE', userPath(plural, metadata.name));
  }
}
