import { setTimeout as sleep } from 'node:timers/promises';
import { Command, InvalidArgumentError } from 'commander';
import type { BatchSandbox } from '../../src/schema/batch-sandbox';
import { allCrds } from '../../src/schema/crds';
import { startControlPlane } from '../cluster/real-cluster';
import { ApiClient } from '../support/api-client';
import { fixedPool } from '../support/pool-spec';
import { endpointsOf, recordedUIDsOf, Space } from '../support/space';
import { until } from '../support/waiting';
import { OperatorUnderFire } from './operator-under-fire';

/** A burst: so many batches of so many sandboxes. */
const BATCHES = 10;
const REPLICAS = 10;
/** One batch more, made while no operator runs, so that there is always something to deliver. */
const PROBE = 'probe';
const POOL_SIZE = BATCHES * REPLICAS + 1;
/** A batch that is not whole after this time is lost, in ms. */
const LOST_AFTER_MS = 90_000;
/** Pause between two looks, in ms: one that grew, as that of `until`, would add to what is measured. */
const LOOK_EVERY_MS = 10;

/** What one kill has shown. */
interface Outcome {
  /** Batches that were not delivered when the operator was killed, the probe not counted. */
  readonly open: number;
  /** Pods that two records named at the same time. */
  readonly doubles: number;
  readonly lost: readonly string[];
  /** From the start of the next operator to the first batch that it has delivered, in ms. */
  readonly firstDeliveryMs: number;
}

const isDelivered = (batch: BatchSandbox) => endpointsOf(batch).filter((ip) => ip !== '').length === batch.spec.replicas;

function doublesIn(batches: readonly BatchSandbox[]): number {
  const uids = batches.flatMap(recordedUIDsOf);
  return uids.length - new Set(uids).size;
}

const NAMES = Array.from({ length: BATCHES }, (_, index) => `batch-${index}`);

async function createBurst(space: Space): Promise<void> {
  await Promise.all(NAMES.map((name) => space.create('BatchSandbox', name, { replicas: REPLICAS, poolRef: 'warm' })));
}

async function deleteAll(space: Space): Promise<void> {
  for (const { metadata } of await space.list('BatchSandbox')) await space.delete('BatchSandbox', metadata.name);
  await untilAtRest(space);
}

/** How long a burst takes that nobody disturbs, in ms: the moments of the kills are spread over it. */
async function timeOfBurst(space: Space): Promise<number> {
  const startedMs = performance.now();
  await createBurst(space);
  let delivered = 0;
  while (delivered < BATCHES) {
    if (performance.now() - startedMs > LOST_AFTER_MS) throw new Error(`burst: expected ${BATCHES} batches delivered within ${LOST_AFTER_MS} ms, got ${delivered}`);
    await sleep(LOOK_EVERY_MS);
    delivered = (await space.list('BatchSandbox')).filter(isDelivered).length;
  }
  const tookMs = performance.now() - startedMs;
  await deleteAll(space);
  return tookMs;
}

/** One burst, one kill, one new operator. */
async function killOnce(space: Space, operator: OperatorUnderFire, delayMs: number): Promise<Outcome> {
  const created = createBurst(space);
  await sleep(delayMs);
  await operator.kill();
  await created;
  await space.create('BatchSandbox', PROBE, { replicas: 1, poolRef: 'warm' });
  const before = await space.list('BatchSandbox');
  const waiting = new Set(before.filter((batch) => !isDelivered(batch)).map(({ metadata }) => metadata.name));
  const open = waiting.size - 1;
  let doubles = doublesIn(before);

  const startedMs = performance.now();
  operator.start();
  let firstDeliveryMs: number | undefined;
  while (waiting.size > 0 && performance.now() - startedMs < LOST_AFTER_MS) {
    await sleep(LOOK_EVERY_MS);
    const batches = await space.list('BatchSandbox');
    doubles = Math.max(doubles, doublesIn(batches));
    for (const batch of batches.filter(isDelivered)) {
      if (waiting.delete(batch.metadata.name)) firstDeliveryMs ??= performance.now() - startedMs;
    }
  }
  const lost = [...waiting];
  await deleteAll(space);
  return { open, doubles, lost, firstDeliveryMs: firstDeliveryMs ?? LOST_AFTER_MS };
}

