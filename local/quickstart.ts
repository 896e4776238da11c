import { join, relative, resolve } from 'node:path';
import type { BatchSandbox } from '../src/schema/batch-sandbox';
import type { Pool } from '../src/schema/pool';
import type { TaskTemplate } from '../src/schema/task';
import { findApp, synthesize } from './app';
import { childOutput } from './child-output';
import { type Cluster, startCluster } from './cluster';
import type { CommandContext } from './command';
import { readManifests } from './manifests';
import { CLUSTER_MARKER } from './nodes/marked-processes';
import { packageRoot } from './programs';
import { QuickstartSteps } from './quickstart-steps';
import { findShortfalls, type QuickstartReport, toReportText } from './quickstart-report';
import { type TextInput, toTextInput } from './text-input';
import { areEqualCounts, parseWordCounts, topWords, type WordCounts } from './word-count';

export interface QuickstartOptions {
  /** @default - the documents of this package */
  readonly input?: string;
  readonly replicas: number;
  /** Folder of the manifests. */
  readonly output: string;
  readonly json: boolean;
}

/** Words in the report. */
const TOP_WORDS = 10;

/** Runs the main story once: synthesize, warm up, deliver, run tasks, merge, compare. */
export async function quickstart(options: QuickstartOptions, context: CommandContext): Promise<void> {
  const startedAt = performance.now();
  const { progress, signal, env } = context;
  const outputFolder = resolve(options.output);
  // Beside the manifests, which name its path, so that they can be applied again later.
  const input = await toTextInput(options.input, join(outputFolder, 'input.txt'));
  const cluster = await progress.step('start the embedded cluster', () => startCluster({ path: env.PATH ?? '', signal }));
  context.atEnd(() => cluster.stop());
  signal.throwIfAborted();
  const { pool, batch } = await progress.step('synthesize examples/quickstart', () =>
    synthesizeFleet(options, input, outputFolder, cluster, context),
  );
  const steps = new QuickstartSteps(cluster, context, options.replicas);
  const poolReadyMs = await steps.warmUp(pool);
  const delivery = await steps.deliver(batch);
  const tasks = await steps.finishTasks(delivery.batch);
  const counts = await steps.collectCounts(delivery);
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
  const manifestFile = join(outputFolder, 'quickstart.k8s.yaml');
  const objects = (await readManifests(manifestFile)).map(({ object }) => object);
  const pool = objects.find(({ kind }) => kind === 'Pool');
  const batch = objects.find(({ kind }) => kind === 'BatchSandbox');
  if (pool === undefined || batch === undefined) {
    throw new Error(`quickstart: expected a Pool and a BatchSandbox in '${manifestFile}', got ${objects.map(({ kind }) => kind).join(', ')}`);
  }
  // Its schema is checked by the API server.
  return { pool: pool as Pool, batch: batch as BatchSandbox };
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

function sum(counts: WordCounts): number {
  return [...counts.values()].reduce((total, count) => total + count, 0);
}
