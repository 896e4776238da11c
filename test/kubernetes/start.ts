import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CLUSTER_VARIABLE, publishCluster } from '../targets/kubernetes-cluster';
import { type OperatorCluster, startOperatorCluster } from '../targets/operator-on-node';

/** A cluster that starts, and the folder that tells tests of it. */
interface StartingCluster {
  readonly folder: string;
  readonly started: Promise<OperatorCluster>;
}

declare global {
  /** The cluster of this run, for the other end of it. */
  var kubernetesUnderTest: StartingCluster | undefined;
}

/** Before all files of tests: begins to start real Kubernetes. Files that need it wait for it, and the others run meanwhile. */
export default function start(): void {
  const folder = mkdtempSync(join(tmpdir(), 'kubernetes-under-test-'));
  const path = join(folder, 'cluster.json');
  process.env[CLUSTER_VARIABLE] = path;
  const started = startOperatorCluster();
  globalThis.kubernetesUnderTest = { folder, started };
  started.then(
    ({ kubeconfigPath, folder: clusterFolder, program, executorImage, node: { id, pid, network } }) =>
      publishCluster(path, { kubeconfigPath, folder: clusterFolder, program, executorImage, node: { id, pid, network } }),
    (error: unknown) => publishCluster(path, { problem: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
  );
}
