import { chmodSync, chownSync, existsSync, lchownSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execFileSync } from 'node:child_process';
import type { Credentials } from '../../../executor/tasks/main-process';
import { AppInProcess, foreignSandbox } from './app-in-process';

const USER: Credentials = { uid: 1234, gid: 2345, groups: [3456], capabilities: 0n, noNewPrivileges: false };

let app: AppInProcess;
let outside: string;
const at = (...names: readonly string[]) => join(app.root, ...names);
beforeAll(async () => {
  outside = mkdtempSync(join(tmpdir(), 'execd-test-outside-'));
  writeFileSync(join(outside, 'secret'), 'of the executor');
  app = await AppInProcess.start((root) => {
    chmodSync(root, 0o755);
    mkdirSync(join(root, 'work'));
    chownSync(join(root, 'work'), USER.uid, USER.gid);
    return foreignSandbox(root, USER);
  });
  mkdirSync(at('etc'));
  writeFileSync(at('etc/passwd'), 'root:x:0:0::/root:/bin/sh\nme:x:1234:2345::/work:/bin/sh\n');
  writeFileSync(at('etc/group'), 'mine:x:2345:\nteam:x:3456:me\n');
});
afterAll(async () => {
  await app.stop();
  rmSync(outside, { recursive: true, force: true });
});

/** Status of an upload. */
async function upload(path: string, content: string, more: object = {}): Promise<number> {
  const form = new FormData();
  form.append('metadata', new Blob([JSON.stringify({ path, ...more })]), 'metadata');
  form.append('file', new Blob([content]), 'file');
  return (await fetch(`${app.client.origin}/files/upload`, { method: 'POST', body: form })).status;
}
const read = async (path: string) => {
  const answer = await app.client.ask('GET', `/files/download?path=${encodeURIComponent(path)}`);
  return answer.status === 200 ? answer.text() : answer.status;
};
const status = async (method: string, path: string, body?: unknown) => (await app.client.ask(method, path, body)).status;
const own = (path: string) => {
  lchownSync(path, USER.uid, USER.gid);
  return path;
};
const ownerOf = (path: string) => [lstatSync(path).uid, lstatSync(path).gid];

test('no link leads out of the sandbox (E14)', async () => {
  for (const [name, target] of [['absolute', outside], ['up', `../../../../../../../..${outside}`], ['root', '/'], ['proc', '/proc/self/root']] as const) symlinkSync(target, at('work', name));
  mkdirSync(join(app.root, outside), { recursive: true });
  writeFileSync(join(app.root, outside, 'secret'), 'of the sandbox');
  expect(await read('/work/absolute/secret')).toBe('of the sandbox');
  expect(await read('up/secret')).toBe('of the sandbox');
  expect(await read(`root/../..${outside}/secret`)).toBe('of the sandbox');
  expect(await read('proc/etc/passwd')).toBe(404);
  rmSync(at('tmp'), { recursive: true });
  expect(await read('absolute/secret')).toBe(404);
  expect(await upload('up/new', 'x')).toBe(500); // its directories would be made in the root of the sandbox, which is not the user's
  expect(readdirSync(outside)).toEqual(['secret']);
});

test('links that lead to each other end in an error (E14)', async () => {
  symlinkSync('loop-b', at('work/loop-a'));
  symlinkSync('loop-a', at('work/loop-b'));
  expect(await read('loop-a')).toBe(400);
});

test('nothing is reached in /proc, where files act on processes (E14)', async () => {
  mkdirSync(at('proc'));
  execFileSync('mount', ['--bind', '/proc', at('proc')]);
  try {
    expect(await read('/proc/self/environ')).toBe(400);
    expect(await upload('/proc/self/oom_score_adj', '1000')).toBe(400);
    expect(await (await app.client.ask('GET', '/files/search?path=/&pattern=cmdline')).json()).toEqual([]);
  } finally {
    execFileSync('umount', [at('proc')]);
  }
});

test('what is made belongs to the user of the sandbox, or to the group of its directory', async () => {
  expect(await upload('made/a', 'x')).toBe(200);
  expect([ownerOf(at('work/made')), ownerOf(at('work/made/a'))]).toEqual([[1234, 2345], [1234, 2345]]);
  mkdirSync(at('work/shared'));
  chownSync(at('work/shared'), 1234, 3456);
  chmodSync(at('work/shared'), 0o2775);
  expect(await upload('shared/a', 'x')).toBe(200);
  expect(await status('POST', '/directories', { 'shared/b': { mode: 700 } })).toBe(200);
  expect([ownerOf(at('work/shared/a')), ownerOf(at('work/shared/b'))]).toEqual([[1234, 3456], [1234, 3456]]);
});

