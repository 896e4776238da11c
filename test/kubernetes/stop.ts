import { expectRights } from '../support/kubernetes-cluster';

/**
 * After all files of tests on real Kubernetes: ends it.
 *
 * @throws Error when the API server has refused the operator anything
 */
export default async function stop(): Promise<void> {
  const cluster = globalThis.kubernetesUnderTest;
  if (cluster === undefined) return; // it did not start
  try {
    await expectRights(cluster);
  } finally {
    await cluster.stop();
  }
}
