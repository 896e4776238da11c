import type { PodFacts } from './pod-facts';

/**
 * Which pods are a pool's: those of its own namespace that name it as their owner. A pod elsewhere can name any owner. Kubernetes collects it
 * some time later, and until then whoever made it would be given what batches of another namespace send to their pods.
 */
export class PodOwners {
  private readonly namespaceByPool = new Map<string, string>();

  /** A Pool is there. */
  add(poolUID: string, namespace: string): void {
    this.namespaceByPool.set(poolUID, namespace);
  }

  /** A Pool is gone. */
  delete(poolUID: string): void {
    this.namespaceByPool.delete(poolUID);
  }

  /** The facts with the owner that counts: none for a pod outside the namespace of its pool. Of a Pool that is not known yet nobody gets a pod. */
  judge(facts: PodFacts): PodFacts {
    const namespace = this.namespaceByPool.get(facts.ownerUID);
    return namespace === undefined || namespace === facts.namespace ? facts : { ...facts, ownerUID: '' };
  }
}
