import { areEqualCounts, mergeWordCounts, parseWordCounts, topWords } from '../../local/word-count';

const counts = (entries: Record<string, number>) => new Map(Object.entries(entries));

test('reads lines of count and word', () => {
  expect(parseWordCounts('3 the\n1 fox\n\n2 the\n')).toEqual(counts({ the: 5, fox: 1 }));
});

test.each(['the 3', '3', '3 two words'])('refuses the line %p', (line) => {
  expect(() => parseWordCounts(line)).toThrow(`word counts: expected '<count> <word>', got '${line}'`);
});

test('sums parts', () => {
  expect(mergeWordCounts([counts({ a: 1, b: 2 }), counts({}), counts({ b: 3 })])).toEqual(counts({ a: 1, b: 5 }));
});

test.each<[string, Record<string, number>, Record<string, number>, boolean]>([
  ['the same in another order', { a: 1, b: 2 }, { b: 2, a: 1 }, true],
  ['another count', { a: 1 }, { a: 2 }, false],
  ['a missing word', { a: 1, b: 1 }, { a: 1 }, false],
  ['an added word', { a: 1 }, { a: 1, b: 1 }, false],
])('compares %s', (_title, a, b, want) => {
  expect(areEqualCounts(counts(a), counts(b))).toBe(want);
});

test('ranks by count, then by alphabet', () => {
  expect(topWords(counts({ b: 2, a: 2, c: 5, d: 1 }), 3)).toEqual([
    { word: 'c', count: 5 },
    { word: 'a', count: 2 },
    { word: 'b', count: 2 },
  ]);
});
