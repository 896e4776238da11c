import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isAlive, type ProcessIdentity } from '../local/nodes/marked-processes';
import { cacheFolder } from '../local/programs';

/** The test cluster of this user, and the process that holds it: written by `npm run cluster`, read by `npm run images` too. */
export interface RunningCluster extends ProcessIdentity {
  /** Nodes simulated by kwok. */
  readonly simulatedNodes: number;
  /** Whether it has, or is to have, a real node. */
  readonly withNode: boolean;
  /** What it takes to use it; absent while it starts. */
  readonly access?: {
    readonly url: string;
    readonly kubeconfigPath: string;
    /** Everything that it keeps on disk. */
    readonly folder: string;
    /** The program that is kubectl when its first argument is `kubectl`. */
    readonly program: string;
    /** What it takes to enter the real node: the cluster's id, and the pid of the node's first process. */
    readonly node?: { readonly id: string; readonly pid: number };
  };
}

/** Where it is written. */
export const runningClusterFile = () => join(cacheFolder(), 'cluster.json');

/** The test cluster of this user; undefined when none runs or starts. */
export function readRunningCluster(): RunningCluster | undefined {
  try {
    const cluster = JSON.parse(readFileSync(runningClusterFile(), 'utf8')) as RunningCluster;
    return isAlive(cluster) ? cluster : undefined;
  } catch {
    return undefined; // never started, or ended
  }
}
