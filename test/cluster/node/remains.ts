import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { nodeIdsInCgroups } from './cgroups';
import { linkName, type NodeNetwork } from './network';
import { runOk } from '../../support/run-ok';

/** By what the machine knows a node, also after its end. */
export interface NodeTraces {
  /** Id of its cluster. */
  readonly id: string;
  readonly network: NodeNetwork;
  /** Identities of its namespaces, as {@link namespacesOf} gives them. */
  readonly namespaces: readonly string[];
}

const NAMESPACES = ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'uts'];

/** The namespaces of a living process, such as `net:[4026532281]`. */
export function namespacesOf(pid: number): readonly string[] {
  return NAMESPACES.map((name) => readlinkSync(`/proc/${pid}/ns/${name}`));
}

/** Everything of a node that this machine has now, in words; empty after its end. */
export async function remainsOf({ id, network, namespaces }: NodeTraces): Promise<readonly string[]> {
  const mounts = readFileSync('/proc/mounts', 'utf8').split('\n').filter((line) => line.includes(id));
  const interfaces = (await runOk('ip', ['-oneline', 'link', 'show'])).split('\n').filter((line) => line.includes(linkName(id)));
  const routes = (await runOk('ip', ['route', 'show'])).split('\n').filter((line) => [network.node, network.pods].some((address) => line.startsWith(address)));
  const cgroups = (await nodeIdsInCgroups()).filter((other) => other === id).map((found) => `cgroups of ${found}`);
  return [...processesIn(namespaces).map((pid) => `process ${pid}`), ...mounts, ...interfaces, ...routes, ...cgroups];
}

/** A namespace lasts as long as a process is in it, when nothing is mounted on it. */
function processesIn(namespaces: readonly string[]): readonly number[] {
  const pids = readdirSync('/proc').map(Number).filter(Number.isInteger);
  return pids.filter((pid) => {
    try {
      return namespacesOf(pid).some((namespace) => namespaces.includes(namespace));
    } catch {
      return false; // it has ended
    }
  });
}
