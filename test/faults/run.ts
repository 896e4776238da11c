import type { Pool } from '../../src/schema/pool';
import { checkEmpty, checkRest } from './checks/rest';
import type { Report } from './checks/part';
import { QuietCheck } from './checks/quiet';
import type { Violation } from './checks/safety';
import { TryCheck } from './checks/tries';
import { UpdateCheck } from './checks/update';
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
/** Time without trouble after which every pool has said what is so, in ms. */
const CALM_MS = 60_000;
/** Version of the template that all pools get at the end; no operation uses it. */
const LAST_VERSION = 9;

/** Plays the steps in a world of their own, lets it come to rest, and takes everything down again. Stops at the first broken rule. */
export async function play(seed: string, steps: readonly Step[]): Promise<Outcome> {
  const failures: Violation[] = [];
  const world = new World(seed, replicasOf(seed), (error) => failures.push({ rule: 'R125', message: `the operator ended: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}` }));
  const safety = watchSafety(world);
  const quiet = new QuietCheck(() => world.nowMs());
  world.api.onRequest((client, request) => quiet.judgeRequest(client, request));
  const firstOf = () => safety.violations[0] ?? failures[0];

  const pass = async (ms: number) => {
    const untilMs = world.clock.monotonicMs() + ms;
    while (firstOf() === undefined && (await world.clock.step(untilMs)));
  };
  const rest = async (check: (world: World) => Violation[]) => {
    const beginMs = world.nowMs();
    while (firstOf() === undefined && quiet.quietMs(beginMs) < QUIET_MS) {
      await pass(5_000);
      if (world.nowMs() > beginMs + RESTLESS_MS) failures.push(quiet.violation());
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
  const report: Report = (rule, message) => failures.push({ rule, message });
  const tries = new TryCheck(world, report, CALM_MS);
  world.api.onChange((change) => tries.observe(change));
  await calm(world);
  await rest(checkRest);
  if (firstOf() === undefined) {
    const update = new UpdateCheck(world, report);
    let isUpdating = true;
    world.api.onRequest((client, request) => isUpdating && client.startsWith('operator') && update.judgeRequest(request));
    await updatePools(world);
    await rest(checkRest);
    isUpdating = false;
  }
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

/** Every pool gets a template that is fine and new. */
async function updatePools(world: World): Promise<void> {
  world.history.note('--- update pools');
  for (const { metadata } of world.pools()) {
    await world.api.request('user', 'PATCH', userPath('pools', metadata.name), { spec: { template: world.templateOf('good', LAST_VERSION) } });
  }
}

async function deleteEverything({ api, history }: World): Promise<void> {
  history.note('--- delete everything');
  for (const plural of ['batchsandboxes', 'pools'] as const) {
    for (const { metadata } of api.list(plural)) await api.request('user', 'DELETE', userPath(plural, metadata.name));
  }
}
