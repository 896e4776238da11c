import type { Pod } from '../src/schema/kubernetes';
import { type KubeApi, metadataOf, type NewObject } from './kube/api';
import { isAlreadyExists } from './kube/api-error';
import type { ObjectCache } from './kube/cache';
import type { ClosingNamespaces } from './kube/closing-namespaces';
import { PODS } from './kube/resource-types';
import { podFacts } from './pod-facts';

/** A pod that is to be made under this name. */
export type NewPod = NewObject<Pod> & { readonly metadata: { readonly name: string } };

/** What a pod is made with. */
export interface PodCreationTools {
  readonly api: KubeApi;
  readonly closingNamespaces: ClosingNamespaces;
}

/**
 * Makes a pod. One that is there already under its name counts when it has the same owner: then an earlier answer was lost. A foreign one is
 * neither adopted nor deleted (R7).
 *
 * What was sent is waited for also at the end of this process: one that came once the next leader counts would be a pod too many (R61).
 *
 * @throws what the API answered, and without asking again what it answered last of a namespace that is being deleted
 */
export async function createPod({ api, closingNamespaces }: PodCreationTools, cache: ObjectCache<Pod>, ownerUID: string, pod: NewPod, signal: AbortSignal): Promise<void> {
  const { name, namespace = '' } = pod.metadata;
  const key = `${namespace}/${name}`;
  // What the server or admission added shows with the next change of the pod: nobody reads it before.
  const send = async () => ({ ...pod, ...(await metadataOf(api.create(PODS, pod, { signal, uncut: true, answer: 'metadata' }))) });
  try {
    await closingNamespaces.create(namespace, () => cache.write(key, send));
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
    const existing = await cache.write(key, () => api.get(PODS, { namespace, name }, { signal }));
    if (podFacts(existing).ownerUID !== ownerUID) throw error;
  }
}
