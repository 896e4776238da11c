import { type Answer, AnswerReader } from '../../../executor/execd/contexts/answers';

const MIB = 1024 * 1024;

test.each<[string, readonly string[], readonly (readonly Answer[] | undefined)[]]>([
  ['answers in one piece', ['{"type":"ready"}\n{"type":"begun"}\n'], [[{ type: 'ready' }, { type: 'begun' }]]],
  ['an answer in three pieces', ['{"type":"do', 'ne","result":"1', '"}\n{"ty'], [[], [], [{ type: 'done', result: '1' }]]],
  ['an error', ['{"type":"done","error":{"ename":"E","evalue":"","traceback":["a"]}}\n'], [[{ type: 'done', error: { ename: 'E', evalue: '', traceback: ['a'] } }]]],
  ['what is no JSON', ['done\n'], [undefined]],
  ['an answer of another kind', ['{"type":"else"}\n'], [undefined]],
  ['an answer with another error', ['{"type":"done","error":"E"}\n'], [undefined]],
  ['a line without an end', Array.from({ length: 17 }, () => 'x'.repeat(MIB)), [...Array.from({ length: 15 }, () => []), undefined, undefined]],
  ['something else, after which nothing counts', ['done\n', '{"type":"ready"}\n', 'x'], [undefined, undefined, undefined]],
])('the driver of an interpreter tells %s', (_title, pieces, want) => {
  const reader = new AnswerReader();
  expect(pieces.map((piece) => reader.take(Buffer.from(piece)))).toEqual(want);
});

test('an answer that comes byte by byte may not take more memory than one that comes at once', () => {
  const reader = new AnswerReader();
  const taken = Array.from({ length: 70_000 }, () => reader.take(Buffer.of(0x78)));
  expect([taken[0], taken.at(-1)]).toEqual([[], undefined]);
});
