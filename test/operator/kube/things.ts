import type { KubeObject } from '../../../src/schema/kubernetes';

/** An object to cache. */
export interface Thing extends KubeObject {
  readonly label?: string;
}

/** One of namespace `ns`; its label is its version unless told otherwise. */
export const thing = (version: string, { uid = 'u1', label = version, name = 'a' } = {}): Thing => ({
  metadata: { namespace: 'ns', name, uid, resourceVersion: version },
  label,
});
