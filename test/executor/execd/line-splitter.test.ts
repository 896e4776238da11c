import fc from 'fast-check';
import { LineSplitter, LONGEST_LINE } from '../../../executor/execd/commands/line-splitter';

const linesOf = (...pieces: readonly (string | Buffer)[]) => {
  const splitter = new LineSplitter();
  return [...pieces.flatMap((piece) => splitter.push(Buffer.from(piece as string))), ...splitter.end()];
};

test.each<[string, readonly (string | Buffer)[], readonly string[]]>([
  ['LF', ['a\nb\n'], ['a', 'b']],
  ['CR and CR LF', ['a\rb\r\nc\n\rd'], ['a', 'b', 'c', '', 'd']],
  ['a CR LF in two pieces', ['a\r', '\nb'], ['a', 'b']],
  ['a CR and an LF of its own later', ['a\r', 'b\r', '\n\nc'], ['a', 'b', '', 'c']],
  ['no end', ['a', 'b'], ['ab']],
  ['blank lines', ['\n\n'], ['', '']],
  ['nothing', [], []],
  ['a character in two pieces', [Buffer.from([0xe2, 0x82]), Buffer.from([0xac, 0x0a])], ['€']],
  ['what is not UTF-8', [Buffer.from([0x61, 0xff, 0x62, 0x0a])], ['a\ufffdb']],
  ['a character that never ends', [Buffer.from([0x61, 0xe2, 0x82])], ['a\ufffd']],
])('output with %s as lines (E2)', (_title, pieces, want) => {
  expect(linesOf(...pieces)).toEqual(want);
});

test('lines do not depend on where output is cut', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom('a', '\n', '\r', '€', '')), fc.array(fc.nat(3), { maxLength: 9 }), (parts, cuts) => {
      const bytes = Buffer.from(parts.join(''));
      const pieces = [...cuts.map((_, index) => index), cuts.length].map((index) => {
        const at = (upTo: number) => cuts.slice(0, upTo).reduce((sum, cut) => sum + cut, 0);
        return bytes.subarray(at(index), index === cuts.length ? undefined : at(index + 1));
      });
      expect(linesOf(...pieces)).toEqual(linesOf(bytes));
    }),
  );
});

test('a line that is too long comes in pieces, which hold all of it and nothing more (E3)', () => {
  const half = 'x'.repeat(LONGEST_LINE / 2);
  expect(linesOf(half, half, '\n', 'next\n').map((line) => line.length)).toEqual([LONGEST_LINE, 4]);
  expect(linesOf(half, half, half, '\n\n').map((line) => line.length)).toEqual([LONGEST_LINE, LONGEST_LINE / 2, 0]);
});
