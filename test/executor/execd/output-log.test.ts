import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OutputLog } from '../../../executor/execd/commands/output-log';

let directory: string;
let log: OutputLog;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'execd-test-'));
  log = new OutputLog(directory, 10);
});
afterEach(() => {
  log.close();
  rmSync(directory, { recursive: true, force: true });
});

/** Text from a position on, and where to read on. */
function read(cursor: number, isWhole = true): [text: string, next: number] {
  const { from, to } = log.rangeFrom(cursor, isWhole);
  const bytes = Buffer.alloc(to - from);
  const length = to === from ? 0 : log.readAt(from, bytes);
  return [bytes.toString('utf8', 0, length), to];
}

test('gives what was written from a position on, and leaves no file (E10)', () => {
  expect(read(0)).toEqual(['', 0]);
  log.write(Buffer.from('abc'));
  log.write(Buffer.from('def'));
  expect(read(0)).toEqual(['abcdef', 6]);
  expect(read(4)).toEqual(['ef', 6]);
  expect(read(6)).toEqual(['', 6]);
  expect(read(99)).toEqual(['', 6]);
  expect(readdirSync(directory)).toEqual([]);
});

test('keeps the last bytes, and positions go on counting (E10)', () => {
  for (const piece of ['abcdefgh', 'ijklm']) log.write(Buffer.from(piece));
  expect(read(0)).toEqual(['defghijklm', 13]);
  expect(read(12)).toEqual(['m', 13]);
  log.write(Buffer.from('0123456789ABCDE'));
  expect(read(0)).toEqual(['56789ABCDE', 28]);
  expect(log.size).toBe(10);
  expect(log.readAt(17, Buffer.alloc(1))).toBeUndefined();
});

test('a part ends inside no character while more may come (E10)', () => {
  const [begin, end] = [Buffer.from('a€').subarray(0, 3), Buffer.from('€').subarray(2)];
  log.write(begin);
  expect(read(0, false)).toEqual(['a', 1]);
  log.write(end);
  expect(read(1, false)).toEqual(['€', 4]);
  log.write(Buffer.from([0xf0]));
  expect(read(4, true)).toEqual(['\ufffd', 5]);
});

test('a disk without room costs the output and not the command', () => {
  const nowhere = new OutputLog(join(directory, 'nowhere'));
  nowhere.write(Buffer.from('a'));
  expect(nowhere.problem).toMatch(/^output is lost: .*ENOENT/);
  expect(nowhere.rangeFrom(0, true)).toEqual({ from: 0, to: 0 });
});
