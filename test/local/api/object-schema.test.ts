import { compileObjectSchema } from '../../../local/api/object-schema';
import type { StructuralSchema } from '../../../local/api/structural-schema';

function checkSpec(spec: StructuralSchema) {
  const { check } = compileObjectSchema({ type: 'object', properties: { spec: { type: 'object', ...spec } } });
  return (value: unknown, old?: unknown) => check({ spec: value }, old === undefined ? undefined : { spec: old }).map(({ field, body }) => `${field}: ${body}`);
}

test('rules see whole numbers as int, dates as timestamps and optional fields by has', () => {
  const check = checkSpec({
    properties: { a: { type: 'integer' }, at: { type: 'string', format: 'date-time' }, list: { type: 'array', items: { type: 'integer' } } },
    'x-kubernetes-validations': [
      { rule: '!has(self.a) || self.a % 2 == 0', message: 'a must be even' },
      { rule: "!has(self.at) || self.at < timestamp('2030-01-01T00:00:00Z')", message: 'too late' },
      { rule: '!has(self.list) || self.list.all(x, x > 0)', message: 'list must be positive' },
    ],
  });
  expect(check({ a: 2, at: '2026-01-01T00:00:00Z', list: [1] })).toEqual([]);
  expect(check({})).toEqual([]);
  expect(check({ a: 3, at: '2031-01-01T00:00:00Z', list: [0] })).toEqual(
    ['a must be even', 'too late', 'list must be positive'].map((message) => `spec: Invalid value: "object": ${message}`),
  );
});

test('rules wait until the types are right', () => {
  const check = checkSpec({ properties: { a: { type: 'integer' } }, 'x-kubernetes-validations': [{ rule: 'self.a > 0' }] });
  expect(check({ a: 'x' })).toEqual([
    'spec.a: Invalid value: "string": spec.a in body must be of type integer: "string"',
    '<nil>: Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation',
  ]);
});

test('a rule that fails to run is a broken rule', () => {
  const check = checkSpec({ 'x-kubernetes-validations': [{ rule: 'self.missing > 0' }], properties: { missing: { type: 'integer' } } });
  expect(check({})).toEqual([expect.stringMatching(/^spec: Invalid value: "object": rule evaluation error: .*self\.missing > 0$/)]);
});

test('a rule may say its field, its reason and a message of its own making', () => {
  const check = checkSpec({
    properties: { a: { type: 'integer' } },
    'x-kubernetes-validations': [{ rule: 'self.a < 5', reason: 'FieldValueForbidden', fieldPath: '.a', messageExpression: "'got ' + string(self.a)" }],
  });
  expect(check({ a: 7 })).toEqual(['spec.a: Forbidden: got 7']);
});

test('rules that compare with the old value wait for one', () => {
  const check = checkSpec({ properties: { a: { type: 'integer' } }, 'x-kubernetes-validations': [{ rule: 'self.a >= oldSelf.a', message: 'a may only grow' }] });
  expect(check({ a: 1 })).toEqual([]);
  expect(check({ a: 2 }, { a: 1 })).toEqual([]);
  expect(check({ a: 1 }, { a: 2 })).toEqual(['spec: Invalid value: "object": a may only grow']);
});

test('items of a list of type map are compared with the old item of their key', () => {
  const check = checkSpec({
    properties: {
      list: {
        type: 'array',
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['k'],
        items: { type: 'object', properties: { k: { type: 'string' }, v: { type: 'integer' } }, 'x-kubernetes-validations': [{ rule: 'self.v == oldSelf.v', message: 'v is fixed' }] },
      },
    },
  });
  const old = { list: [{ k: 'a', v: 1 }, { k: 'b', v: 2 }] };
  expect(check({ list: [{ k: 'b', v: 2 }, { k: 'a', v: 1 }] }, old)).toEqual([]);
  expect(check({ list: [{ k: 'b', v: 9 }] }, old)).toEqual(['spec.list[0]: Invalid value: "object": v is fixed']);
});

test('what was wrong and stays as it was is let pass, so that a stricter schema locks nobody out', () => {
  const check = checkSpec({ properties: { a: { type: 'integer', maximum: 5 }, b: { type: 'integer' } } });
  expect(check({ a: 9, b: 2 }, { a: 9, b: 1 })).toEqual([]);
  expect(check({ a: 8, b: 1 }, { a: 9, b: 1 })).toEqual(['spec.a: Invalid value: 8: spec.a in body should be less than or equal to 5']);
});

test('a rule is let pass only when everything that it reads stays as it was, and never when it reads the old value', () => {
  const rules = [{ rule: 'self.a <= self.b', fieldPath: '.a', message: 'a above b' }, { rule: 'self.b != oldSelf.b', message: 'b must change' }];
  const check = checkSpec({ properties: { a: { type: 'integer' }, b: { type: 'integer' } }, 'x-kubernetes-validations': rules });
  expect(check({ a: 9, b: 2 }, { a: 9, b: 10 })).toEqual(['spec.a: Invalid value: "object": a above b']);
  expect(check({ a: 9, b: 2 }, { a: 9, b: 2 })).toEqual(['spec: Invalid value: "object": b must change']);
});

test('a list that had a key twice may keep it', () => {
  const check = checkSpec({ properties: { list: { type: 'array', 'x-kubernetes-list-type': 'set', items: { type: 'string' } } } });
  const duplicate = 'spec.list[1]: Duplicate value: "a"';
  expect(check({ list: ['a', 'a'] })).toEqual([duplicate]);
  expect(check({ list: ['a', 'a'] }, { list: ['a'] })).toEqual([duplicate]);
  expect(check({ list: ['a', 'a', 'b'] }, { list: ['a', 'a'] })).toEqual([]);
});

test('a schema with a rule that does not compile is refused with its place', () => {
  expect(() => checkSpec({ 'x-kubernetes-validations': [{ rule: 'self.(' }] })).toThrow(/^spec: rule "self\.\("/);
});
