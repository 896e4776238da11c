import type { BatchSandbox } from '../../src/schema/batch-sandbox';
import type { KubeObject, Pod } from '../../src/schema/kubernetes';
import { API_VERSION } from '../../src/schema/names';
import type { Pool } from '../../src/schema/pool';
import type { ConfigMap } from './config-map-object';
import type { KubeEvent } from './event-object';
import type { Lease } from './lease-object';
import type { Secret } from './secret-object';

/** What the API needs to know about a kind to address its objects. */
export interface ResourceType<T extends KubeObject = KubeObject> {
  /** `v1` or `<group>/<version>`. */
  readonly apiVersion: string;
  readonly kind: string;
  /** Name in paths. */
  readonly plural: string;
  /** Whether objects live in a namespace. */
  readonly namespaced: boolean;
  /** Never set: it carries the type of the objects. */
  readonly object?: T;
}

/** Describes a kind whose objects live in namespaces. */
export function namespacedType<T extends KubeObject>(apiVersion: string, kind: string, plural: string): ResourceType<T> {
  return { apiVersion, kind, plural, namespaced: true };
}

/** Describes a kind whose objects live in no namespace. */
export function clusterType<T extends KubeObject>(apiVersion: string, kind: string, plural: string): ResourceType<T> {
  return { apiVersion, kind, plural, namespaced: false };
}

export const PODS = namespacedType<Pod>('v1', 'Pod', 'pods');
export const EVENTS = namespacedType<KubeEvent>('v1', 'Event', 'events');
export const LEASES = namespacedType<Lease>('coordination.k8s.io/v1', 'Lease', 'leases');
export const SECRETS = namespacedType<Secret>('v1', 'Secret', 'secrets');
export const CONFIG_MAPS = namespacedType<ConfigMap>('v1', 'ConfigMap', 'configmaps');
export const CLAIMS = namespacedType<KubeObject & { readonly spec: object }>('v1', 'PersistentVolumeClaim', 'persistentvolumeclaims');
export const NODES = clusterType('v1', 'Node', 'nodes');
export const POOLS = namespacedType<Pool>(API_VERSION, 'Pool', 'pools');
export const BATCHES = namespacedType<BatchSandbox>(API_VERSION, 'BatchSandbox', 'batchsandboxes');

/** An object's place: what its path needs beside the type. */
export interface ObjectRef {
  readonly namespace?: string;
  readonly name: string;
}

/** Path of the objects of a type, in one namespace or, without it, in all. */
export function collectionPath(type: ResourceType, namespace?: string): string {
  const root = type.apiVersion === 'v1' ? '/api/v1' : `/apis/${type.apiVersion}`;
  return namespace === undefined || !type.namespaced
    ? `${root}/${type.plural}`
    : `${root}/namespaces/${encodeURIComponent(namespace)}/${type.plural}`;
}

/** Path of one object, or of one of its subresources. */
export function objectPath(type: ResourceType, ref: ObjectRef, subresource?: string): string {
  const path = `${collectionPath(type, ref.namespace)}/${encodeURIComponent(ref.name)}`;
  return subresource === undefined ? path : `${path}/${subresource}`;
}
