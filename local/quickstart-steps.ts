import { BATCHES, PODS, POOLS } from '../operator/kube/resource-types';
import type { BatchSandbox } from '../src/schema/batch-sandbox';
import { objectKey } from '../src/schema/kubernetes';
import { Annotation } from '../src/schema/names';
import type { Pool } from '../src/schema/pool';
import type { WriteCounts } from './api/write-counts';
import type { Cluster } from './cluster';
import type { CommandContext } from './command';
import { ExecutorReader, isHealthy } from './executor-reader';
import { LiveObjects } from './live-objects';
import { readOperatorKeys } from './signing-secret';
import { mergeWordCounts, parseWordCounts, type WordCounts } from './word-count';

/** Longest wait of a step, in ms, and what each sandbox adds to it: about ten times what it takes on two cores. */
const STEP_MS = { base: 60_000, perSandbox: 1_000 } as const;

/** The batch as it was delivered. */
export interface Delivery {
  readonly batch: BatchSandbox;
  /** Entry i is the address of slot i. */
  readonly addresses: readonly string[];
  /** Sandboxes whose executor answers on an address of its own. */
  readonly answering: number;
  readonly deliverMs: number;
  readonly batchWrites: number;
}

/** The steps of the quickstart on its cluster, each shown as it goes. */
export class QuickstartSteps {
  private readonly timeoutMs: number;

  constructor(
    private readonly cluster: Cluster,
    private readonly context: CommandContext,
    private readonly replicas: number,
  ) {
    this.timeoutMs = STEP_MS.base + replicas * STEP_MS.perSandbox;
  }

  /** Creates the pool and waits until it is warm; returns the time it took, in ms. */
  warmUp(pool: Pool): Promise<number> {
    const { progress, signal } = this.context;
    const available = (seen: Pool | undefined) => seen?.status?.available ?? 0;
    return progress.step(`warm up a pool of ${String(this.replicas)}`, async (show) => {
      const startedAt = performance.now();
      const pools = await LiveObjects.watch(this.cluster.api, POOLS, signal);
      pools.onChange((seen) => show(`${String(available(seen))} available`));
      await this.cluster.api.create(POOLS, pool, { signal });
      await pools.until({
        key: objectKey(pool),
        isWanted: (seen) => available(seen) >= this.replicas,
        timeoutMs: this.timeoutMs,
        describe: (last) => `pool '${pool.metadata.name}': expected ${String(this.replicas)} available pods, got ${String(available(last))}`,
        signal,
      });
      return Math.round(performance.now() - startedAt);
    });
  }

  /** Creates the batch by one write, and measures until a watch shows it delivered. */
  deliver(batch: BatchSandbox): Promise<Delivery> {
    const { progress, signal } = this.context;
    const { api, server } = this.cluster;
    return progress.step(`deliver a batch of ${String(this.replicas)}`, async (show) => {
      const batches = await LiveObjects.watch(api, BATCHES, signal);
      const writesBefore = server.writes();
      const delivered = batches.until({
        key: objectKey(batch),
        isWanted: (seen) => isDelivered(seen, this.replicas),
        timeoutMs: this.timeoutMs,
        describe: (last) => `batch '${batch.metadata.name}': expected ${String(this.replicas)} ready, got ${String(last?.status?.ready ?? 0)}`,
        signal,
      });
      const startedAt = performance.now();
      const [seen] = await Promise.all([delivered, api.create(BATCHES, batch, { signal })]);
      const deliverMs = Math.round((performance.now() - startedAt) * 10) / 10;
      const writesAfter = server.writes();
      const addresses = endpointsOf(seen);
      const batchWrites = countWrites(writesBefore, writesAfter, [objectKey(batch), ...(await this.podKeys(addresses))]);
      const answers = await Promise.all([...new Set(addresses)].map((address) => isHealthy(address, signal)));
      const answering = answers.filter((healthy) => healthy).length;
      show(`${String(answering)} answer, ${String(deliverMs)} ms, ${String(batchWrites)} API writes`);
      return { batch: seen, addresses, answering, deliverMs, batchWrites };
    });
  }

  /** Waits until every task has ended; counts them. */
  finishTasks(batch: BatchSandbox): Promise<{ succeeded: number; failed: number; tasksMs: number }> {
    const { progress, signal } = this.context;
    const states = (seen: BatchSandbox | undefined) => {
      const { taskSucceed = 0, taskFailed = 0, taskRunning = 0 } = seen?.status ?? {};
      return { ended: taskSucceed + taskFailed, text: `${String(taskSucceed)} succeeded, ${String(taskFailed)} failed, ${String(taskRunning)} running` };
    };
    return progress.step(`run ${String(this.replicas)} tasks`, async (show) => {
      const startedAt = performance.now();
      const batches = await LiveObjects.watch(this.cluster.api, BATCHES, signal);
      batches.onChange((seen) => show(states(seen).text));
      const { status } = await batches.until({
        key: objectKey(batch),
        isWanted: (seen) => states(seen).ended >= this.replicas,
        timeoutMs: this.timeoutMs,
        describe: (last) => `batch '${batch.metadata.name}': expected ${String(this.replicas)} ended tasks, got ${states(last).text}`,
        signal,
      });
      return { succeeded: status?.taskSucceed ?? 0, failed: status?.taskFailed ?? 0, tasksMs: Math.round(performance.now() - startedAt) };
    });
  }

  /** Reads what each task printed from its executor, and adds it up. */
  collectCounts({ batch, addresses }: Delivery): Promise<WordCounts> {
    const { progress, signal } = this.context;
    return progress.step('merge the word counts of all tasks', async () => {
      const reader = await ExecutorReader.open(this.cluster.api, await readOperatorKeys(this.cluster.api, signal), signal);
      const outputs = await Promise.all(
        addresses.map((address, slot) => reader.readOutput(address, `${batch.metadata.name}-${String(slot)}`, 'stdout', signal)),
      );
      return mergeWordCounts(outputs.map(parseWordCounts));
    });
  }

  private async podKeys(addresses: readonly string[]): Promise<string[]> {
    const wanted = new Set(addresses);
    const { items } = await this.cluster.api.list(PODS);
    return items.filter(({ status }) => wanted.has(status?.podIP ?? '')).map(objectKey);
  }
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
    .filter(([key]) => wanted.has(key.slice(key.lastIndexOf(' ') + 1)) && /^\S+ (batchsandboxes|pods)[ /]/.test(key))
    .reduce((total, [key, count]) => total + count - (before.byObject[key] ?? 0), 0);
}
