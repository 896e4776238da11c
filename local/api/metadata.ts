import type { ApiMetadata, ApiObject } from './api-object';
import { type FieldProblem, forbiddenField, invalidValue, requiredValue, tooLong } from './field-problem';
import { isJsonObject, type JsonObject, toJsonObject } from './json';
import type { NameForm, ResourceKind } from './resource-kind';

/** Most bytes of all annotations of one object together, keys included. */
const MAX_ANNOTATIONS_BYTES = 262_144;

/** Finalizers without a domain. */
const KUBERNETES_FINALIZERS = new Set(['kubernetes', 'orphan', 'foregroundDeletion']);

const LABEL = '[a-z0-9](?:[-a-z0-9]*[a-z0-9])?';
const SUBDOMAIN = String.raw`${LABEL}(?:\.${LABEL})*`;
const QUALIFIED_PART = '[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?';

const SUBDOMAIN_FORM = new RegExp(`^${SUBDOMAIN}$`);
const LABEL_FORM = new RegExp(`^${LABEL}$`);
const PART_FORM = new RegExp(`^${QUALIFIED_PART}$`);

const SUBDOMAIN_RULE = `a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')`;
const LABEL_RULE = `a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')`;
const PART_RULE = `name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')`;
const VALUE_RULE = `a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')`;

/** Why `name` is no DNS label of at most 63 characters; undefined when it is one. */
export function whyNotLabel(name: string): string | undefined {
  if (name.length > 63) return 'must be no more than 63 characters';
  return LABEL_FORM.test(name) ? undefined : LABEL_RULE;
}

/** Why `name` does not have the form that its kind wants; undefined when it does. */
export function whyNotName(name: string, form: NameForm): string | undefined {
  if (form === 'label') return whyNotLabel(name);
  if (form === 'pathSegment') return name === '.' || name === '..' || /[/%]/.test(name) ? `may not contain '/' or '%', nor be '.' or '..'` : undefined;
  if (name.length > 253) return 'must be no more than 253 characters';
  return SUBDOMAIN_FORM.test(name) ? undefined : SUBDOMAIN_RULE;
}

/** The fields of metadata that an object keeps; {@link misshapenMetadata} has found none of a wrong type. */
export function cleanMetadata(metadata: JsonObject): JsonObject {
  const kept: Record<string, unknown> = {};
  for (const field of METADATA_FIELDS) {
    const value = metadata[field];
    if (value === undefined || value === null || (isJsonObject(value) && Object.keys(value).length === 0) || (Array.isArray(value) && value.length === 0)) continue;
    kept[field] = field === 'labels' || field === 'annotations' ? withoutNulls(toJsonObject(value)) : value;
  }
  return kept;
}

/** A null in a map of texts is an empty text, as Go reads it. */
function withoutNulls(texts: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, text ?? '']));
}

const METADATA_FIELDS = [
  'name', 'generateName', 'namespace', 'uid', 'resourceVersion', 'generation', 'creationTimestamp', 'deletionTimestamp',
  'deletionGracePeriodSeconds', 'labels', 'annotations', 'ownerReferences', 'finalizers', 'managedFields',
] as const;

/** Paths of fields in metadata that do not exist. */
export function unknownMetadataFields(metadata: JsonObject): string[] {
  const known: readonly string[] = [...METADATA_FIELDS, 'selfLink'];
  return Object.keys(metadata).filter((field) => !known.includes(field)).map((field) => `metadata.${field}`);
}

/** The first field of metadata with a type that can not be read at all; undefined when all can. */
export function misshapenMetadata(metadata: JsonObject): string | undefined {
  const isText = (value: unknown) => typeof value === 'string';
  const isTextMap = (value: unknown) => isJsonObject(value) && Object.values(value).every((text) => text === null || isText(text));
  const forms: Record<string, (value: unknown) => boolean> = {
    name: isText,
    generateName: isText,
    namespace: isText,
    uid: isText,
    resourceVersion: isText,
    generation: Number.isInteger,
    labels: isTextMap,
    annotations: isTextMap,
    finalizers: (value) => Array.isArray(value) && value.every(isText),
    ownerReferences: (value) => Array.isArray(value) && value.every(isJsonObject),
  };
  return Object.keys(forms).find((field) => metadata[field] !== undefined && metadata[field] !== null && forms[field]?.(metadata[field]) === false);
}