/** Waits until there is no batch, and every pod of the pool is Ready and idle. */
function untilAtRest(space: Space): Promise<void> {
  return until(async () => {
    const left = await space.list('BatchSandbox');
    if (left.length > 0) throw new Error(`batches: expected none after their deletion, got ${left.map(({ metadata }) => metadata.name).join(', ')}`);
    const available = (await space.get('Pool', 'warm')).status?.available ?? 0;
    if (available !== POOL_SIZE) throw new Error(`pool: expected ${POOL_SIZE} pods available, got ${available}`);
  }, LOST_AFTER_MS);
}

/** Numbers from 0 up to 1, the same ones for the same seed. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

async function run({ kills, seed, leaderElect }: { readonly kills: number; readonly seed: number; readonly leaderElect: boolean }): Promise<void> {
  const cluster = await startControlPlane({ simulatedNodes: 2 });
  const client = new ApiClient(cluster.kubeconfigPath);
  const operator = new OperatorUnderFire(cluster, leaderElect);
  const outcomes: Outcome[] = [];
  try {
    for (const crd of allCrds()) await client.request('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', crd);
    const template = { spec: { automountServiceAccountToken: false, containers: [{ name: 'main', image: 'none' }] } };
    const space = await Space.create({ request: (...args) => client.request(...args), kubectl: () => Promise.reject(new Error('kubectl: expected no use of it')), podTemplate: () => template });
    // A CRD is served some time after it was created.
    await until(() => space.create('Pool', 'warm', fixedPool(POOL_SIZE, template, { recycleStrategy: { type: 'Noop' } })));
    operator.start();
    await untilAtRest(space);
    const random = randomFrom(seed);
    await timeOfBurst(space); // the first one finds nothing warm
    const burstMs = await timeOfBurst(space);
    for (let kill = 1; kill <= kills; kill += 1) {
      const outcome = await killOnce(space, operator, random() * burstMs);
      outcomes.push(outcome);
      process.stderr.write(`kill ${kill}: ${outcome.open} of ${BATCHES} batches open, first delivery after ${Math.round(outcome.firstDeliveryMs)} ms\n`);
    }
  } finally {
    await operator.kill();
    await client.close();
    await cluster.stop();
  }
  const times = outcomes.map(({ firstDeliveryMs }) => firstDeliveryMs);
  const doubleDeliveries = outcomes.reduce((sum, { doubles }) => sum + doubles, 0);
  const lostBatches = outcomes.reduce((sum, { lost }) => sum + lost.length, 0);
  const report = {
    kills: outcomes.length,
    leaderElect,
    amidDelivery: outcomes.filter(({ open }) => open > 0).length,
    doubleDeliveries,
    lostBatches,
    firstDeliveryMs: { median: Math.round(median(times)), worst: Math.round(Math.max(...times)) },
  };
  process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  if (doubleDeliveries > 0 || lostBatches > 0) process.exitCode = 1;
}

function toNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError(`expected a whole number, got '${text}'`);
  return Number(text);
}

new Command('kill-operator')
  .description(`Kills the operator by SIGKILL amid bursts of ${BATCHES * REPLICAS} sandboxes on the real API server with simulated nodes, and reports what came of it.`)
  .option('--kills <count>', 'how often', toNumber, 50)
  .option('--seed <number>', 'what the moments of the kills come from', toNumber, 1)
  .option('--leader-elect', 'with the lease, which the next operator waits 15 s for', false)
  .action(run)
  .parseAsync()
  .catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exit(1);
  });
