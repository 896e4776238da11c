import { join } from 'node:path';
import { packageRoot } from '../../../local/programs';
import { runOk } from '../../support/run-ok';

/** What it takes to enter a node. */
export interface NodeEntry {
  /** Id of the cluster. */
  readonly id: string;
  /** First process of the node, as the machine counts. */
  readonly pid: number;
}

/** Path of one of the shell scripts of this folder. */
export function nodeScript(name: string): string {
  return join(packageRoot(), 'test', 'cluster', 'node', name);
}

/** The command that runs another one in the namespaces and cgroups of a node. */
export function commandOnNode({ id, pid }: NodeEntry, command: readonly string[]): readonly string[] {
  return ['sh', nodeScript('enter.sh'), id, String(pid), ...command];
}

/** Runs a program on a node and returns its output. @throws Error when its exit code is not 0 */
export function runOnNode(node: NodeEntry, command: readonly string[]): Promise<string> {
  const [shell = '', ...args] = commandOnNode(node, command);
  return runOk(shell, args);
}

/** Loads images from archives, as `docker save` and buildah write them. */
export async function loadImages(node: NodeEntry, archives: readonly string[]): Promise<void> {
  // One by one: two imports of parts with the same name would wait for each other.
  for (const archive of archives) await runOnNode(node, ['ctr', '--namespace=k8s.io', 'images', 'import', archive]);
}
