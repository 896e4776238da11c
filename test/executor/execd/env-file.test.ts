import { parseEnvFile } from '../../../executor/execd/commands/env-file';

test.each<[string, Readonly<Record<string, string>>]>([
  ['A=1\nB=two words\n', { A: '1', B: 'two words' }],
  ['# a comment\n\n  A = 1  # another\nB=a#b', { A: '1', B: 'a#b' }],
  [`A='$HOME "x" \\n'`, { A: '$HOME "x" \\n' }],
  [String.raw`A="a\"b\\c\n\t\r$HOME"`, { A: 'a"b\\c\n\t\r/home/me' }],
  [String.raw`A="\\$HOME"`, { A: '\\/home/me' }],
  ['A=$HOME/x:${HOME}:$NONE.', { A: '/home/me/x:/home/me:.' }],
  ['A=1\nB=$A$A\nA=2', { A: '2', B: '11' }],
  ['export A=1\r\nB=2\r\n', { A: '1', B: '2' }],
  ['nothing\n=1\n1A=2\nA\n', {}],
  ['A=', { A: '' }],
])('variables of %j', (text, want) => {
  expect(parseEnvFile(text, { HOME: '/home/me' })).toEqual(want);
});

test('a line of nothing but blanks and signs costs no more than its length', () => {
  const line = `A=${' #'.repeat(200_000)}${' '.repeat(400_000)}x`;
  expect(parseEnvFile(line, {})).toEqual({ A: '' });
});
