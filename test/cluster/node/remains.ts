import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { isAlive, type ProcessIdentity, readStartTime } from '../../../local/nodes/marked-processes';
import { nodeIdsInCgroups } from './cgroups';
import { linkName, type NodeNetwork } from './network';
import { runOk } from '../../support/run-ok';

/** By what the machine knows a node, also after its end. */
export interface NodeTraces {
  /** Id of its cluster. */
  readonly id: string;
  readonly network: NodeNetwork;
  /** What runs on it, as {@link processesOn} gives it. The numbers of its namespaces are given to new ones at once when it has ended. */
  readonly processes: readonly ProcessIdentity[];
}

const NAMESPACES = ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'uts'];

/** All processes in a namespace of a node, which lives. @param first process of the node */
export function processesOn(first: number): readonly ProcessIdentity[] {
  const namespaces = namespacesOf(first);
  const pids = readdirSync('/proc').map(Number).filter(Number.isInteger);
  return pids.flatMap((pid) => {
    try {
      const startTime = readStartTime(pid);
      return startTime !== undefined && namespacesOf(pid).some((namespace) => namespaces.includes(namespace)) ? [{ pid, startTime }] : [];
    } catch {
      return []; // it has ended
    }
  });
}

/** The namespaces of a living process, such as `net:[4026532281]`. */
function namespacesOf(pid: number): readonly string[] {
  return NAMESPACES.map((name) => readlinkSync(`/proc/${pid}/ns/${name}`));
}

/** Everything of a node that this machine has now, in words; empty after its end. Its cgroups stay as long as any process is in them. */
export async function remainsOf({ id, network, processes }: NodeTraces): Promise<readonly string[]> {
  const mounts = readFileSync('/proc/mounts', 'utf8').split('\n').filter((line) => line.includes(id));
  const interfaces = (await runOk('ip', ['-oneline', 'link', 'show'])).split('\n').filter((line) => line.includes(linkName(id)));
  const routes = (await runOk('ip', ['route', 'show'])).split('\n').filter((line) => [network.node, network.pods].some((address) => line.startsWith(address)));
  const cgroups = (await nodeIdsInCgroups()).filter((other) => other === id).map((found) => `cgroups of ${found}`);
  return [...processes.filter(isAlive).map(({ pid }) => `process ${pid}`), ...mounts, ...interfaces, ...routes, ...cgroups];
}
