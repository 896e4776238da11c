import { joinProblems, type Problem, SandboxError, showValue } from './errors';
import { isRecord } from './validation';

/** An OpenAPI v3 schema as the API server takes it in a CRD. */
export interface StructuralSchema {
  readonly description?: string;
  readonly type?: string;
  readonly format?: string;
  readonly nullable?: boolean;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minProperties?: number;
  readonly maxProperties?: number;
  readonly properties?: Readonly<Record<string, StructuralSchema>>;
  readonly additionalProperties?: StructuralSchema;
  readonly required?: readonly string[];
  readonly items?: StructuralSchema;
  readonly anyOf?: readonly StructuralSchema[];
  readonly 'x-kubernetes-int-or-string'?: boolean;
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean;
  readonly 'x-kubernetes-list-type'?: 'atomic' | 'map' | 'set';
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  readonly 'x-kubernetes-validations'?: readonly { readonly rule: string; readonly message: string; readonly fieldPath?: string }[];
}

/** Keywords that a schema of ours may use, in the order in which they are written; the API server knows a few more. */
export const KEYWORDS: readonly string[] = [
  ...['description', 'type', 'format', 'nullable', 'default', 'enum', 'pattern', 'minimum', 'maximum', 'minLength', 'maxLength'],
  ...['minItems', 'maxItems', 'minProperties', 'maxProperties', 'required', 'properties', 'additionalProperties', 'items', 'anyOf'],
  ...['x-kubernetes-int-or-string', 'x-kubernetes-preserve-unknown-fields', 'x-kubernetes-list-type'],
  ...['x-kubernetes-list-map-keys', 'x-kubernetes-validations'],
];

const TYPES: Readonly<Record<string, (value: unknown) => boolean>> = {
  object: isRecord,
  array: (value) => Array.isArray(value),
  string: (value) => typeof value === 'string',
  boolean: (value) => typeof value === 'boolean',
  integer: (value) => Number.isSafeInteger(value),
  number: (value) => typeof value === 'number' && Number.isFinite(value),
};

/** Look-ahead, look-behind and references back to a group: the API server's engine (RE2) has none of them. */
const BEYOND_RE2 = /\(\?(?:[=!]|<[=!])|\\(?:[1-9]|k<)/;

/**
 * Refuses what the API server would refuse in a CRD, before anybody installs it.
 *
 * @throws SCHEMA_INVALID that lists every path at fault
 */
export function checkStructural(schema: StructuralSchema): void {
  const problems = [...problemsOf(schema, '')];
  if (problems.length > 0) {
    throw new SandboxError('SCHEMA_INVALID', joinProblems('schema', problems), { details: { problems } });
  }
}

function* problemsOf(schema: StructuralSchema, path: string): Generator<Problem> {
  const at = (keyword: string) => (path === '' ? keyword : `${path}.${keyword}`);
  for (const keyword of Object.keys(schema).filter((name) => !KEYWORDS.includes(name))) {
    yield { path: at(keyword), expected: 'a keyword of structural schemas', got: showValue(keyword) };
  }
  yield* typeProblems(schema, at);
  if (schema.pattern !== undefined && BEYOND_RE2.test(schema.pattern)) {
    yield { path: at('pattern'), expected: 'a pattern without look-around and back-references', got: showValue(schema.pattern) };
  }
  yield* containerProblems(schema, at);
  if (schema['x-kubernetes-validations'] !== undefined) {
    yield* boundProblems(schema, path);
  }
  for (const [name, child] of childrenOf(schema)) {
    yield* problemsOf(child, at(name));
  }
}

function* typeProblems(schema: StructuralSchema, at: (keyword: string) => string): Generator<Problem> {
  const isIntOrString = schema['x-kubernetes-int-or-string'] === true;
  if (schema.anyOf !== undefined && !(isIntOrString && JSON.stringify(schema.anyOf) === '[{"type":"integer"},{"type":"string"}]')) {
    yield { path: at('anyOf'), expected: 'no union but int-or-string', got: showValue(schema.anyOf) };
  }
  if (isIntOrString) {
    if (schema.type !== undefined) {
      yield { path: at('type'), expected: 'no type beside int-or-string', got: showValue(schema.type) };
    }
    return;
  }
  const isOfType = TYPES[schema.type ?? ''];
  if (isOfType === undefined) {
    yield { path: at('type'), expected: `one of ${Object.keys(TYPES).join(', ')}`, got: showValue(schema.type) };
    return;
  }
  for (const value of schema.enum ?? []) {
    if (!isOfType(value)) {
      yield { path: at('enum'), expected: `values of type ${schema.type}`, got: showValue(value) };
    }
  }
  if (schema.default !== undefined && !(isOfType(schema.default) && (schema.enum?.includes(schema.default) ?? true))) {
    yield { path: at('default'), expected: 'a value that the schema allows', got: showValue(schema.default) };
  }
}

function* containerProblems(schema: StructuralSchema, at: (keyword: string) => string): Generator<Problem> {
  const { items, properties, additionalProperties } = schema as Readonly<Record<string, unknown>>;
  if (schema.type === 'array' && !isRecord(items)) {
    yield { path: at('items'), expected: 'a schema', got: showValue(items) };
  }
  if (additionalProperties !== undefined && (properties !== undefined || !isRecord(additionalProperties))) {
    yield { path: at('additionalProperties'), expected: 'a schema, and no properties beside it', got: showValue(additionalProperties) };
  }
  for (const key of schema['x-kubernetes-list-map-keys'] ?? []) {
    const item = schema.items;
    if (item?.properties?.[key] === undefined || !(item.required?.includes(key) ?? false)) {
      yield { path: at('x-kubernetes-list-map-keys'), expected: 'required fields of the items', got: showValue(key) };
    }
  }
}

/** A rule costs by the size of what it may read, so everything below it needs a bound. */
function* boundProblems(schema: StructuralSchema, path: string): Generator<Problem> {
  const bound = ({ string: 'maxLength', array: 'maxItems' } as const)[schema.type ?? ''];
  const missing = schema.additionalProperties === undefined ? bound : 'maxProperties';
  if (missing !== undefined && schema[missing] === undefined && schema.enum === undefined) {
    yield { path, expected: `${missing}, since a rule reads it`, got: 'no bound' };
  }
  for (const [name, child] of childrenOf(schema)) {
    yield* boundProblems(child, path === '' ? name : `${path}.${name}`);
  }
}

function childrenOf({ properties, items, additionalProperties }: StructuralSchema): [string, StructuralSchema][] {
  const children: [string, StructuralSchema | undefined][] = [
    ...Object.entries(properties ?? {}),
    ['items', items],
    ['additionalProperties', additionalProperties],
  ];
  return children.filter((entry): entry is [string, StructuralSchema] => isRecord(entry[1]));
}
