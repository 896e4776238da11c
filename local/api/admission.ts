import { type ApiMetadata, type ApiObject, apiVersionOf } from './api-object';
import { type ApiError, badRequest, invalid } from './api-error';
import { invalidValue, type FieldProblem, problemText } from './field-problem';
import { jsonEqual, type JsonObject, withoutUndefined } from './json';
import { checkMetadata, cleanMetadata, metadataOf, misshapenMetadata, unknownMetadataFields } from './metadata';
import type { ResourceKind } from './resource-kind';

/** What to do about fields that the schema does not know. */
export type FieldValidation = 'Ignore' | 'Warn' | 'Strict';

/** The part of an object that a request writes; `binding` gives a pod its node, which no other request can. */
export type WrittenPart = 'object' | 'status' | 'binding';

/** How a request wants its body to be taken, and the warnings it collects for the client. */
export interface AdmissionOptions {
  readonly fieldValidation: FieldValidation;
  readonly isPatch: boolean;
  readonly warnings: string[];
}

/**
 * Refuses a body of another kind than the path it was sent to, and one that can not be read at all. A custom object must say its kind.
 *
 * @throws ApiError 400, 422 for the result of a patch
 */
export function checkTypeOf(object: JsonObject, kind: ResourceKind, { isPatch }: Pick<AdmissionOptions, 'isPatch'>): void {
  const apiVersion = apiVersionOf(kind.group, kind.version);
  const unreadable = (why: string) => (isPatch ? unreadablePatch(object, why) : badRequest(why));
  const missing = kind.custom ? (['kind', 'apiVersion'] as const).find((field) => object[field] === undefined || object[field] === '') : undefined;
  if (missing !== undefined) throw badRequest(`the object provided is unrecognized (must be of type ${kind.kind}): Object '${missing}' is missing`);
  if (object.kind !== undefined && object.kind !== '' && object.kind !== kind.kind) {
    throw unreadable(`${String(object.kind)} in version "${String(object.apiVersion)}" cannot be handled as a ${kind.kind}: expected kind ${kind.kind}`);
  }
  if (object.apiVersion !== undefined && object.apiVersion !== '' && object.apiVersion !== apiVersion) {
    throw unreadable(`the API version in the data (${String(object.apiVersion)}) does not match the expected API version (${apiVersion})`);
  }
  const field = misshapenMetadata(metadataOf(object));
  if (field !== undefined) throw unreadable(`${kind.kind} in version "${kind.version}" cannot be handled as a ${kind.kind}: metadata.${field} has the wrong type`);
}

/** Kubernetes reads the result of a patch as it reads a body, and names the patch when it can not. */
function unreadablePatch(object: JsonObject, why: string): ApiError {
  return invalid({ group: '', kind: '' }, '', [invalidValue(['patch'], JSON.stringify(object).slice(0, 200), why)]);
}

/** A new object as it will be stored: system fields set, pruned, defaulted and valid. @throws ApiError 400, 422 */
export function admitNew(input: JsonObject, metadata: ApiMetadata, kind: ResourceKind, options: AdmissionOptions): ApiObject {
  const { status: _, ...withoutStatus } = input;
  const body = kind.hasStatus ? withoutStatus : input;
  const pruned = known(body, kind, options);
  const complete = kind.complete ?? ((incomplete: JsonObject) => incomplete);
  const started = { ...pruned, metadata: { ...metadata, ...(kind.countsGenerations ? { generation: 1 } : {}) } };
  const completed = complete(started, new Date(metadata.creationTimestamp));
  const object = toApiObject(kind.schema.applyDefaults(completed), completed.metadata as ApiMetadata, kind);
  refuseProblems(object, undefined, kind, options);
  return object;
}

/**
 * The changed object as it will be stored. Fields that are not part of what the request writes stay as they were.
 *
 * @throws ApiError 400, 422
 */
