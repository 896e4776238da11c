import { applyJsonPatch, applyMergePatch } from '../../../local/api/patch';

// The examples of RFC 7396, appendix A.
test.each([
  [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
  [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
  [{ a: 'b' }, { a: null }, {}],
  [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
  [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
  [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
  [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
  [{ e: null }, { a: 1 }, { e: null, a: 1 }],
  [[1, 2], { a: 'b', c: null }, { a: 'b' }],
  [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
])('merge patch of %j by %j is %j', (target, patch, result) => {
  const before = structuredClone(target);
  expect(applyMergePatch(target, patch)).toEqual(result);
  expect(target).toEqual(before);
});

test('a merge patch shares what it leaves alone', () => {
  const target = { kept: { deep: 1 }, changed: 1 };
  expect((applyMergePatch(target, { changed: 2 }) as typeof target).kept).toBe(target.kept);
});

test.each([
  ['adds to an object', { a: 1 }, [{ op: 'add', path: '/b', value: 2 }], { a: 1, b: 2 }],
  ['adds into a list', { l: [1, 3] }, [{ op: 'add', path: '/l/1', value: 2 }], { l: [1, 2, 3] }],
  ['adds at the end of a list', { l: [1] }, [{ op: 'add', path: '/l/-', value: 2 }], { l: [1, 2] }],
  ['replaces an item', { l: [1, 2] }, [{ op: 'replace', path: '/l/0', value: 9 }], { l: [9, 2] }],
  ['removes deep below', { a: { b: [{ c: 1, d: 2 }] } }, [{ op: 'remove', path: '/a/b/0/c' }], { a: { b: [{ d: 2 }] } }],
  ['moves', { a: 1 }, [{ op: 'move', from: '/a', path: '/b' }], { b: 1 }],
  ['moves within a list', { l: [1, 2, 3] }, [{ op: 'move', from: '/l/0', path: '/l/2' }], { l: [2, 3, 1] }],
  ['copies', { a: { x: 1 } }, [{ op: 'copy', from: '/a', path: '/b' }], { a: { x: 1 }, b: { x: 1 } }],
  ['reads escaped keys', { 'a/b': 1, 'c~d': 2 }, [{ op: 'remove', path: '/a~1b' }, { op: 'test', path: '/c~0d', value: 2 }], { 'c~d': 2 }],
  ['replaces the whole document', { a: 1 }, [{ op: 'replace', path: '', value: { b: 2 } }], { b: 2 }],
  ['replaces a value that is null', { a: null }, [{ op: 'replace', path: '/a', value: 1 }], { a: 1 }],
])('JSON patch %s', (_, target, patch, result) => {
  const before = structuredClone(target);
  expect(applyJsonPatch(target, patch)).toEqual(result);
  expect(target).toEqual(before);
});

test.each([
  ['a test that fails', [{ op: 'test', path: '/a', value: 2 }], 422],
  ['a path that ends early', [{ op: 'replace', path: '/b/c', value: 2 }], 422],
  ['an index beyond the end', [{ op: 'add', path: '/l/5', value: 2 }], 422],
  ['an index that is none', [{ op: 'remove', path: '/l/x' }], 422],
  ['the removal of everything', [{ op: 'remove', path: '' }], 422],
  ['an unknown operation', [{ op: 'turn', path: '/a' }], 422],
  ['an operation without a path', [{ op: 'remove' }], 422],
  ['a move from nowhere', [{ op: 'move', path: '/a' }], 422],
  ['something that is no list', {}, 400],
])('a JSON patch with %s is refused', (_, patch, code) => {
  expect(() => applyJsonPatch({ a: 1, l: [1] }, patch)).toThrow(expect.objectContaining({ code }));
});
