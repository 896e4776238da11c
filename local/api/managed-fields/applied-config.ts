import { ApiError, badRequest } from '../api-error';
import { apiVersionOf } from '../api-object';
import { isJsonObject, type JsonObject } from '../json';
import { metadataOf, misshapenMetadata, unknownMetadataFields } from '../metadata';
import type { ResourceKind } from '../resource-kind';
import { itemProblems } from './apply-merge';
import type { FieldType } from './field-type';

/**
 * The body of an apply: a part of an object that says what it is.
 *
 * @param name that the path gives
 * @throws ApiError 400 when it is of something else, 500 when it does not fit the schema (so does Kubernetes answer)
 */
export function parseConfig(body: unknown, kind: ResourceKind, name: string, type: FieldType): JsonObject {
  if (!isJsonObject(body)) throw badRequest('error decoding YAML: expected an object');
  const { apiVersion = '', kind: kindName = '' } = body;
  if (apiVersion !== apiVersionOf(kind.group, kind.version) || kindName !== kind.kind) throw badRequest(`invalid object type: ${gvkText(String(apiVersion), String(kindName))}`);
  const metadata = metadataOf(body);
  if (metadata.managedFields !== undefined && metadata.managedFields !== null) throw badRequest('metadata.managedFields must be nil');
  const misshapen = misshapenMetadata(metadata);
  const unknownFields = unknownMetadataFields(metadata);
  kind.schema.prune(body, unknownFields);
  const problems = [...(misshapen === undefined ? [] : [`.metadata.${misshapen}: expected another type`]), ...unknownFields.map((field) => `.${field}: field not declared in schema`), ...itemProblems(body, type)];
  if (problems.length > 0) {
    const list = problems.length === 1 ? (problems[0] ?? '') : `errors:\n${problems.map((problem) => `  ${problem}`).join('\n')}`;
    const what = `${String(metadata.namespace ?? '')}/${String(metadata.name ?? '')}; ${gvkText(String(apiVersion), kind.kind)}`;
    throw new ApiError(500, '', `failed to create typed patch object (${what}): ${list}`);
  }
  if (metadata.name !== undefined && metadata.name !== '' && metadata.name !== name) throw badRequest(`the name of the object (${String(metadata.name)}) does not match the name on the URL (${name})`);
  return body;
}

function gvkText(apiVersion: string, kind: string): string {
  return `${apiVersion.includes('/') ? '' : '/'}${apiVersion}, Kind=${kind}`;
}
