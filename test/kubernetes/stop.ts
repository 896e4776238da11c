import { expectRights, expectSpacesGone } from '../targets/kubernetes-cluster';

/**
 * After all files of tests on real Kubernetes: ends it.
 *
 * @throws Error when a namespace of a test stays, or the API server has refused the operator anything
 */
export default async function stop(): Promise<void> {
  const cluster = globalThis.kubernetesUnderTest;
  if (cluster === undefined) return; // it did not start
  try {
    await expectSpacesGone(cluster);
    await expectRights(cluster);
  } finally {
    await cluster.stop();
  }
}
