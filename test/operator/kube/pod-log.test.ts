import { TextEnd } from '../../../operator/kube/pod-log';

/** The end of a text that comes in these pieces. */
function endOf(maxBytes: number, ...pieces: readonly (string | readonly number[])[]): string {
  const end = new TextEnd(maxBytes);
  for (const piece of pieces) end.add(Buffer.from(piece as string));
  return end.toString();
}

test.each<[string, string, string]>([
  ['nothing', endOf(3), ''],
  ['what fits', endOf(3, 'a', 'bc'), 'abc'],
  ['the end of one piece', endOf(3, 'abcdef'), 'def'],
  ['the end of many pieces', endOf(3, 'a', 'bc', 'de', 'f'), 'def'],
  ['a piece that is as long as it may be', endOf(3, 'abc', 'def'), 'def'],
  ['whole characters', endOf(3, 'a\u20ac', '\u00e9b'), '\u00e9b'],
  ['a character that came in two pieces', endOf(9, [0xe2, 0x82], [0xac]), '\u20ac'],
  ['no rest of a character whose piece is gone', endOf(2, [0xe2, 0x82], [0xac, 0x61]), 'a'],
])('keeps %s', (_title, got, want) => {
  expect(got).toBe(want);
});

test('keeps no memory that its giver uses again', () => {
  const end = new TextEnd(3);
  const piece = Buffer.from('abc');
  end.add(piece);
  piece.fill('x');
  expect(end.toString()).toBe('abc');
});
