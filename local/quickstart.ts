import { join, relative, resolve } from 'node:path';
import type { KubeApi } from '../operator/kube/api';
import { BATCHES, PODS, POOLS } from '../operator/kube/resource-types';
import { type BatchSandbox } from '../src/schema/batch-sandbox';
import { objectKey } from '../src/schema/kubernetes';
import { Annotation } from '../src/schema/names';
import type { Pool } from '../src/schema/pool';
import type { TaskTemplate } from '../src/schema/task';
import type { WriteCounts } from './api/write-counts';
import { findApp, synthesize } from './app';
import { childOutput } from './child-output';
import { type Cluster, startCluster } from './cluster';
import type { CommandContext } from './command';
import { isHealthy, readTaskOutput } from './executor-reader';
import { LiveObjects } from './live-objects';
import { readManifests } from './manifests';
import { CLUSTER_MARKER } from './nodes/marked-processes';
import { packageRoot } from './programs';
import { findShortfalls, type QuickstartReport, toReportText } from './quickstart-report';
import { type TextInput, toTextInput } from './text-input';
import { areEqualCounts, mergeWordCounts, parseWordCounts, topWords, type WordCounts } from './word-count';

export interface QuickstartOptions {
  /** @default - the documents of this package */
  readonly input?: string;
  readonly replicas: number;
  /** Folder of the manifests. */
  readonly output: string;
  readonly json: boolean;
}

/** Longest wait for the warm pool, for one more sandbox, in ms: about ten times what a sandbox takes on two cores. */
const POOL_MS_PER_SANDBOX = 1_000;
/** Longest wait for any step, beside what depends on the number of sandboxes, in ms. */
const STEP_MS = 60_000;
const TOP_WORDS = 10;

/** Runs the main story once: synthesize, warm up, deliver, run tasks, merge, compare. */
export async function quickstart(options: QuickstartOptions, context: CommandContext): Promise<void> {
  const startedAt = performance.now();
  const { progress, signal, env } = context;
  const outputFolder = resolve(options.output);
  const cluster = await progress.step('start the embedded cluster', () => startCluster({ path: env.PATH ?? '' }));
  context.atEnd(() => cluster.stop());
  signal.throwIfAborted();
  // Beside the manifests, which name its path, so that they can be applied again later.
  const input = await toTextInput(options.input, join(outputFolder, 'input.txt'));
  const { pool, batch } = await progress.step('synthesize examples/quickstart', () => synthesizeFleet(options, input, outputFolder, cluster, context));
  const run = new QuickstartRun(cluster, context, options.replicas);
  const poolReadyMs = await run.warmUp(pool);
  const delivery = await run.deliver(batch);
  const tasks = await run.finishTasks(delivery.batch);
  const counts = await run.collectCounts(delivery.batch, delivery.addresses);
  const expected = await progress.step('count the whole input in one process', () => countInOneProcess(batch, input, context));
  const report: QuickstartReport = {
    delivered: delivery.answering,
    deliverMs: delivery.deliverMs,
    batchWrites: delivery.batchWrites,
    tasks: { succeeded: tasks.succeeded, failed: tasks.failed },
    merged: areEqualCounts(counts, expected),
    wallMs: Math.round(performance.now() - startedAt),
    replicas: options.replicas,
    poolReadyMs,
    tasksMs: tasks.tasksMs,
    apiWrites: cluster.server.writes().byVerb,
    input: { files: input.fileCount, bytes: input.bytes, words: sum(expected), differentWords: expected.size },
    topWords: topWords(expected, TOP_WORDS),
  };
  context.print(options.json ? JSON.stringify(report) : toReportText(report, relative('.', outputFolder) || '.'));
  const shortfalls = findShortfalls(report);
  if (shortfalls.length > 0) throw new Error(`quickstart: ${shortfalls.join('; ')}`);
}

