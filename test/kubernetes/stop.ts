import { rmSync } from 'node:fs';
import { expectRights, expectSpacesGone } from '../targets/kubernetes-cluster';
import { expectNodeAtRest } from './node-at-rest';

/**
 * After all files of tests: ends real Kubernetes.
 *
 * @throws AggregateError when a namespace of a test stays, or a container, mount or process of one, or the API server has forbidden the
 * operator anything, or was asked for things in deleted namespaces again and again; whatever kept it from starting
 */
export default async function stop(): Promise<void> {
  if (globalThis.kubernetesUnderTest === undefined) return;
  const { folder, started } = globalThis.kubernetesUnderTest;
  rmSync(folder, { recursive: true });
  const cluster = await started;
  try {
    const errors: unknown[] = [];
    for (const check of [expectSpacesGone, expectNodeAtRest, expectRights]) await check(cluster).catch((error: unknown) => errors.push(error));
    if (errors.length > 0) throw new AggregateError(errors, errors.map(String).join('\n'));
  } finally {
    await cluster.stop();
  }
}
