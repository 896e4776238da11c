import fc from 'fast-check';
import { difference, type FieldSet, intersection, isFieldSet, membersOf, pathText, union } from '../../../../local/api/managed-fields/field-set';

const STEPS = ['f:a', 'f:b', 'k:{"name":"x"}', 'v:1'];

/** The set with these members, each given by its steps. */
function setOf(paths: readonly (readonly string[])[]): FieldSet {
  return paths.reduce<FieldSet>((set, steps) => union(set, steps.reduceRight<FieldSet>((under, step) => ({ [step]: under }), {})), {});
}

const textsOf = (set: FieldSet) => new Set(membersOf(set).map((steps) => steps.join(' ')));
const paths = fc.array(fc.array(fc.constantFrom(...STEPS), { minLength: 1, maxLength: 3 }), { maxLength: 8 });

test('a set has the members that it was made of', () => {
  fc.assert(fc.property(paths, (given) => {
    expect(textsOf(setOf(given))).toEqual(new Set(given.map((steps) => steps.join(' '))));
  }));
});

test.each([
  ['union', union, (a: Set<string>, b: Set<string>) => new Set([...a, ...b])],
  ['intersection', intersection, (a: Set<string>, b: Set<string>) => new Set([...a].filter((path) => b.has(path)))],
  ['difference', difference, (a: Set<string>, b: Set<string>) => new Set([...a].filter((path) => !b.has(path)))],
])('%s is that of the members, in the one form that a set has', (_, combine, want) => {
  fc.assert(fc.property(paths, paths, (a, b) => {
    const result = combine(setOf(a), setOf(b));
    expect(textsOf(result)).toEqual(want(textsOf(setOf(a)), textsOf(setOf(b))));
    expect(result).toEqual(setOf(membersOf(result)));
  }));
});

test('arguments stay as they are', () => {
  const a = setOf([['f:a', 'f:b'], ['f:a']]);
  const b = setOf([['f:a', 'v:1'], ['f:b']]);
  const before = JSON.stringify([a, b]);
  for (const combine of [union, intersection, difference]) combine(a, b);
  expect(JSON.stringify([a, b])).toBe(before);
});

test.each([
  [['f:spec', 'f:containers', 'k:{"name":"main"}', 'f:image'], '.spec.containers[name="main"].image'],
  [['f:ports', 'k:{"containerPort":80,"protocol":"TCP"}'], '.ports[containerPort=80,protocol="TCP"]'],
  [['f:finalizers', 'v:"a.b/c"'], '.finalizers[="a.b/c"]'],
])('the path %j reads %s', (steps, text) => {
  expect(pathText(steps)).toBe(text);
});

test.each([
  [{ 'f:a': { '.': {}, 'k:{"name":"x"}': {} } }, true],
  [{}, true],
  [[], false],
  [null, false],
  [{ 'f:a': 1 }, false],
  [{ a: {} }, false],
  [{ 'k:name': {} }, false],
  [{ 'k:"x"': {} }, false],
  [JSON.parse('{"__proto__": {}}'), false],
])('%j may be a set: %s', (value, isOne) => {
  expect(isFieldSet(value)).toBe(isOne);
});
