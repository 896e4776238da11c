import { CLUSTER_VARIABLE, type SharedCluster } from '../targets/kubernetes-cluster';
import { type OperatorCluster, startOperatorCluster } from '../targets/operator-on-node';

declare global {
  /** The cluster of this run, for the other end of it. */
  var kubernetesUnderTest: OperatorCluster | undefined;
}

/** Before all files of tests on real Kubernetes: starts it. */
export default async function start(): Promise<void> {
  const cluster = await startOperatorCluster();
  globalThis.kubernetesUnderTest = cluster;
  const { kubeconfigPath, folder, program, executorImage } = cluster;
  process.env[CLUSTER_VARIABLE] = JSON.stringify({ kubeconfigPath, folder, program, executorImage } satisfies SharedCluster);
}
