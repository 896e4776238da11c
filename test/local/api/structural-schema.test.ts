import { applyDefaults, prune, type StructuralSchema } from '../../../local/api/structural-schema';

const schema: StructuralSchema = {
  type: 'object',
  properties: {
    spec: {
      type: 'object',
      properties: {
        count: { type: 'integer', default: 3 },
        note: { type: 'string', nullable: true, default: 'n' },
        plain: { type: 'string' },
        inner: { type: 'object', properties: { level: { type: 'integer', default: 1 } } },
        made: { type: 'object', default: {}, properties: { level: { type: 'integer', default: 2 } } },
        list: { type: 'array', items: { type: 'object', properties: { x: { type: 'integer', default: 4 } } } },
        map: { type: 'object', additionalProperties: { type: 'object', properties: { y: { type: 'integer' } } } },
        open: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true, properties: { closed: { type: 'object', properties: {} } } },
      },
    },
  },
};

test('pruning drops unknown fields at every level and names them', () => {
  const dropped: string[] = [];
  const object = {
    apiVersion: 'v1',
    kind: 'K',
    metadata: { anything: 1 },
    other: 1,
    spec: { plain: 'p', bad: 1, list: [{ x: 1, z: 2 }], map: { k: { y: 1, z: 2 } }, open: { free: 1, closed: { z: 2 } } },
  };
  expect(prune(object, schema, dropped)).toEqual({
    apiVersion: 'v1',
    kind: 'K',
    metadata: { anything: 1 },
    spec: { plain: 'p', list: [{ x: 1 }], map: { k: { y: 1 } }, open: { free: 1, closed: {} } },
  });
  expect(dropped).toEqual(['other', 'spec.bad', 'spec.list[0].z', 'spec.map.k.z', 'spec.open.closed.z']);
});

test.each([
  ['missing fields', {}, { count: 3, note: 'n', made: { level: 2 } }],
  ['below objects that are there, and not below those that are not', { inner: {} }, { count: 3, note: 'n', inner: { level: 1 }, made: { level: 2 } }],
  ['in items of lists', { list: [{}, { x: 1 }] }, { count: 3, note: 'n', made: { level: 2 }, list: [{ x: 4 }, { x: 1 }] }],
  ['for null where null is not allowed', { count: null, plain: null, note: null }, { count: 3, note: null, made: { level: 2 } }],
])('defaults are set: %s', (_, spec, result) => {
  expect(applyDefaults({ spec }, schema)).toEqual({ spec: result });
});

test('an object that needs no change is returned as it is', () => {
  const object = { spec: { count: 1, note: 'x', made: { level: 2 }, list: [{ x: 1 }] } };
  expect([prune(object, schema, []), applyDefaults(object, schema)]).toEqual([object, object]);
  expect(prune(object, schema, [])).toBe(object);
  expect(applyDefaults(object, schema)).toBe(object);
});
