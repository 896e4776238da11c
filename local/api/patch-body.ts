import { joinProblems } from '../../src/schema/errors';
import { mergeTableOf } from '../../src/schema/merge-tables';
import { strategicMerge } from '../../src/schema/strategic-merge';
import { badRequest, unsupportedMediaType } from './api-error';
import { isJsonObject, type JsonObject } from './json';
import { applyJsonPatch, applyMergePatch } from './patch';
import type { ResourceKind } from './resource-kind';

/** Media type of what is applied. */
export const APPLY_TYPE = 'application/apply-patch+yaml';

/** Media types of the patches that change an object of a kind from what it was, without those that are applied. */
export function patchTypesOf({ custom }: Pick<ResourceKind, 'custom'>): readonly string[] {
  return ['application/json-patch+json', 'application/merge-patch+json', ...(custom ? [] : ['application/strategic-merge-patch+json'])];
}

/** Makes a new object of an old one. */
export type ObjectPatch = (old: JsonObject) => JsonObject;

/**
 * Reads a patch of the type that the request states.
 *
 * @throws ApiError 400 when it is no patch, 415 for a type that the kind does not take
 */
export function parsePatch(contentType: string, body: unknown, kind: ResourceKind): ObjectPatch {
  const patch = patchOf(contentType, body, kind);
  return (old) => {
    const patched = patch(old);
    if (!isJsonObject(patched)) throw badRequest('error decoding patch: the result is not an object');
    return patched;
  };
}

function patchOf(contentType: string, body: unknown, kind: ResourceKind): (old: JsonObject) => unknown {
  switch (contentType) {
    case 'application/json-patch+json':
      return (old) => applyJsonPatch(old, body);
    case 'application/merge-patch+json':
      return (old) => applyMergePatch(old, objectBody(body));
    case 'application/strategic-merge-patch+json':
      if (!kind.custom) return (old) => applyStrategicPatch(old, objectBody(body), kind);
  }
  throw unsupportedMediaType([...patchTypesOf(kind), APPLY_TYPE]);
}

function applyStrategicPatch(old: JsonObject, patch: JsonObject, kind: ResourceKind): JsonObject {
  const merged = strategicMerge(old, patch, mergeTableOf(kind.kind));
  if (merged.ok) return merged.value;
  throw badRequest(joinProblems('error decoding patch', merged.problems));
}

function objectBody(body: unknown): JsonObject {
  if (!isJsonObject(body)) throw badRequest('error decoding patch: expected a JSON object');
  return body;
}
