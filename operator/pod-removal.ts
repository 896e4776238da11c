import type { Pod } from '../src/schema/kubernetes';
import type { KubeApi } from './kube/api';
import { isConflict, isNotFound } from './kube/api-error';
import type { ObjectCache } from './kube/cache';
import { PODS } from './kube/resource-types';
import { inParallel } from './parallel';

/** A pod to delete. */
export interface PodToRemove {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

/** Deletes of pods that run at once; the API server's cost of a delete is what bounds it, not ours. */
const DELETES_AT_ONCE = 64;

/**
 * Deletes pods in parallel, each with its UID as precondition, so that a pod of the same name is never hit (R110).
 * One that is gone already counts as deleted. Returns what could not be deleted, with the reason.
 */
export async function removePods<P extends PodToRemove>(
  api: KubeApi,
  cache: ObjectCache<Pod>,
  pods: readonly P[],
  signal: AbortSignal,
): Promise<{ pod: P; reason: unknown }[]> {
  const results = await inParallel(pods, DELETES_AT_ONCE, (pod) => removePod(api, cache, pod, signal));
  return results.flatMap((result, index) => {
    const pod = pods[index];
    return result.status === 'rejected' && pod !== undefined ? [{ pod, reason: result.reason as unknown }] : [];
  });
}

async function removePod(api: KubeApi, cache: ObjectCache<Pod>, { namespace, name, uid }: PodToRemove, signal: AbortSignal): Promise<void> {
  try {
    const key = `${namespace}/${name}`;
    await cache.remove(key, uid, async () => {
      const left = await api.delete(PODS, { namespace, name }, { uid, signal, answer: 'metadata' });
      return left && { ...cache.get(key), metadata: left.metadata };
    });
  } catch (error) {
    // A conflict means another UID: the pod that was meant is gone.
    if (!isNotFound(error) && !isConflict(error)) throw error;
  }
}
