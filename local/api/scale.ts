import { type ApiObject } from './api-object';
import { badRequest, invalid, unknownPath } from './api-error';
import { invalidValue } from './field-problem';
import { type JsonObject, toJsonObject, valueAt, withValueAt } from './json';
import type { ResourceKind } from './resource-kind';

/** The Scale of an object: its replicas, whatever the kind calls them. @throws ApiError 404 when the kind has none */
export function toScale(object: ApiObject, { scale }: ResourceKind): JsonObject {
  if (scale === undefined) throw unknownPath();
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const selector = scale.selector === undefined ? undefined : valueAt(object, scale.selector);
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: { replicas: valueAt(object, scale.spec) ?? 0 },
    status: { replicas: valueAt(object, scale.status) ?? 0, ...(typeof selector === 'string' ? { selector } : {}) },
  };
}

/** The object with the replicas of a Scale, and the version that the writer of the Scale saw. @throws ApiError 400, 422 */
export function withScale(object: ApiObject, kind: ResourceKind, scale: JsonObject): JsonObject {
  if (kind.scale === undefined) throw unknownPath();
  const replicas = toJsonObject(scale.spec).replicas ?? 0;
  if (typeof replicas !== 'number' || !Number.isInteger(replicas) || replicas < 0) {
    const problem = invalidValue(['spec', 'replicas'], replicas, 'must be greater than or equal to 0');
    throw invalid({ group: 'autoscaling', kind: 'Scale' }, object.metadata.name, [problem]);
  }
  const { name, resourceVersion } = toJsonObject(scale.metadata);
  if (name !== object.metadata.name) throw badRequest(`the name of the object (${String(name ?? '')}) does not match the name on the URL (${object.metadata.name})`);
  const version = resourceVersion === undefined || resourceVersion === '' ? object.metadata.resourceVersion : resourceVersion;
  const scaled = toJsonObject(withValueAt(object, kind.scale.spec, replicas));
  return { ...scaled, metadata: { ...object.metadata, resourceVersion: version } };
}
