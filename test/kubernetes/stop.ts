import { expectRights, expectSpacesGone } from '../targets/kubernetes-cluster';

/**
 * After all files of tests on real Kubernetes: ends it.
 *
 * @throws AggregateError when a namespace of a test stays, or the API server has forbidden the operator anything
 */
export default async function stop(): Promise<void> {
  const cluster = globalThis.kubernetesUnderTest;
  if (cluster === undefined) return; // it did not start
  try {
    const errors: unknown[] = [];
    for (const check of [expectSpacesGone, expectRights]) await check(cluster).catch((error: unknown) => errors.push(error));
    if (errors.length > 0) throw new AggregateError(errors, errors.map(String).join('\n'));
  } finally {
    await cluster.stop();
  }
}
