import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toTextInput } from '../../local/text-input';

let folder: string;
let target: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'text-input-'));
  target = join(folder, 'out', 'input.txt');
});
afterEach(() => rmSync(folder, { recursive: true }));

test('one file is taken as it is', async () => {
  const path = join(folder, 'book.any');
  writeFileSync(path, 'text');
  await expect(toTextInput(path, target)).resolves.toEqual({ path, bytes: 4, fileCount: 1 });
});

test('the text files of a folder are joined in order, each ending with a line', async () => {
  mkdirSync(join(folder, 'docs', 'sub'), { recursive: true });
  writeFileSync(join(folder, 'docs', 'b.txt'), 'two\n');
  writeFileSync(join(folder, 'docs', 'a.md'), 'one');
  writeFileSync(join(folder, 'docs', 'sub', 'c.md'), 'three');
  writeFileSync(join(folder, 'docs', 'picture.png'), 'no text');
  await expect(toTextInput(join(folder, 'docs'), target)).resolves.toEqual({ path: target, bytes: 14, fileCount: 3 });
  expect(readFileSync(target, 'utf8')).toBe('one\ntwo\nthree\n');
});

test('neither the joined text of an earlier run nor a link that leads nowhere is input', async () => {
  writeFileSync(join(folder, 'z.md'), 'text\n');
  symlinkSync('nowhere', join(folder, 'a.md'));
  await toTextInput(folder, target);
  await expect(toTextInput(folder, target)).resolves.toEqual({ path: target, bytes: 5, fileCount: 1 });
});

test('the documents of the package are the default', async () => {
  const { fileCount, bytes } = await toTextInput(undefined, target);
  expect(fileCount).toBeGreaterThanOrEqual(2);
  expect(bytes).toBe(readFileSync(target).length);
});

test.each([
  ['a folder without text', () => folder, 'input: expected text files'],
  ['a path that is not there', () => join(folder, 'none'), 'which cannot be read'],
  ['an empty file', () => { const path = join(folder, 'empty'); writeFileSync(path, ''); return path; }, 'input: expected text, got an empty file'],
])('refuses %s', async (_title, path, message) => {
  await expect(toTextInput(path(), target)).rejects.toThrow(message);
});
