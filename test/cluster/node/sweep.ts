import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { hasDeadOwner } from '../../../local/cluster-folder';
import { linkName } from './network';
import { runOk } from '../../support/run-ok';
import { nodeScript } from './run-on-node';

const CGROUPS = '/sys/fs/cgroup';
const CGROUP_PREFIX = 'cdk8s-sandboxes-';

/** Removes what nodes left whose owner was killed together with the script that would have removed it. */
export async function sweepDeadNodes(): Promise<void> {
  const hierarchies = await readdir(CGROUPS);
  const groups = await Promise.all(hierarchies.map((name) => readdir(join(CGROUPS, name)).catch(() => []))); // some are files
  const ids = groups.flat().filter((name) => name.startsWith(CGROUP_PREFIX)).map((name) => name.slice(CGROUP_PREFIX.length));
  for (const id of new Set(ids.filter(hasDeadOwner))) await runOk('sh', [nodeScript('remove.sh'), id, linkName(id)]);
}
