import { z } from 'zod';
import { timestamp } from '../../../src/schema/fields';
import { toOpenApi } from '../../../src/schema/openapi';
import { checkStructural, type StructuralSchema } from '../../../src/schema/structural';

/** What a mistake in a schema can lead to, also where our own types would not let it pass. */
const at = (schema: Readonly<Record<string, unknown>>): StructuralSchema => ({ type: 'object', properties: { field: schema } });

const rule = [{ rule: 'true', message: 'm' }];
const object = (properties: Readonly<Record<string, unknown>>) => ({ type: 'object', 'x-kubernetes-validations': rule, properties });

describe('checkStructural', () => {
  test.each<[string, Readonly<Record<string, unknown>>, string]>([
    ['a reference', { type: 'object', $ref: '#/x' }, "field.$ref: expected a keyword of structural schemas, got '$ref'"],
    ['a missing type', {}, 'field.type: expected one of object, array, string, boolean, integer, number, got nothing'],
    ['several types', { type: ['string', 'null'] }, 'field.type: expected one of object'],
    ['a union', { type: 'string', anyOf: [{ type: 'string' }] }, 'field.anyOf: expected no union but int-or-string'],
    [
      'a type beside int-or-string',
      { type: 'string', 'x-kubernetes-int-or-string': true },
      "field.type: expected no type beside int-or-string, got 'string'",
    ],
    ['closed objects', { type: 'object', additionalProperties: false }, 'field.additionalProperties: expected a schema'],
    [
      'fields of both kinds',
      { type: 'object', properties: {}, additionalProperties: { type: 'string' } },
      'field.additionalProperties: expected a schema, and no properties beside it',
    ],
    ['look-ahead', { type: 'string', pattern: '^(?!a)' }, 'field.pattern: expected a pattern without look-around'],
    ['look-behind', { type: 'string', pattern: '(?<=a)b' }, 'field.pattern: expected a pattern without look-around'],
    ['a back-reference', { type: 'string', pattern: '(a)\\1' }, 'field.pattern: expected a pattern without look-around'],
    ['a list without items', { type: 'array' }, 'field.items: expected a schema, got nothing'],
    ['a tuple', { type: 'array', items: [{ type: 'string' }] }, 'field.items: expected a schema, got a list of 1 item'],
    [
      'an optional list key',
      {
        type: 'array',
        items: { type: 'object', properties: { type: { type: 'string' } } },
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['type'],
      },
      "field.x-kubernetes-list-map-keys: expected required fields of the items, got 'type'",
    ],
    ['a default of another type', { type: 'integer', default: '1' }, "field.default: expected a value that the schema allows, got '1'"],
    ['a default outside the enum', { type: 'string', enum: ['a'], default: 'b' }, 'field.default: expected a value that the schema allows'],
    ['an enum of another type', { type: 'string', enum: [null] }, 'field.enum: expected values of type string, got null'],
    ['unbounded text under a rule', object({ a: { type: 'string' } }), 'field.a: expected maxLength, since a rule reads it, got no bound'],
    [
      'an unbounded list under a rule',
      object({ a: { type: 'array', items: { type: 'integer' } } }),
      'field.a: expected maxItems, since a rule reads it, got no bound',
    ],
    [
      'an unbounded map under a rule',
      object({ a: { type: 'object', additionalProperties: { type: 'integer' } } }),
      'field.a: expected maxProperties, since a rule reads it, got no bound',
    ],
  ])('refuses %s', (_title, schema, want) => {
    expect(() => {
      checkStructural(at(schema));
    }).toThrow(`schema: ${want}`);
  });

  test('lists all problems at once', () => {
    const schema: StructuralSchema = { type: 'object', properties: { a: {}, b: { type: 'array' } } };
    expect(() => {
      checkStructural(schema);
    }).toThrow(/^schema: 2 problems: a\.type: .*; b\.items: /);
  });
});

describe('toOpenApi', () => {
  test.each<[string, z.ZodType, StructuralSchema]>([
    // The API server does not hold numbers to their format.
    ['small integers as int32 with its bounds', z.int32().min(1), { type: 'integer', format: 'int32', minimum: 1, maximum: 2147483647 }],
    ['large integers as int64 with the bounds of JavaScript', z.int().min(0), { type: 'integer', format: 'int64', minimum: 0, maximum: Number.MAX_SAFE_INTEGER }],
    ['a time with a pattern that closes the gaps of the format', timestamp(), { type: 'string', format: 'date-time', pattern: expect.stringContaining('T') }],
    ['a map', z.record(z.string(), z.string()), { type: 'object', additionalProperties: { type: 'string' } }],
    ['nothing of our hints for messages', z.string().meta({ secret: true, expected: 'x' }), { type: 'string' }],
  ])('writes %s', (_title, schema, want) => {
    expect(toOpenApi(z.object({ field: schema }))).toEqual({ type: 'object', required: ['field'], properties: { field: want } });
  });

  test('refuses what zod can say and Kubernetes cannot', () => {
    expect(() => toOpenApi(z.object({ field: z.union([z.string(), z.boolean()]) }))).toThrow(
      'schema: 2 problems: field.anyOf: expected no union but int-or-string, got a list of 2 items; field.type: expected one of',
    );
  });
});
