import { allCrds } from '../../../src/schema/crds';
import type { StructuralSchema } from '../../../src/schema/structural';

/** A field as `kubectl explain` names it; the items of a list are `[]`. */
interface Field {
  readonly path: string;
  readonly schema: StructuralSchema;
  readonly isOptional: boolean;
}

function fieldsOf(schema: StructuralSchema, path: string): Field[] {
  const fields = Object.entries(schema.properties ?? {}).map(([name, field]) => {
    const isOptional = !(schema.required?.includes(name) ?? false) || field.default !== undefined;
    return { path: `${path}.${name}`, schema: field, isOptional };
  });
  const items = schema.items === undefined ? [] : [{ path: `${path}[]`, schema: schema.items, isOptional: false }];
  return [...fields, ...items].flatMap((field) => [field, ...fieldsOf(field.schema, field.path)]);
}

const crds = allCrds().map((crd) => ({ crd, name: crd.spec.names.singular, version: crd.spec.versions[0] }));
/** Every field of every kind but `metadata`, which Kubernetes describes. */
const fields = crds
  .flatMap(({ name, version }) => (version === undefined ? [] : fieldsOf(version.schema.openAPIV3Schema, name)))
  .filter(({ path }) => !path.endsWith('.metadata'));
/** Fields that users may leave out: those of the object itself, such as its kind, are no choice. */
const optionalFields = fields.filter(({ path, isOptional }) => isOptional && /\.(spec|status)\./.test(path));

const UNIT = /\b(pods|seconds|tasks|metadata\.generation)\b/;

const failing = (checked: readonly Field[], isRight: (description: string, schema: StructuralSchema) => boolean) =>
  checked.filter(({ schema }) => !isRight(schema.description ?? '', schema)).map(({ path, schema }) => `${path}: ${schema.description}`);

test('every kind and field has sentences of its own', () => {
  expect(fields.length).toBeGreaterThan(50);
  expect(failing(fields, (description) => /^\S.*\.$/.test(description))).toEqual([]);
  expect(crds.map(({ version }) => version?.schema.openAPIV3Schema.description)).not.toContain(undefined);
});

test('every number says its unit', () => {
  const numbers = fields.filter(({ schema }) => schema.type === 'integer' || schema['x-kubernetes-int-or-string'] === true);
  expect(numbers.length).toBeGreaterThan(15);
  expect(failing(numbers, (description) => UNIT.test(description))).toEqual([]);
});

test('every bound that is a choice of ours is said', () => {
  const bounded = fields.filter(({ schema: { type, maximum = Infinity } }) => type === 'integer' && maximum < 2147483647);
  expect(bounded).toHaveLength(6);
  expect(failing(bounded, (description, { minimum, maximum }) => description.includes(`from ${minimum} to ${maximum}`))).toEqual([]);
});

test('every field that may be left out says what holds then', () => {
  expect(failing(optionalFields, (description) => / Default: .*\.$/.test(description))).toEqual([]);
});

test('a default of the schema is the one that is said', () => {
  const withDefault = fields.filter(({ schema }) => schema.default !== undefined);
  expect(withDefault).toHaveLength(3);
  expect(failing(withDefault, (description, schema) => description.endsWith(` Default: ${String(schema.default)}.`))).toEqual([]);
});

test('every choice is explained', () => {
  const choices = fields.filter(({ schema }) => schema.enum !== undefined);
  expect(choices.length).toBeGreaterThan(5);
  expect(failing(choices, (description, schema) => (schema.enum ?? []).every((value) => new RegExp(`\\b${String(value)}\\b`).test(description)))).toEqual([]);
});

test('every column of kubectl get is described', () => {
  const columns = crds.flatMap(({ version }) => version?.additionalPrinterColumns ?? []);
  expect(columns.filter(({ description }) => !/^\S.*\.$/.test(description))).toEqual([]);
});
