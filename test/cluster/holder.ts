import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readFileSync, truncateSync } from 'node:fs';
import { link, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readRunningCluster, type RunningCluster, runningClusterFile } from '../../images/running-cluster';
import { isAlive, readStartTime, sendSignal } from '../../local/nodes/marked-processes';
import { isErrorWithCode } from '../../local/nodes/system-error';
import { cacheFolder } from '../../local/programs';
import { until } from '../support/waiting';
import { BUILD_TIMEOUT_MS } from './programs';
import { type ControlPlane, type NodeCluster, startControlPlane, startNodeCluster } from './real-cluster';

/** What kind of cluster to start. */
export interface ClusterOptions {
  /** Whether it gets a real node. */
  readonly node: boolean;
  readonly simulatedNodes: number;
}

/** Longest end of a cluster, in ms: a node with a hundred pods on a busy machine. */
const STOP_WITHIN_MS = 120_000;
const SIGNALS = ['SIGTERM', 'SIGINT'] as const;

/** What the holder of a cluster says. */
export const holderLog = () => join(cacheFolder(), 'cluster.log');

/**
 * Starts the process that holds a cluster, and waits until it is up; `command` is this program's own, which then calls {@link hold}.
 *
 * @throws Error with what the holder said when it fails, and when a signal ends the wait; then the holder has been ended
 */
export async function startHolder(command: readonly string[]): Promise<void> {
  await mkdir(cacheFolder(), { recursive: true });
  // Its output is a file: it outlives us, and whoever reads ours waits for the end of all that have it.
  const log = openSync(holderLog(), 'a', 0o600);
  const holder = spawn(process.execPath, command, { detached: true, stdio: ['ignore', log, log] });
  closeSync(log);
  let isAtWork = true;
  const ended = once(holder, 'exit').then(() => (isAtWork = false));
  const interrupted = anySignal().then((signal) => Promise.reject(new Error(`cluster: ended by ${signal} before it was up`)));
  try {
    await Promise.race([untilUp(() => isAtWork), interrupted]);
  } catch (error) {
    holder.kill('SIGTERM');
    await ended;
    throw error;
  }
  holder.unref();
}

/**
 * Waits for a cluster that is being started.
 *
 * @param isComing whether one may still begin to start
 * @throws Error with what its holder said when it fails
 */
export async function untilUp(isComing = () => false): Promise<void> {
  const cluster = await until(() => {
    const running = readRunningCluster();
    if (running === undefined ? isComing() : running.access === undefined) throw new Error(`cluster: expected it to be up in time, got it still starting; see ${holderLog()}`);
    return running;
  }, BUILD_TIMEOUT_MS);
  if (cluster === undefined) throw new Error(`cluster: expected it to start, got none: ${readLog()}`);
}

/** Starts a cluster and owns it until a signal ends both; says from the beginning, by a file, that it does. */
export async function hold({ node, simulatedNodes }: ClusterOptions): Promise<void> {
  const self = { pid: process.pid, startTime: readStartTime(process.pid) ?? '', simulatedNodes, withNode: node };
  await claim(self);
  const signalled = anySignal();
  try {
    truncateSync(holderLog());
    const cluster = await Promise.race([node ? startNodeCluster() : startControlPlane({ simulatedNodes }), signalled]);
    if (typeof cluster === 'string') return await giveUp();
    await publish({ ...self, access: accessOf(cluster) });
    await signalled;
    // When something is left the file stays too, by which `down` sees it.
    await cluster.stop();
  } catch (error) {
    if (readRunningCluster()?.access === undefined) await rm(runningClusterFile(), { force: true });
    throw error;
  }
  await rm(runningClusterFile());
}

/** Ends the holder of a cluster and waits until the cluster has gone. @throws Error with what the holder said when something is left */
export async function endHolder(cluster: RunningCluster): Promise<void> {
  sendSignal(cluster, 'SIGTERM');
  await until(() => {
    if (isAlive(cluster)) throw new Error(`cluster: expected process ${cluster.pid} to end after SIGTERM, got it still running; see ${holderLog()}`);
  }, STOP_WITHIN_MS);
  if (existsSync(runningClusterFile()) && readRunningCluster() === undefined) throw new Error(`cluster: expected it to leave nothing, got: ${readLog()}`);
}

/** Makes this process the holder; two that try at once do not both succeed. */
async function claim(self: RunningCluster): Promise<void> {
  const file = runningClusterFile();
  const own = `${file}.${process.pid}`;
  await writeFile(own, JSON.stringify(self), { mode: 0o600 });
  try {
    if (readRunningCluster() === undefined) await rm(file, { force: true });
    await link(own, file);
  } catch (error) {
    if (!isErrorWithCode(error, 'EEXIST')) throw error;
    throw new Error(`cluster: expected none, got one that process ${String(readRunningCluster()?.pid)} holds`, { cause: error });
  } finally {
    await rm(own);
  }
}

/** Replaces what is known of the cluster; a reader sees the old or the new, nothing between. */
async function publish(cluster: RunningCluster): Promise<void> {
  const next = `${runningClusterFile()}.${process.pid}`;
  await writeFile(next, JSON.stringify(cluster), { mode: 0o600 });
  await rename(next, runningClusterFile());
}

/** Ends this process amid the start, and a build that it waits for. What there is of a cluster ends with its owner. */
async function giveUp(): Promise<never> {
  await rm(runningClusterFile());
  for (const signal of SIGNALS) process.removeAllListeners(signal);
  process.kill(0, 'SIGTERM'); // our process group: startHolder gives us one
  return process.exit(1);
}

async function anySignal(): Promise<NodeJS.Signals> {
  return Promise.race(SIGNALS.map((signal) => once(process, signal).then(() => signal)));
}

function accessOf({ url, kubeconfigPath, folder, program, node }: ControlPlane & Partial<Pick<NodeCluster, 'node'>>): RunningCluster['access'] {
  return { url, kubeconfigPath, folder, program, ...(node !== undefined && { node: { id: node.id, pid: node.pid } }) };
}

function readLog(): string {
  return readFileSync(holderLog(), 'utf8').trim();
}
