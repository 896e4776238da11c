import type { Pod } from '../../src/schema/kubernetes';
import type { KubeApi } from '../kube/api';
import type { ObjectCache } from '../kube/cache';
import type { Ledger } from '../ledger';
import type { PodFacts } from '../pod-facts';
import { removePods } from '../pod-removal';
import type { PodUse } from '../pool-book';

/** What {@link removeUnused} works with. */
export interface RemovalTools {
  readonly api: KubeApi;
  readonly poolPods: ObjectCache<Pod>;
  readonly ledger: Ledger;
}

/** Deletes the pods that are still of an allowed use; returns why others of them could not be deleted. */
export async function removeUnused(tools: RemovalTools, pods: readonly PodFacts[], allowed: readonly PodUse[], signal: AbortSignal): Promise<unknown[]> {
  const { api, ledger, poolPods } = tools;
  const doomed = pods.filter((pod) => ledger.doom(pod.uid, allowed));
  const failed = await removePods(api, poolPods, doomed, signal);
  for (const { pod } of failed) ledger.spare(pod.uid);
  return failed.map(({ reason }) => reason);
}
