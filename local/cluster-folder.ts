import { randomBytes } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { lstat, mkdir, readdir, rm, rmdir } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CLUSTER_MARKER, isAlive, killMarked, readStartTime } from './nodes/marked-processes';
import { isErrorWithCode } from './nodes/system-error';

/** Longest time to kill the processes of a cluster, in ms. */
const KILL_TIMEOUT_MS = 10_000;
/** A process that was between fork and exec at the first look carries the marker at the second, this many ms later. */
const SECOND_LOOK_MS = 20;

/**
 * Folder of everything that one cluster keeps on disk.
 *
 * Its name is the cluster's id and says whose it is: `<pid>-<start time>-<boot>-<pid namespace>-<random>` of the process that owns it. So
 * a folder exists and has an owner in the same instant, and a later run can tell whether the owner still lives.
 */
export interface ClusterFolder {
  readonly id: string;
  readonly path: string;
}

/** Folder of this user's clusters. */
export function clustersRoot(): string {
  return join(tmpdir(), `cdk8s-sandboxes-${String(userInfo().uid)}`);
}

/**
 * Makes a folder owned by this process.
 *
 * @throws Error when the root belongs to somebody else or others may write into it
 */
export async function createClusterFolder(root: string): Promise<ClusterFolder> {
  const id = [process.pid, readStartTime(process.pid) ?? '', bootId(), pidNamespace(), randomBytes(4).toString('hex')].join('-');
  const path = join(root, id);
  for (;;) {
    await mkdir(root, { recursive: true, mode: 0o700 });
    await refuseForeignFolder(root);
    try {
      await mkdir(path, { mode: 0o700 });
      return { id, path };
    } catch (error) {
      // Another cluster's end may have removed the empty root in between.
      if (!isErrorWithCode(error, 'ENOENT')) throw error;
    }
  }
}

/**
 * Ends whatever a cluster left: every process that carries its id, and then its folder.
 *
 * @throws Error that lists processes that KILL did not end
 */
export async function removeCluster(root: string, id: string): Promise<void> {
  const isOurs = (value: string) => value === id;
  await killMarked(CLUSTER_MARKER, isOurs, KILL_TIMEOUT_MS);
  await sleep(SECOND_LOOK_MS);
  const left = await killMarked(CLUSTER_MARKER, isOurs, KILL_TIMEOUT_MS);
  await rm(join(root, id), { recursive: true, force: true, maxRetries: 3 });
  await rmdir(root).catch(() => undefined); // Not empty while other clusters run.
  if (left.length > 0) throw new Error(`cluster '${id}': expected no process, got pids ${left.map(({ pid }) => pid).join(', ')} after SIGKILL`);
}

/** Removes the clusters whose owner has died without cleaning up; returns their ids. */
export async function sweepDeadClusters(root: string): Promise<string[]> {
  const dead = (await readdir(root).catch(() => [])).filter(hasDeadOwner);
  if (dead.length > 0) await refuseForeignFolder(root);
  for (const id of dead) await removeCluster(root, id);
  return dead;
}

/** Whether the process that owned the cluster `id` has ended; false where that cannot be told from here. */
export function hasDeadOwner(id: string): boolean {
  const match = /^(\d+)-(\d+)-([0-9a-f]{8})-(\d+)-[0-9a-f]{8}$/.exec(id);
  if (match === null) return false;
  const [, pid = '', startTime = '', boot, namespace] = match;
  if (boot !== bootId()) return true;
  // A process of another container that shares the folder cannot be judged from here.
  return namespace === pidNamespace() && !isAlive({ pid: Number(pid), startTime });
}

async function refuseForeignFolder(root: string): Promise<void> {
  const found = await lstat(root);
  const { uid } = userInfo();
  if (!found.isDirectory() || found.uid !== uid || (found.mode & 0o077) !== 0) {
    throw new Error(`state folder: expected '${root}' to be a directory of user ${String(uid)} with mode 0700, got another; remove it or set TMPDIR`);
  }
}

function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').slice(0, 8);
}

function pidNamespace(): string {
  return /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? '0';
}
