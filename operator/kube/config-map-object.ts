import type { KubeObject } from '../../src/schema/kubernetes';

/**
 * A ConfigMap of v1.
 *
 * @see https://kubernetes.io/docs/reference/kubernetes-api/config-and-storage-resources/config-map-v1/
 */
export interface ConfigMap extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}