export function admitChange(old: ApiObject, input: JsonObject, kind: ResourceKind, part: WrittenPart, options: AdmissionOptions): ApiObject {
  const body = known(writtenBody(old, input, kind, part), kind, options);
  const metadata = part === 'status' ? old.metadata : changedMetadata(old.metadata, metadataOf(input));
  const object = toApiObject(kind.schema.applyDefaults(body), metadata, kind);
  refuseProblems(object, old, part === 'binding' ? { ...kind, check: undefined } : kind, options);
  const changesSpec = part === 'object' && kind.countsGenerations && !jsonEqual(withoutStatusAndMetadata(object), withoutStatusAndMetadata(old));
  return changesSpec ? { ...object, metadata: { ...metadata, generation: (old.metadata.generation ?? 0) + 1 } } : object;
}

function writtenBody(old: ApiObject, input: JsonObject, kind: ResourceKind, part: WrittenPart): JsonObject {
  switch (part) {
    case 'status':
      return { ...old, status: input.status };
    case 'binding':
      return input;
    case 'object':
      return kind.hasStatus ? { ...input, status: old.status } : input;
  }
}

function known(object: JsonObject, kind: ResourceKind, options: AdmissionOptions): JsonObject {
  const unknownFields = unknownMetadataFields(metadataOf(object));
  const all = kind.schema.prune(object, unknownFields);
  const pruned = kind.read?.(all) ?? all;
  if (unknownFields.length === 0 || options.fieldValidation === 'Ignore') return pruned;
  const sentences = unknownFields.map((field) => `unknown field "${field}"`);
  if (options.fieldValidation === 'Warn') {
    options.warnings.push(...sentences);
    return pruned;
  }
  const strict = `strict decoding error: ${sentences.join(', ')}`;
  if (options.isPatch) throw unreadablePatch(object, strict);
  throw badRequest(`${kind.kind} in version "${kind.version}" cannot be handled as a ${kind.kind}: ${strict}`);
}

/** The user's fields of the new metadata, the server's of the old. */
function changedMetadata(old: ApiMetadata, input: JsonObject): ApiMetadata {
  const { uid, creationTimestamp, generation, resourceVersion, deletionTimestamp, deletionGracePeriodSeconds, name, namespace, generateName } = old;
  const system = { name, namespace, generateName, uid, resourceVersion, generation, creationTimestamp, deletionTimestamp, deletionGracePeriodSeconds };
  const { labels, annotations, ownerReferences, finalizers } = cleanMetadata(input);
  return withoutUndefined({ ...system, labels, annotations, ownerReferences, finalizers }) as unknown as ApiMetadata;
}

function toApiObject(body: JsonObject, metadata: ApiMetadata, kind: ResourceKind): ApiObject {
  const { apiVersion: _apiVersion, kind: _kind, metadata: _metadata, ...rest } = body;
  const object = { apiVersion: apiVersionOf(kind.group, kind.version), kind: kind.kind, metadata, ...rest };
  if ('status' in object && object.status === undefined) delete object.status;
  return object;
}

function withoutStatusAndMetadata({ metadata: _metadata, status: _status, ...rest }: ApiObject): JsonObject {
  return rest;
}

function refuseProblems(object: ApiObject, old: ApiObject | undefined, kind: ResourceKind, { isPatch }: AdmissionOptions): void {
  const problems: FieldProblem[] = [
    ...checkMetadata(object.metadata, old?.metadata, kind),
    ...kind.schema.check(object, old),
    ...(kind.check?.(object, old) ?? []),
  ];
  if (problems.length === 0) return;
  // Kinds of Go types fail in decoding, before any rule is looked at.
  const misread = kind.custom ? undefined : problems.find(({ reason }) => reason === 'FieldValueTypeInvalid');
  if (misread !== undefined) {
    const why = `${kind.kind} in version "${kind.version}" cannot be handled as a ${kind.kind}: ${problemText(misread)}`;
    throw isPatch ? unreadablePatch(object, why) : badRequest(why);
  }
  throw invalid(kind, object.metadata.name, problems);
}
