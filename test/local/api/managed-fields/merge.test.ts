import fc from 'fast-check';
import { itemProblems, mergeApplied, removeFields } from '../../../../local/api/managed-fields/apply-merge';
import { difference, type FieldSet } from '../../../../local/api/managed-fields/field-set';
import { typeOfKind } from '../../../../local/api/managed-fields/field-type';
import { changesOf, fieldsOf, withNamedFields } from '../../../../local/api/managed-fields/fields-of';
import { compileObjectSchema } from '../../../../local/api/object-schema';
import type { ResourceKind } from '../../../../local/api/resource-kind';
import type { StructuralSchema } from '../../../../local/api/structural-schema';

const number: StructuralSchema = { type: 'integer' };
const schema: StructuralSchema = {
  type: 'object',
  properties: {
    number,
    whole: { type: 'object', 'x-kubernetes-map-type': 'atomic', properties: { a: number } },
    nested: { type: 'object', properties: { a: number, b: number } },
    map: { type: 'object', additionalProperties: { type: 'object', properties: { a: number } } },
    free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
    atoms: { type: 'array', items: number },
    set: { type: 'array', items: number, 'x-kubernetes-list-type': 'set' },
    items: {
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['port', 'protocol'],
      items: { type: 'object', properties: { port: number, protocol: { type: 'string', default: 'TCP' }, a: number } },
    },
  },
};
const type = typeOfKind({ custom: true, schema: compileObjectSchema(schema) } as ResourceKind);

const small = fc.integer({ min: 0, max: 2 });
const some = <T>(fields: { [K in keyof T]: fc.Arbitrary<T[K]> }) => fc.record(fields, { requiredKeys: [] });
const objects = some({
  number: small,
  whole: some({ a: small }),
  nested: some({ a: small, b: small }),
  map: fc.dictionary(fc.constantFrom('x', 'y'), some({ a: small })),
  free: some({ x: some({ y: small }), z: fc.array(small, { maxLength: 2 }) }),
  atoms: fc.array(small, { maxLength: 2 }),
  // Nobody owns an empty list that could have items, so there are none here.
  set: fc.uniqueArray(small, { minLength: 1 }),
  items: fc.uniqueArray(fc.record({ port: small, protocol: fc.constantFrom('TCP', 'UDP'), a: small }, { requiredKeys: ['port'] }), { minLength: 1, selector: ({ port, protocol = 'TCP' }) => `${port} ${protocol}` }),
});

const applied = (live: unknown, config: unknown) => mergeApplied(live, config, type);
const fields = (value: unknown) => fieldsOf(value, type);

describe('a merge', () => {
  test('of the same again changes nothing', () => {
    fc.assert(fc.property(objects, objects, (live, config) => {
      const once = applied(live, config);
      expect(applied(once, config)).toEqual(once);
    }));
  });

  test('holds what was applied, and changes nothing else', () => {
    fc.assert(fc.property(objects, objects, (live, config) => {
      const { changed, removed } = changesOf(live, applied(live, config), type);
      expect(removed).toEqual({});
      expect(difference(changed, withNamedFields(fields(config), type))).toEqual({});
      expect(difference(fields(config), withNamedFields(fields(applied(live, config)), type))).toEqual({});
    }));
  });

  test('keeps the order of the applied items, and that of the others', () => {
    fc.assert(fc.property(fc.uniqueArray(fc.integer({ min: 0, max: 9 })), fc.uniqueArray(fc.integer({ min: 0, max: 9 })), (live, config) => {
      const { set } = applied({ set: live }, { set: config }) as { set: number[] };
      expect(set.filter((item) => config.includes(item))).toEqual(config);
      expect(set.filter((item) => !config.includes(item))).toEqual(live.filter((item) => !config.includes(item)));
    }));
  });

  test.each([
    ['an item without a key has its default', { items: [{ port: 1, protocol: 'TCP', a: 1 }] }, { items: [{ port: 1, a: 2 }] }, { items: [{ port: 1, protocol: 'TCP', a: 2 }] }],
    ['a list without keys is replaced', { atoms: [1, 2] }, { atoms: [3] }, { atoms: [3] }],
    ['an atomic object is replaced', { whole: { a: 1 } }, { whole: {} }, { whole: {} }],
    ['null leaves the parts of others', { nested: { a: 1 }, set: [1] }, { nested: null, set: null }, { nested: { a: 1 }, set: [1] }],
    ['null takes the place of a number', { number: 1 }, { number: null }, { number: null }],
  ])('%s', (_, live, config, want) => {
    expect(applied(live, config)).toEqual(want);
  });
});