/** Everything wrong in the metadata of a new or changed object. */
export function checkMetadata(metadata: ApiMetadata, old: ApiMetadata | undefined, { nameForm, custom }: Pick<ResourceKind, 'nameForm' | 'custom'>): FieldProblem[] {
  const whyBadName = old === undefined ? whyNotName(metadata.name, nameForm) : undefined;
  return [
    ...(whyBadName === undefined ? [] : [invalidValue(['metadata', 'name'], metadata.name, whyBadName)]),
    ...checkLabels(metadata.labels ?? {}, ['metadata', 'labels']),
    ...checkAnnotations(metadata.annotations ?? {}),
    ...(custom ? [] : checkFinalizerDomains(metadata)),
    ...checkFinalizers(metadata, old),
    ...checkOwners(metadata),
  ];
}

/** Everything wrong in a map of labels at `path`. */
export function checkLabels(labels: Readonly<Record<string, unknown>>, path: readonly string[]): FieldProblem[] {
  return Object.entries(labels).flatMap(([key, value]) => {
    const whyBadKey = whyNotQualifiedName(key);
    const problems = whyBadKey === undefined ? [] : [invalidValue(path, key, whyBadKey)];
    const text = String(value);
    if (text.length > 63) problems.push(invalidValue(path, text, 'must be no more than 63 characters'));
    else if (text !== '' && !PART_FORM.test(text)) problems.push(invalidValue(path, text, VALUE_RULE));
    return problems;
  });
}

function checkAnnotations(annotations: Readonly<Record<string, string>>): FieldProblem[] {
  const path = ['metadata', 'annotations'];
  const problems = Object.keys(annotations).flatMap((key) => {
    const why = whyNotQualifiedName(key.toLowerCase());
    return why === undefined ? [] : [invalidValue(path, key, why)];
  });
  const bytes = Object.entries(annotations).reduce((sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value), 0);
  return bytes > MAX_ANNOTATIONS_BYTES ? [...problems, tooLong(path, MAX_ANNOTATIONS_BYTES)] : problems;
}

/** Built-in kinds take short finalizers only from Kubernetes itself. */
function checkFinalizerDomains({ finalizers = [] }: ApiMetadata): FieldProblem[] {
  return finalizers.flatMap((name, i) =>
    name.includes('/') || KUBERNETES_FINALIZERS.has(name) ? [] : [invalidValue(['metadata', 'finalizers', i], name, 'name is neither a standard finalizer name nor is it fully qualified')],
  );
}

/** Once deletion was asked for, finalizers can only go: a new one could hold the object for ever. */
function checkFinalizers({ finalizers = [], deletionTimestamp }: ApiMetadata, old: ApiMetadata | undefined): FieldProblem[] {
  const path = ['metadata', 'finalizers'];
  const problems = finalizers.flatMap((name) => {
    const why = whyNotQualifiedName(name);
    return why === undefined ? [] : [invalidValue(path, name, why)];
  });
  if (old === undefined || deletionTimestamp === undefined) return problems;
  const added = finalizers.filter((name) => !old.finalizers?.includes(name));
  if (added.length === 0) return problems;
  const list = added.map((name) => JSON.stringify(name)).join(', ');
  return [...problems, forbiddenField(path, `no new finalizers can be added if the object is being deleted, found new finalizers []string{${list}}`)];
}

function checkOwners({ ownerReferences = [] }: ApiMetadata): FieldProblem[] {
  const path = ['metadata', 'ownerReferences'];
  const problems = ownerReferences.flatMap((owner, i) =>
    (['apiVersion', 'kind', 'name', 'uid'] as const)
      .filter((field) => typeof owner[field] !== 'string' || owner[field] === '')
      .map((field) => requiredValue([...path, i, field], 'must not be empty')),
  );
  const controllers = ownerReferences.filter(({ controller }) => controller === true);
  if (controllers.length <= 1) return problems;
  return [...problems, invalidValue(path, ownerReferences, 'Only one reference can have Controller set to true')];
}

function whyNotQualifiedName(key: string): string | undefined {
  const parts = key.split('/');
  if (parts.length > 2) return PART_RULE;
  const name = parts.at(-1) ?? '';
  const prefix = parts.length === 2 ? parts[0] : undefined;
  if (prefix !== undefined && (prefix.length > 253 || !SUBDOMAIN_FORM.test(prefix))) return `prefix part ${SUBDOMAIN_RULE}`;
  if (name === '') return 'name part must be non-empty';
  if (name.length > 63) return 'name part must be no more than 63 characters';
  return PART_FORM.test(name) ? undefined : PART_RULE;
}

/** Metadata of an object that came from outside; an empty one if there is none. */
export function metadataOf(object: JsonObject): JsonObject {
  return toJsonObject(object.metadata);
}

/** Whether deletion was asked for. */
export function isTerminating({ metadata }: ApiObject): boolean {
  return metadata.deletionTimestamp !== undefined;
}
