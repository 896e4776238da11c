// A process that owns a cluster with a node, for the test that kills it. Its first line of output is the cluster as JSON.
import { startNodeCluster } from './real-cluster';

startNodeCluster().then(
  ({ folder, kubeconfigPath, program, node: { network, pid } }) => process.stdout.write(`${JSON.stringify({ folder, kubeconfigPath, program, node: { network, pid } })}\n`),
  (error: unknown) => {
    process.stderr.write(`${String(error)}\n`);
    process.exitCode = 1;
  },
);