describe('the changes of an object', () => {
  test('are none from an object to an equal one', () => {
    fc.assert(fc.property(objects, (object) => {
      expect(changesOf(object, structuredClone(object), type)).toEqual({ changed: {}, removed: {} });
    }));
  });

  test('turn around: what one way is new is removed the other way', () => {
    fc.assert(fc.property(objects, objects, (a, b) => {
      const there = changesOf(a, b, type);
      const back = changesOf(b, a, type);
      expect(difference(there.removed, back.changed)).toEqual({});
      expect(difference(back.removed, there.changed)).toEqual({});
    }));
  });

  test.each<[string, object, object, object]>([
    ['a new object is new itself', {}, { nested: { a: 1 } }, { changed: { 'f:nested': { '.': {}, 'f:a': {} } }, removed: {} }],
    ['a filled object is not', { nested: {} }, { nested: { a: 1 } }, { changed: { 'f:nested': { 'f:a': {} } }, removed: {} }],
    ['an item goes with its fields', { items: [{ port: 1, protocol: 'UDP' }] }, { items: [] }, { changed: {}, removed: { 'f:items': { 'k:{"port":1,"protocol":"UDP"}': { '.': {}, 'f:port': {}, 'f:protocol': {} } } } }],
    ['a value takes the place of an object', { free: { x: { y: 1 } } }, { free: { x: 1 } }, { changed: { 'f:free': { 'f:x': {} } }, removed: { 'f:free': { 'f:x': { 'f:y': {} } } } }],
  ])('%s', (_, old, now, want) => {
    expect(changesOf(old, now, type)).toEqual(want);
  });
});

describe('a removal', () => {
  test('of all that an object says leaves none of it', () => {
    fc.assert(fc.property(objects, (object) => {
      expect(removeFields(object, withNamedFields(fields(object), type), type)).toEqual({});
    }));
  });

  test('takes an item by its keys, and leaves what is not in the set', () => {
    const object = { items: [{ port: 1, a: 1 }, { port: 1, protocol: 'UDP', a: 2 }], map: { x: { a: 1 }, y: { a: 2 } }, set: [1, 2] };
    const set: FieldSet = { 'f:items': { 'k:{"port":1,"protocol":"UDP"}': {}, 'k:{"port":1,"protocol":"TCP"}': { 'f:a': {} } }, 'f:map': { 'f:x': { 'f:a': {} } }, 'f:set': { 'v:2': {} } };
    expect(removeFields(object, set, type)).toEqual({ items: [{ port: 1 }], map: { x: {}, y: { a: 2 } }, set: [1] });
  });
});

test.each<[string, object, string[]]>([
  ['nothing is wrong', { set: [1, 2], items: [{ port: 1 }, { port: 1, protocol: 'UDP' }] }, []],
  ['a value is there twice', { set: [1, 1] }, ['.set: duplicate entries for key [=1]']],
  ['a default makes two items one', { items: [{ port: 1 }, { port: 1, protocol: 'TCP' }] }, ['.items: duplicate entries for key [port=1,protocol="TCP"]']],
])('finds items that can not be told apart: %s', (_, object, want) => {
  expect(itemProblems(object, type)).toEqual(want);
});
