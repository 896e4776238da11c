import { type KubeApi, WRITE_DEADLINE_MS } from '../../operator/kube/api';
import { isConflict, isNotFound } from '../../operator/kube/api-error';
import { objectPath, type ObjectRef, PODS } from '../../operator/kube/resource-types';
import type { Transport } from '../../operator/kube/transport';
import type { Pod } from '../../src/schema/kubernetes';

/** What a scheduler and a node write. */
export class PodApi {
  constructor(
    private readonly api: KubeApi,
    private readonly transport: Transport,
  ) {}

  /** Gives the pod to a node. */
  async bind(pod: Pod, nodeName: string): Promise<void> {
    const ref = toRef(pod);
    await this.transport.call({
      method: 'POST',
      path: objectPath(PODS, ref, 'binding'),
      body: {
        apiVersion: 'v1',
        kind: 'Binding',
        metadata: { ...ref, uid: pod.metadata.uid },
        target: { apiVersion: 'v1', kind: 'Node', name: nodeName },
      },
      deadlineMs: WRITE_DEADLINE_MS,
      repeatable: false,
    });
  }

  /** Writes the whole status; false when the pod is gone. */
  async writeStatus(pod: Pod, status: object): Promise<boolean> {
    const patch = { metadata: { uid: pod.metadata.uid }, status };
    return unlessGone(this.api.patch(PODS, toRef(pod), 'merge', patch, { subresource: 'status' }));
  }

  /** Removes the pod now that nothing of it runs any more; false when it was gone already. */
  async remove(pod: Pod): Promise<boolean> {
    return unlessGone(this.api.delete(PODS, toRef(pod), { uid: pod.metadata.uid, gracePeriodSeconds: 0 }));
  }
}

function toRef({ metadata: { namespace, name } }: Pod): ObjectRef {
  return { namespace, name };
}

/** A pod of the same name but another UID is a conflict; for the one that is meant it is the same as gone. */
async function unlessGone(write: Promise<unknown>): Promise<boolean> {
  try {
    await write;
    return true;
  } catch (error) {
    if (isNotFound(error) || isConflict(error)) return false;
    throw error;
  }
}
