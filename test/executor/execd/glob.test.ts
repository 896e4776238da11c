import { compileGlob } from '../../../executor/execd/files/glob';

test.each<[string, readonly string[], readonly string[]]>([
  ['*.py', ['a.py', 'src/a.py', '.py'], ['a.pyc', 'a.py/b']],
  ['a?c', ['abc', 'x/aäc'], ['ac', 'abbc']],
  ['[a-c]x[!0-9]', ['axb', 'cx-'], ['dxb', 'ax1']],
  ['[]]', [']'], ['[']],
  ['**', ['a', 'a/b'], []],
  ['src/*', ['src/a'], ['a', 'src/a/b', 'x/src/a']],
  ['src/**', ['src/a', 'src/a/b'], ['a/src/b']],
  ['**/a', ['a', 'x/a', 'x/y/a'], ['ab', 'a/x']],
  ['a/**/b', ['a/b', 'a/x/y/b'], ['a/bb', 'b']],
  ['{a,b{1,2}}.{x,y}', ['a.x', 'b1.y', 'b2.x'], ['b.x', 'a.z']],
  ['{src,lib}/*', ['src/a', 'lib/a'], ['bin/a', 'a']],
  [String.raw`\*`, ['*'], ['a']],
  ['a.b+(c)', ['a.b+(c)'], ['aXb+(c)', 'a.bb']],
  ['', [''], ['a']],
])('%s fits paths', (pattern, fitting, others) => {
  const isFit = compileGlob(pattern);
  expect(fitting.filter((path) => !isFit(path))).toEqual([]);
  expect(others.filter(isFit)).toEqual([]);
});

test.each(['[', '{a', 'a}', 'x'.repeat(1001), '{a,b}'.repeat(9)])('%s is refused', (pattern) => {
  expect(() => compileGlob(pattern)).toThrow('pattern');
});

test('a pattern that is made to be slow is not', () => {
  expect(compileGlob('*a'.repeat(400))('a'.repeat(5000))).toBe(true);
  expect(compileGlob('*a'.repeat(400) + 'b')('a'.repeat(5000))).toBe(false);
  expect(compileGlob(`${'**/a/'.repeat(150)}b`)(`${'a/'.repeat(2000)}c`)).toBe(false);
});
