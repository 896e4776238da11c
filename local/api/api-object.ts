import { type ObjectMeta, objectKey } from '../../src/schema/kubernetes';
import { type JsonObject } from './json';
import type { ManagedFieldsEntry } from './managed-fields/entries';

/** Metadata of a stored object: what the server writes is there. */
export interface ApiMetadata extends ObjectMeta {
  readonly uid: string;
  readonly resourceVersion: string;
  readonly creationTimestamp: string;
  readonly deletionGracePeriodSeconds?: number;
  /** Who owns which field; absent when nobody keeps it, never empty. */
  readonly managedFields?: readonly ManagedFieldsEntry[];
}

/** An object as the store holds it. Never changed in place: every write makes a new one, which may share parts with the old. */
export interface ApiObject extends JsonObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ApiMetadata;
}

/** `group/version`, or the version alone for the core group. */
export function apiVersionOf(group: string, version: string): string {
  return group === '' ? version : `${group}/${version}`;
}

/** Key of an object in its collection. */
export function keyOf(namespace: string | undefined, name: string): string {
  return objectKey({ metadata: { name, namespace } });
}

/** An instant as Kubernetes writes it: RFC 3339 in UTC, whole seconds. */
export function timestampOf(date: Date): string {
  return `${date.toISOString().slice(0, 19)}Z`;
}
