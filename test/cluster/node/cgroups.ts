import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

const CGROUPS = '/sys/fs/cgroup';
/** Begin of the names of the cgroups that namespaces.sh makes, before the id of the cluster. */
const CGROUP_PREFIX = 'cdk8s-sandboxes-';

/** Ids of the clusters whose nodes have cgroups on this machine, alive or left behind. */
export async function nodeIdsInCgroups(): Promise<readonly string[]> {
  const hierarchies = await readdir(CGROUPS).catch(() => []);
  const groups = await Promise.all(hierarchies.map((name) => readdir(join(CGROUPS, name)).catch(() => []))); // some are files
  return [...new Set(groups.flat().filter((name) => name.startsWith(CGROUP_PREFIX)).map((name) => name.slice(CGROUP_PREFIX.length)))];
}

/**
 * Looks for the cgroups that nodes are made with.
 *
 * @param mounts content of /proc/mounts
 * @throws Error that says what to do when there are none
 */
export function expectCgroups(mounts: string): void {
  if (mounts.split('\n').some((line) => line.split(' ')[2] === 'cgroup')) return;
  throw new Error('real node: cgroups: expected hierarchies of version 1, got none; boot with systemd.unified_cgroup_hierarchy=0, or start the cluster without a node');
}
