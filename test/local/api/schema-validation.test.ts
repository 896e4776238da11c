import { compileSchemaCheck } from '../../../local/api/schema-validation';
import type { StructuralSchema } from '../../../local/api/structural-schema';

const text = { type: 'string' };
const number = { type: 'number' };

test.each<[string, StructuralSchema, unknown, unknown, string[]]>([
  ['type', { type: 'integer' }, 1, 1.5, ['a: Invalid value: "number": a in body must be of type integer: "number"']],
  ['null', { ...text, nullable: true }, null, 1, ['a: Invalid value: "integer": a in body must be of type string: "integer"']],
  ['int or string', { 'x-kubernetes-int-or-string': true }, '10%', true, ['a: Invalid value: "boolean": a in body must be of type integer,string: "boolean"']],
  ['enum', { ...text, enum: ['x', 'y'] }, 'y', 'z', ['a: Unsupported value: "z": supported values: "x", "y"']],
  ['maximum', { ...number, maximum: 2 }, 2, 3, ['a: Invalid value: 3: a in body should be less than or equal to 2']],
  ['exclusiveMaximum', { ...number, maximum: 2, exclusiveMaximum: true }, 1, 2, ['a: Invalid value: 2: a in body should be less than 2']],
  ['minimum', { ...number, minimum: 0 }, 0, -1, ['a: Invalid value: -1: a in body should be greater than or equal to 0']],
  ['exclusiveMinimum', { ...number, minimum: 0, exclusiveMinimum: true }, 1, 0, ['a: Invalid value: 0: a in body should be greater than 0']],
  ['multipleOf', { ...number, multipleOf: 0.5 }, 1.5, 1.2, ['a: Invalid value: 1.2: a in body should be a multiple of 0.5']],
  ['maxLength, in characters', { ...text, maxLength: 2 }, '😀😀', 'abc', ['a: Too long: may not be more than 2 bytes']],
  ['minLength', { ...text, minLength: 1 }, 'a', '', ['a: Invalid value: "": a in body should be at least 1 chars long']],
  ['pattern', { ...text, pattern: '^a' }, 'ab', 'b', [`a: Invalid value: "b": a in body should match '^a'`]],
  ['format', { ...text, format: 'date' }, '2024-02-29', '2023-02-29', ['a: Invalid value: "2023-02-29": a in body must be of type date: "2023-02-29"']],
  ['format that nobody knows', { ...text, format: 'colour' }, 'x', 1, ['a: Invalid value: "integer": a in body must be of type string: "integer"']],
  ['maxItems', { type: 'array', maxItems: 1 }, [1], [1, 2], ['a: Too many: 2: must have at most 1 items']],
  ['minItems', { type: 'array', minItems: 1 }, [1], [], ['a: Invalid value: 0: a in body should have at least 1 items']],
  ['uniqueItems', { type: 'array', uniqueItems: true }, [{ b: 1 }, { b: 2 }], [{ b: 1 }, { b: 1 }], [`a: Invalid value: [{"b":1},{"b":1}]: a in body shouldn't contain duplicates`]],
  ['items', { type: 'array', items: text }, ['x'], ['x', 1], ['a[1]: Invalid value: "integer": a[1] in body must be of type string: "integer"']],
  ['maxProperties', { type: 'object', maxProperties: 1 }, { b: 1 }, { b: 1, c: 2 }, ['a: Too many: 2: must have at most 1 items']],
  ['minProperties', { type: 'object', minProperties: 1 }, { b: 1 }, {}, ['a: Invalid value: 0: a in body should have at least 1 properties']],
  ['required', { type: 'object', required: ['b', 'toString'] }, { b: 1, toString: 1 }, {}, ['a.b: Required value', 'a.toString: Required value']],
  ['properties', { type: 'object', properties: { b: text } }, { b: 'x', c: 1 }, { b: 1 }, ['a.b: Invalid value: "integer": a.b in body must be of type string: "integer"']],
  [
    'additionalProperties',
    { type: 'object', properties: { b: text }, additionalProperties: number },
    { b: 'x', c: 1 },
    { 7: 'x' },
    ['a.7: Invalid value: "string": a.7 in body must be of type number: "string"'],
  ],
  ['not', { not: number }, 'x', 1, ['a: Invalid value: 1: a in body must not validate the schema (not)']],
  ['anyOf', { anyOf: [text, number] }, 1, true, ['a: Invalid value: true: a in body must validate at least one schema (anyOf)']],
  ['oneOf', { oneOf: [number, { minimum: 5 }] }, 4, 6, ['a: Invalid value: 6: a in body must validate one and only one schema (oneOf)']],
  ['allOf', { allOf: [{ minimum: 1 }, { maximum: 2 }] }, 1, 3, ['a: Invalid value: 3: a in body should be less than or equal to 2']],
])('%s is checked, in the words of Kubernetes', (_, schema, good, bad, problems) => {
  const check = compileSchemaCheck(schema, ['a']);
  expect(check(good)).toEqual([]);
  expect(check(bad).map(({ field, body }) => `${field}: ${body}`)).toEqual(problems);
});

test('a pattern that is none is told of before any value is checked', () => {
  expect(() => compileSchemaCheck({ type: 'array', items: { ...text, pattern: '(' } })).toThrow(SyntaxError);
});
