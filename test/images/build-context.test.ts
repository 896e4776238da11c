import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BuildContext, hashContext, programWithLibraries, stageContext } from '../../images/build-context';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'build-context-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A file of the machine with the given content. */
function fileWith(text: string, mode = 0o600): string {
  const path = join(folder, `file-${readdirSync(folder).length}`);
  writeFileSync(path, text, { mode });
  return path;
}

describe('hashContext', () => {
  test('is the same for the same content at another place, of another time, in another order', async () => {
    const [one, other] = [fileWith('same'), fileWith('same', 0o640)];
    utimesSync(other, 1, 1);
    const given = await hashContext({ 'x/a': { copyOf: one }, b: { text: 'text' } });
    expect(await hashContext({ b: { text: 'text' }, 'x/a': { copyOf: other } })).toBe(given);
  });

  test.each<[string, (path: string) => BuildContext]>([
    ['content', () => ({ a: { text: 'other' } })],
    ['path', () => ({ b: { text: 'given' } })],
    ['mode', () => ({ a: { text: 'given', executable: true } })],
    ['kind', () => ({ a: { linkTo: 'given' } })],
    ['number of files', (path) => ({ a: { text: 'given' }, b: { copyOf: path } })],
  ])('differs for another %s', async (_, context) => {
    expect(await hashContext(context(fileWith('')))).not.toBe(await hashContext({ a: { text: 'given' } }));
  });
});

describe('stageContext', () => {
  test('writes files that every user can read, and run when they are programs, whatever the umask', async () => {
    const program = fileWith('#!/bin/sh\n', 0o700);
    const umask = process.umask(0o077);
    try {
      await stageContext({ 'deep/down/program': { copyOf: program }, 'deep/text': { text: 'hello' }, link: { linkTo: 'deep/text' } }, join(folder, 'staged'));
    } finally {
      process.umask(umask);
    }
    const modes = Object.fromEntries(['deep', 'deep/down', 'deep/down/program', 'deep/text'].map((path) => [path, (statSync(join(folder, 'staged', path)).mode & 0o777).toString(8)]));
    expect(modes).toEqual({ deep: '755', 'deep/down': '755', 'deep/down/program': '755', 'deep/text': '644' });
    expect(statSync(join(folder, 'staged')).mode & 0o777).toBe(0o700);
    expect(readlinkSync(join(folder, 'staged/link'))).toBe('deep/text');
    expect(readFileSync(join(folder, 'staged/link'), 'utf8')).toBe('hello');
  });
});

test('stageContext leaves folders that are not of the context as they are', async () => {
  const secret = join(folder, 'secret');
  mkdirSync(secret, { mode: 0o700 });
  await stageContext({ 'open/text': { text: 'hello' } }, folder);
  expect([secret, join(folder, 'open')].map((path) => statSync(path).mode & 0o777)).toEqual([0o700, 0o755]);
});

describe('programWithLibraries', () => {
  test('is all that a program needs to run where nothing else is', async () => {
    const context = await programWithLibraries('/usr/bin/setpriv', 'root', 'tools/setpriv');
    await stageContext(context, folder);
    expect(readdirSync(join(folder, 'root')).sort()).toEqual(['lib', 'lib64', 'tools'].filter((name) => existsSync(join(folder, 'root', name))));
    expect(execFileSync('chroot', [join(folder, 'root'), '/tools/setpriv', '--version'], { encoding: 'utf8' })).toMatch(/^setpriv from util-linux/);
  });

  test('is the program alone when it needs no library', async () => {
    const script = fileWith('#!/bin/sh\n');
    chmodSync(script, 0o755);
    expect(await programWithLibraries(script, 'root', 'bin/x')).toEqual({ 'root/bin/x': { copyOf: script } });
  });

  test('rejects, with its path, a program that is not there', async () => {
    await expect(programWithLibraries('/no/such/program', 'root', 'x')).rejects.toThrow("'/no/such/program'");
  });
});