describe('what its user may not do is refused, as the kernel refuses it to him', () => {
  beforeAll(() => {
    mkdirSync(at('root-only'), { mode: 0o700 });
    mkdirSync(at('sticky'));
    chmodSync(at('sticky'), 0o1777);
    for (const name of ['root-only/a', 'sticky/a', 'readable', 'writable', 'work/of-root']) writeFileSync(at(name), 'old');
    chmodSync(at('readable'), 0o644);
    chmodSync(at('writable'), 0o4666);
    chmodSync(at('work/of-root'), 0o600);
  });

  test('reading and writing', async () => {
    expect([await read('/readable'), await read('/root-only/a'), await read('of-root')]).toEqual(['old', 500, 500]);
    expect([await upload('/readable', 'new'), await upload('/new', 'new'), await upload('/root-only/a', 'new'), await upload('of-root', 'new')]).toEqual([500, 500, 500, 500]);
    expect(await status('POST', '/files/replace', { '/readable': { old: 'old', new: 'new' } })).toBe(500);
    expect(await upload('/writable', 'new')).toBe(200);
    // New content takes the right of the owner away, which belongs to nobody but him.
    expect([readFileSync(at('writable'), 'utf8'), statSync(at('writable')).mode & 0o7777, ownerOf(at('writable'))]).toEqual(['new', 0o666, [0, 0]]);
    expect([readFileSync(at('readable'), 'utf8'), existsSync(at('new'))]).toEqual(['old', false]);
  });

  test('modes and owners', async () => {
    const change = (path: string, permission: object) => status('POST', '/files/permissions', { [path]: permission });
    writeFileSync(at('work/mine'), '');
    own(at('work/mine'));
    expect([await change('/readable', { mode: 777 }), await change('mine', { owner: 'root' }), await change('mine', { group: 'root' })]).toEqual([500, 500, 400]);
    expect([await change('mine', { mode: 2750, group: 'team' }), ownerOf(at('work/mine')), statSync(at('work/mine')).mode & 0o7777]).toEqual([200, [1234, 3456], 0o2750]);
    expect([await upload('mine-too', '', { owner: 'root' }), existsSync(at('work/mine-too'))]).toEqual([500, false]);
  });

  test('deleting and moving', async () => {
    expect([await status('DELETE', '/files?path=/readable'), await status('DELETE', '/files?path=/sticky/a'), await status('DELETE', '/directories?path=/root-only')]).toEqual([500, 500, 500]);
    expect(await status('POST', '/files/mv', [{ src: '/readable', dest: '/work/readable' }])).toBe(500);
    expect(await status('POST', '/files/mv', [{ src: 'of-root', dest: '/stolen' }])).toBe(500);
    expect(await status('POST', '/files/mv', [{ src: 'of-root', dest: 'moved' }])).toBe(200); // it lies in his directory
    expect(await status('DELETE', '/files?path=moved')).toBe(200);
    expect(['readable', 'sticky/a', 'root-only/a'].map((name) => existsSync(at(name)))).toEqual([true, true, true]);
  });

  test('looking into directories', async () => {
    expect(await (await app.client.ask('GET', '/files/search?path=/root-only')).json()).toEqual([]);
    expect(await status('GET', '/files/info?path=/root-only/a')).toBe(500);
    expect(await status('GET', '/files/info?path=/root-only')).toBe(200);
  });
});

test('another user has his own rights, and who is not root becomes none', async () => {
  expect(await status('GET', '/v1/filesystem/0/0/files/info?path=/etc')).toBe(400);
  expect(await status('GET', '/v1/filesystem/1234/2345/files/info?path=/etc')).toBe(200);
  expect(await status('GET', '/v1/filesystem/x/0/files/info?path=/etc')).toBe(400);
});

test('no request opens more than a bounded number of files', async () => {
  const many = Object.fromEntries(Array.from({ length: 1_001 }, (_, index) => [`/work/${index}`, {}]));
  expect(await status('POST', '/files/permissions', many)).toBe(400);
  expect(await status('GET', `/files/info?path=${'/work/..'.repeat(500)}/work`)).toBe(200);
  expect(await status('GET', `/files/info?path=${'/work/..'.repeat(600)}/work`)).toBe(400);
});

test.each(['0', '42'])('nobody who is not root enters group %s, which is none of his', async (group) => {
  expect(await status('GET', `/v1/filesystem/1234/${group}/files/info?path=/etc`)).toBe(400);
});

test('names are those of the users of the sandbox (E18)', async () => {
  const infos = (await (await app.client.ask('GET', '/files/info?path=/work&path=/etc')).json()) as Record<string, { owner: string; group: string }>;
  expect(infos['/work']).toMatchObject({ owner: 'me', group: 'mine' });
  expect(infos['/etc']).toMatchObject({ owner: 'root', group: '0' });
});

test('a search ends with its caller, also where nothing fits (E21)', async () => {
  let looks = 0;
  let tell = () => {};
  const over = new Promise<void>((resolve) => (tell = resolve));
  const searched: AppInProcess = await AppInProcess.start((root) => {
    chmodSync(root, 0o755);
    mkdirSync(join(root, 'work', ...Array.from({ length: 100 }, () => 'd')), { recursive: true });
    const { open } = foreignSandbox(root, USER);
    return {
      open: () => {
        searched.server.closeAllConnections();
        const opened = open();
        const close = () => {
          opened.close();
          tell();
        };
        return Object.defineProperty({ ...opened, close }, 'isForeign', { get: () => (looks += 1) > 0 });
      },
    };
  });
  await expect(searched.client.ask('GET', '/files/search?path=/&pattern=nothing')).rejects.toThrow();
  await over;
  expect(looks).toBeLessThan(100); // of two for each directory
  await searched.stop();
});
