import type { BatchSandbox } from '../../src/schema/batch-sandbox';
import { objectKey } from '../../src/schema/kubernetes';
import type { KubeApi } from '../kube/api';
import { isNotFound } from '../kube/api-error';
import type { ObjectCache } from '../kube/cache';
import { BATCHES } from '../kube/resource-types';

/** Reads a batch from the API and puts it into the cache; `undefined` when it is gone. */
export async function refreshBatch(api: KubeApi, batches: ObjectCache<BatchSandbox>, batch: BatchSandbox, signal: AbortSignal): Promise<BatchSandbox | undefined> {
  const { name, namespace } = batch.metadata;
  try {
    return await batches.write(objectKey(batch), () => api.get(BATCHES, { name, namespace }, { signal }));
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