async function synthesizeFleet(
  { replicas }: QuickstartOptions,
  input: TextInput,
  outputFolder: string,
  cluster: Cluster,
  { env, signal }: CommandContext,
): Promise<{ pool: Pool; batch: BatchSandbox }> {
  const app = await findApp(join(packageRoot(), 'examples', 'quickstart'));
  if (app === undefined) throw new Error("quickstart: expected an app in 'examples/quickstart' of the package, got none");
  const variables = { SANDBOXES_INPUT: input.path, SANDBOXES_REPLICAS: String(replicas), SANDBOXES_OUTDIR: outputFolder };
  await synthesize({ ...app, outputFolder }, { ...env, ...variables, [CLUSTER_MARKER]: cluster.id }, signal);
  const objects = (await readManifests(outputFolder)).map(({ object }) => object);
  const pool = objects.find(({ kind }) => kind === 'Pool');
  const batch = objects.find(({ kind }) => kind === 'BatchSandbox');
  if (pool === undefined || batch === undefined) throw new Error(`quickstart: expected a Pool and a BatchSandbox in '${outputFolder}', got ${objects.map(({ kind }) => kind).join(', ')}`);
  // Its schema is checked by the API server.
  return { pool: pool as Pool, batch: batch as BatchSandbox };
}

/** The steps on the cluster. */
class QuickstartRun {
  constructor(
    private readonly cluster: Cluster,
    private readonly context: CommandContext,
    private readonly replicas: number,
  ) {}

  private get api(): KubeApi {
    return this.cluster.api;
  }

  /** Applies the pool and waits until it is warm; returns the time it took, in ms. */
  warmUp(pool: Pool): Promise<number> {
    const { progress, signal } = this.context;
    return progress.step(`warm up a pool of ${String(this.replicas)}`, async (show) => {
      const startedAt = performance.now();
      const pools = await LiveObjects.watch(this.api, POOLS, signal);
      pools.onChange(({ status }) => show(`${String(status?.available ?? 0)} available`));
      await this.api.create(POOLS, pool, { signal });
      const enough = String(this.replicas);
      const describe = (last: Pool | undefined) => `pool '${pool.metadata.name}': expected ${enough} available pods in time, got ${String(last?.status?.available ?? 0)}`;
      const timeoutMs = STEP_MS + this.replicas * POOL_MS_PER_SANDBOX;
      await pools.until(objectKey(pool), ({ status }) => (status?.available ?? 0) >= this.replicas, timeoutMs, describe, signal);
      return Math.round(performance.now() - startedAt);
    });
  }

  /** Creates the batch by one write, and measures until it is delivered. */
  deliver(batch: BatchSandbox) {
    const { progress, signal } = this.context;
    return progress.step(`deliver a batch of ${String(this.replicas)}`, async (show) => {
      const batches = await LiveObjects.watch(this.api, BATCHES, signal);
      const writesBefore = this.cluster.server.writes();
      const describe = (last: BatchSandbox | undefined) => `batch '${batch.metadata.name}': expected ${String(this.replicas)} ready sandboxes in time, got ${String(last?.status?.ready ?? 0)}`;
      const delivered = batches.until(objectKey(batch), (seen) => isDelivered(seen, this.replicas), STEP_MS, describe, signal);
      const startedAt = performance.now();
      await Promise.all([this.api.create(BATCHES, batch, { signal }), delivered]);
      const deliverMs = Math.round((performance.now() - startedAt) * 10) / 10;
      const writesAfter = this.cluster.server.writes();
      const shown = await delivered;
      const addresses = endpointsOf(shown);
      const batchWrites = countWrites(writesBefore, writesAfter, [objectKey(batch), ...(await this.podKeys(addresses))]);
      const answers = await Promise.all([...new Set(addresses)].map((address) => isHealthy(address, signal)));
      const answering = answers.filter((healthy) => healthy).length;
      show(`${String(answering)} answer, ${String(deliverMs)} ms, ${String(batchWrites)} API writes`);
      return { batch: shown, addresses, answering, deliverMs, batchWrites };
    });
  }

