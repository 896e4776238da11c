import { allCrds, BATCH_SANDBOX } from '../../../src/schema/crds';
import type { CustomResourceDefinition } from '../../../src/schema/resource';
import type { StructuralSchema } from '../../../src/schema/structural';
import { FULL_STATUSES } from '../../support/full-status';

/** What the API server leaves of a value: only fields that the schema has. */
function pruned(value: unknown, schema: StructuralSchema | undefined): unknown {
  if (Array.isArray(value)) {
    return value.map((item) => pruned(item, schema?.items));
  }
  if (typeof value !== 'object' || value === null || schema?.['x-kubernetes-preserve-unknown-fields'] === true) {
    return value;
  }
  const known = Object.entries(value).filter(([name]) => schema?.properties?.[name] !== undefined);
  return Object.fromEntries(known.map(([name, field]) => [name, pruned(field, schema?.properties?.[name])]));
}

function schemaOf(crd: CustomResourceDefinition): StructuralSchema | undefined {
  return crd.spec.versions[0]?.schema.openAPIV3Schema;
}

test('CRDs are public contract', () => {
  expect(allCrds()).toMatchSnapshot();
});

test('CRDs have the same bytes each time, and no object is shared', () => {
  const [first, second] = [allCrds(), allCrds()];
  expect(JSON.stringify(first)).toBe(JSON.stringify(second));
  expect(first[0]).not.toBe(second[0]);
});

test.each(FULL_STATUSES)('every status field of a $kind survives the API server and parse', ({ resource, spec, status }) => {
  const object = { spec, status };
  expect(pruned(object, schemaOf(resource.crd()))).toEqual(object);
  expect(resource.parse(object)).toEqual({ ok: true, value: object });
});

test('parse says where in the object the problem stands', () => {
  expect(BATCH_SANDBOX.parse({ spec: { replicas: -1 } })).toEqual({
    ok: false,
    problems: [{ path: 'spec.replicas', expected: 'a whole number from 0 to 10000', got: '-1' }],
  });
});
