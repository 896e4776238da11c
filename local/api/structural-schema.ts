import { isJsonObject, type JsonObject } from './json';

/** One rule of `x-kubernetes-validations`. */
export interface CelRule {
  readonly rule: string;
  readonly message?: string;
  readonly messageExpression?: string;
  readonly reason?: string;
  readonly fieldPath?: string;
  readonly optionalOldSelf?: boolean;
}

/**
 * A structural schema, as a CRD states it.
 *
 * @see https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema
 */
export interface StructuralSchema {
  readonly type?: string;
  readonly description?: string;
  readonly format?: string;
  readonly nullable?: boolean;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: boolean;
  readonly exclusiveMaximum?: boolean;
  readonly properties?: Readonly<Record<string, StructuralSchema>>;
  readonly additionalProperties?: boolean | StructuralSchema;
  readonly items?: StructuralSchema;
  readonly required?: readonly string[];
  readonly allOf?: readonly StructuralSchema[];
  readonly anyOf?: readonly StructuralSchema[];
  readonly oneOf?: readonly StructuralSchema[];
  readonly not?: StructuralSchema;
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean;
  readonly 'x-kubernetes-int-or-string'?: boolean;
  readonly 'x-kubernetes-embedded-resource'?: boolean;
  readonly 'x-kubernetes-list-type'?: 'atomic' | 'set' | 'map';
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  readonly 'x-kubernetes-validations'?: readonly CelRule[];
  readonly [keyword: string]: unknown;
}

/** Fields that every resource has and no schema prunes. */
const RESOURCE_FIELDS = new Set(['apiVersion', 'kind', 'metadata']);

/**
 * `value` without the fields that the schema does not know. Paths of what was dropped are added to `dropped`.
 *
 * Like everything here it never changes its input, and returns the very same value where nothing had to change.
 */
export function prune(value: unknown, schema: StructuralSchema, dropped: string[], path = '', isResource = true): unknown {
  if (Array.isArray(value)) {
    const items = schema.items;
    return items === undefined ? value : mapItems(value, (item, i) => prune(item, items, dropped, `${path}[${i}]`, items['x-kubernetes-embedded-resource']));
  }
  if (!isJsonObject(value)) return value;
  const keepsUnknown = schema['x-kubernetes-preserve-unknown-fields'] === true || schema.additionalProperties === true;
  return mapFields(value, (field, key) => {
    if (isResource && RESOURCE_FIELDS.has(key)) return field;
    const fieldPath = path === '' ? key : `${path}.${key}`;
    const fieldSchema = schemaOfField(schema, key);
    if (fieldSchema !== undefined) return prune(field, fieldSchema, dropped, fieldPath, fieldSchema['x-kubernetes-embedded-resource'] ?? false);
    if (keepsUnknown) return field;
    dropped.push(fieldPath);
    return undefined;
  });
}

/** `value` with the defaults of the schema, and without nulls that the schema does not allow: those count as absent. */
export function applyDefaults(value: unknown, schema: StructuralSchema): unknown {
  if (Array.isArray(value)) {
    const items = schema.items;
    return items === undefined ? value : mapItems(value, (item) => applyDefaults(item, items));
  }
  if (!isJsonObject(value)) return value;
  const present = mapFields(value, (field, key) => {
    const fieldSchema = schemaOfField(schema, key);
    if (fieldSchema === undefined) return field;
    if (field === null && fieldSchema.nullable !== true) return undefined;
    return applyDefaults(field, fieldSchema);
  });
  return withMissingDefaults(present, schema);
}

/** The schema of one field of an object: its own, or that of additional properties. */
export function schemaOfField(schema: StructuralSchema, key: string): StructuralSchema | undefined {
  const { properties, additionalProperties } = schema;
  if (properties !== undefined && Object.hasOwn(properties, key)) return properties[key];
  return typeof additionalProperties === 'object' ? additionalProperties : undefined;
}

function withMissingDefaults(object: JsonObject, { properties }: StructuralSchema): JsonObject {
  let result: Record<string, unknown> | undefined;
  for (const key in properties) {
    const property = properties[key];
    if (property?.default === undefined || object[key] !== undefined) continue;
    result ??= { ...object };
    result[key] = applyDefaults(property.default, property);
  }
  return result ?? object;
}

function mapItems(list: readonly unknown[], map: (item: unknown, index: number) => unknown): readonly unknown[] {
  let changed = false;
  const result = list.map((item, i) => {
    const mapped = map(item, i);
    changed ||= mapped !== item;
    return mapped;
  });
  return changed ? result : list;
}

/** Maps each field; undefined drops it. */
function mapFields(object: JsonObject, map: (field: unknown, key: string) => unknown): JsonObject {
  let result: Record<string, unknown> | undefined;
  for (const key in object) {
    const mapped = map(object[key], key);
    if (mapped === object[key]) continue;
    result ??= { ...object };
    if (mapped === undefined) delete result[key];
    else result[key] = mapped;
  }
  return result ?? object;
}