  /** Waits until every task has ended. */
  finishTasks({ metadata }: BatchSandbox) {
    const { progress, signal } = this.context;
    return progress.step(`run ${String(this.replicas)} tasks`, async (show) => {
      const startedAt = performance.now();
      const batches = await LiveObjects.watch(this.api, BATCHES, signal);
      const ended = ({ status }: BatchSandbox) => (status?.taskSucceed ?? 0) + (status?.taskFailed ?? 0);
      const states = ({ status }: BatchSandbox) => `${String(status?.taskSucceed ?? 0)} succeeded, ${String(status?.taskFailed ?? 0)} failed, ${String(status?.taskRunning ?? 0)} running`;
      batches.onChange((batch) => show(states(batch)));
      const describe = (last: BatchSandbox | undefined) => `tasks: expected ${String(this.replicas)} to end in time, got ${last === undefined ? 'no batch' : states(last)}`;
      const { status } = await batches.until(objectKey({ metadata }), (batch) => ended(batch) >= this.replicas, STEP_MS + this.replicas * POOL_MS_PER_SANDBOX, describe, signal);
      return { succeeded: status?.taskSucceed ?? 0, failed: status?.taskFailed ?? 0, tasksMs: Math.round(performance.now() - startedAt) };
    });
  }

  /** Reads what each task printed from its executor, and adds it up. */
  collectCounts({ metadata: { name } }: BatchSandbox, addresses: readonly string[]): Promise<WordCounts> {
    const { progress, signal } = this.context;
    return progress.step('merge the word counts of all tasks', async () => {
      const outputs = await Promise.all(addresses.map((address, slot) => readTaskOutput(address, `${name}-${String(slot)}`, signal)));
      return mergeWordCounts(outputs.map(parseWordCounts));
    });
  }

  private async podKeys(addresses: readonly string[]): Promise<string[]> {
    const wanted = new Set(addresses);
    const { items } = await this.api.list(PODS);
    return items.filter(({ status }) => wanted.has(status?.podIP ?? '')).map(objectKey);
  }
}

/** Runs the program of the tasks in one process over the whole input. */
async function countInOneProcess({ spec }: BatchSandbox, input: TextInput, { env, signal }: CommandContext): Promise<WordCounts> {
  const { process } = (spec.taskTemplate as unknown as TaskTemplate).spec;
  const variables = Object.fromEntries((process.env ?? []).map(({ name, value }) => [name, value ?? '']));
  const output = await childOutput({
    argv: [...process.command, ...(process.args ?? [])],
    cwd: packageRoot(),
    env: { PATH: env.PATH ?? '', ...variables, INPUT: input.path, FROM: '1', BYTES: String(input.bytes) },
    signal,
  });
  return parseWordCounts(output);
}

function isDelivered(batch: BatchSandbox, replicas: number): boolean {
  return batch.status?.ready === replicas && endpointsOf(batch).filter((address) => address !== '').length === replicas;
}

function endpointsOf({ metadata }: BatchSandbox): string[] {
  return JSON.parse(metadata.annotations?.[Annotation.endpoints] ?? '[]') as string[];
}

/** Writes to the named objects that are in the second count and not in the first; keys end in `<namespace>/<name>`. */
function countWrites(before: WriteCounts, after: WriteCounts, objectKeys: readonly string[]): number {
  const wanted = new Set(objectKeys);
  return Object.entries(after.byObject)
    .filter(([key]) => wanted.has(key.slice(key.lastIndexOf(' ') + 1)) && !key.includes(' events '))
    .reduce((total, [key, count]) => total + count - (before.byObject[key] ?? 0), 0);
}

function sum(counts: WordCounts): number {
  return [...counts.values()].reduce((total, count) => total + count, 0);
}
