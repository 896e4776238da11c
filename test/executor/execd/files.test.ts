import { chmodSync, existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { FileInfo } from '../../../src/schema/execd-api';
import { until } from '../../support/waiting';
import { AppInProcess } from './app-in-process';
import type { ExecdClient } from './execd-client';

let app: AppInProcess;
let client: ExecdClient;
const at = (...names: readonly string[]) => join(app.root, ...names);
beforeAll(async () => {
  app = await AppInProcess.start();
  client = app.client;
});
afterEach(() => expect(readdirSync(app.root, { recursive: true }).filter((name) => String(name).endsWith('.tmp'))).toEqual([]));
afterAll(() => app.stop());

/** Uploads files as the SDKs do. */
async function upload(...files: readonly { readonly metadata: unknown; readonly content: string | Uint8Array<ArrayBuffer> }[]): Promise<{ status: number; code?: string }> {
  const form = new FormData();
  for (const { metadata, content } of files) {
    form.append('metadata', new Blob([typeof metadata === 'string' ? metadata : JSON.stringify(metadata)], { type: 'application/json' }), 'metadata');
    form.append('file', new Blob([content]), 'name of the part');
  }
  const answer = await fetch(`${client.origin}/files/upload`, { method: 'POST', body: form });
  const text = await answer.text();
  return { status: answer.status, ...(text !== '' && { code: (JSON.parse(text) as { code: string }).code }) };
}
const download = (path: string, headers: Readonly<Record<string, string>> = {}, more = '') => client.ask('GET', `/files/download?path=${encodeURIComponent(path)}${more}`, undefined, { headers });
const json = async <T>(path: string): Promise<T> => (await (await client.ask('GET', path)).json()) as T;
const post = async (path: string, body: unknown) => {
  const answer = await client.ask('POST', path, body);
  return [answer.status, answer.headers.get('content-length'), await answer.text()];
};
const OK = [200, '0', ''];
const modeOf = (path: string) => (statSync(path).mode & 0o7777).toString(8);

describe('upload', () => {
  test('writes a file with its directories, and leaves mode and owner of one that is there (E15, E18)', async () => {
    expect(await upload({ metadata: { path: 'new/deep/a.txt', owner: null, group: null }, content: 'one' })).toEqual({ status: 200 });
    expect([readFileSync(at('new/deep/a.txt'), 'utf8'), modeOf(at('new/deep/a.txt'))]).toEqual(['one', '755']);
    chmodSync(at('new/deep/a.txt'), 0o600);
    expect(await upload({ metadata: { path: at('new/deep/a.txt') }, content: 'two' })).toEqual({ status: 200 });
    expect([readFileSync(at('new/deep/a.txt'), 'utf8'), modeOf(at('new/deep/a.txt'))]).toEqual(['two', '600']);
    expect(await upload({ metadata: { path: '~/new/deep/a.txt', mode: 4711, owner: 'root', group: 'daemon' }, content: '' })).toEqual({ status: 200 });
    expect([readFileSync(at('new/deep/a.txt'), 'utf8'), modeOf(at('new/deep/a.txt')), statSync(at('new/deep/a.txt')).gid]).toEqual(['', '4711', 1]);
  });

  test('takes large files, and several, in constant pieces (E16)', async () => {
    const large = Buffer.alloc(3_000_000, '\r\n--abc');
    expect(await upload({ metadata: { path: 'large' }, content: large }, { metadata: { path: 'small' }, content: '\r\n' })).toEqual({ status: 200 });
    expect(readFileSync(at('large')).equals(large)).toBe(true);
    expect(readFileSync(at('small'), 'utf8')).toBe('\r\n');
  });

  test('takes a file before its metadata (E16)', async () => {
    const part = (name: string, text: string) => `--x\r\nContent-Disposition: form-data; name="${name}"; filename="f"\r\n\r\n${text}\r\n`;
    const body = `${part('file', 'first')}${part('file', 'second')}${part('metadata', '{"path":"early-1"}')}${part('metadata', '{"path":"early-2"}')}--x--\r\n`;
    const answer = await client.ask('POST', '/files/upload', body, { headers: { 'content-type': 'multipart/form-data; boundary="x"' } });
    expect(answer.status).toBe(200);
    expect(['early-1', 'early-2'].map((name) => readFileSync(at(name), 'utf8'))).toEqual(['first', 'second']);
  });

  test('writes through a link, which stays; a dangling one gets its file (E15)', async () => {
    symlinkSync('linked', at('link'));
    expect(await upload({ metadata: { path: 'link' }, content: 'through' })).toEqual({ status: 200 });
    expect([readlinkSync(at('link')), readFileSync(at('linked'), 'utf8')]).toEqual(['linked', 'through']);
  });

  test.each<[string, unknown, { status: number; code: string }]>([
    ['metadata that are no JSON', '{', { status: 400, code: 'INVALID_FILE_METADATA' }],
    ['metadata without a path', {}, { status: 400, code: 'INVALID_FILE_METADATA' }],
    ['a mode that is none', { path: 'a', mode: 788 }, { status: 400, code: 'INVALID_REQUEST_BODY' }],
    ['an owner that nobody is', { path: 'a', owner: 'nobody-is-this' }, { status: 400, code: 'INVALID_REQUEST_BODY' }],
    ['a directory for a file', { path: '/etc' }, { status: 400, code: 'UNKNOWN' }],
    ['a file for a directory', { path: '/etc/passwd/a' }, { status: 400, code: 'UNKNOWN' }],
    ['a NUL in the path', { path: 'a\0b' }, { status: 400, code: 'INVALID_FILE_METADATA' }],
    ['a name that is too long', { path: 'x'.repeat(300) }, { status: 400, code: 'UNKNOWN' }],
  ])('refuses %s, and writes no file of the form (E17)', async (_title, metadata, want) => {
    expect(await upload({ metadata: { path: 'not-written' }, content: 'x' }, { metadata, content: 'y' })).toEqual(want);
    expect(existsSync(at('not-written'))).toBe(false);
  });

  test.each<[string, string, string, string]>([
    ['no form', 'text/plain', 'a', 'INVALID_FILE'],
    ['a form without parts', 'multipart/form-data; boundary=x', '--x--\r\n', 'INVALID_FILE'],
    ['a form that is cut off', 'multipart/form-data; boundary=x', '--x\r\nContent-Disposition: form-data; name="file"\r\n\r\nabc', 'INVALID_FILE_CONTENT'],
    ['metadata without a file', 'multipart/form-data; boundary=x', '--x\r\nContent-Disposition: form-data; name="metadata"\r\n\r\n{"path":"a"}\r\n--x--\r\n', 'INVALID_FILE'],
    ['a part without a name', 'multipart/form-data; boundary=x', '--x\r\nContent-Type: text/plain\r\n\r\na\r\n--x--\r\n', 'INVALID_FILE'],
  ])('refuses %s', async (_title, type, body, code) => {
    expect(await client.refused('POST', '/files/upload', body, { headers: { 'content-type': type } })).toEqual({ status: 400, code });
  });

  test('leaves nothing when its caller goes (E15)', async () => {
    const caller = connect(Number(new URL(client.origin).port), '127.0.0.1');
    const head = '--x\r\nContent-Disposition: form-data; name="metadata"\r\n\r\n{"path":"gone/a"}\r\n--x\r\nContent-Disposition: form-data; name="file"\r\n\r\n';
    caller.write(`POST /files/upload HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: 1000000\r\n\r\n${head}${'x'.repeat(100_000)}`);
    await until(() => expect(readdirSync(at('gone'))).toHaveLength(1));
    caller.destroy();
    await until(() => expect(readdirSync(at('gone'))).toEqual([]));
  });
});

describe('download', () => {
  beforeAll(() => {
    writeFileSync(at('ten'), '0123456789');
    writeFileSync(at('empty'), '');
    writeFileSync(at('lines'), 'a\nb\n\nd');
  });

  test('sends a whole file', async () => {
    const answer = await download('ten');
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'content-type': 'application/octet-stream',
      'content-length': '10',
      'accept-ranges': 'bytes',
      'content-disposition': 'attachment; filename="ten"',
    });
    expect([answer.status, await answer.text()]).toEqual([200, '0123456789']);
    writeFileSync(at('grüße "1".txt'), '');
    expect((await download('grüße "1".txt')).headers.get('content-disposition')).toBe(`attachment; filename="gr__e _1_.txt"; filename*=UTF-8''gr%C3%BC%C3%9Fe%20%221%22.txt`);
  });

  test.each<[string, string, number, string, string | null]>([
    ['ten', 'bytes=2-4', 206, '234', 'bytes 2-4/10'],
    ['ten', 'bytes=8-', 206, '89', 'bytes 8-9/10'],
    ['ten', 'bytes=-3', 206, '789', 'bytes 7-9/10'],
    ['ten', 'bytes=-99', 206, '0123456789', 'bytes 0-9/10'],
    ['ten', 'bytes=5-99', 206, '56789', 'bytes 5-9/10'],
    ['ten', 'bytes=0-1,3-4', 200, '0123456789', null],
    ['ten', 'lines=1-2', 200, '0123456789', null],
    ['ten', 'bytes=4-2', 200, '0123456789', null],
    ['empty', 'bytes=5-6', 200, '', null],
  ])('sends of %s with range %s what is there (E20)', async (path, range, status, text, contentRange) => {
    const answer = await download(path, { range });
    expect([answer.status, answer.headers.get('content-range'), await answer.text()]).toEqual([status, contentRange, text]);
  });

  test.each(['bytes=10-', 'bytes=99-100', 'bytes=-0'])('refuses range %s outside the file (E20)', async (range) => {
    const path = '/files/download?path=ten';
    expect((await client.ask('GET', path, undefined, { headers: { range } })).headers.get('content-range')).toBe('bytes */10');
    expect(await client.refused('GET', path, undefined, { headers: { range } })).toEqual({ status: 416, code: 'UNKNOWN' });
  });

  test.each([
    ['&offset=2', 'b\n\nd'],
    ['&offset=2&limit=2', 'b\n\n'],
    ['&limit=1', 'a\n'],
    ['&limit=0', ''],
    ['&offset=5', ''],
  ])('sends lines for %s', async (query, text) => {
    const answer = await download('lines', {}, query);
    expect([answer.headers.get('content-type'), await answer.text()]).toEqual(['text/plain; charset=utf-8', text]);
  });

  test.each<[string, number, string]>([
    ['', 400, 'MISSING_QUERY'],
    ['path=nothing', 404, 'FILE_NOT_FOUND'],
    ['path=nothing/below', 404, 'FILE_NOT_FOUND'],
    ['path=/etc', 400, 'UNKNOWN'],
    ['path=ten&offset=0', 400, 'MISSING_QUERY'],
    ['path=ten%00', 400, 'UNKNOWN'],
  ])('refuses %s', async (query, status, code) => {
    expect(await client.refused('GET', `/files/download?${query}`)).toEqual({ status, code });
  });

  test('knows the variables of the sandbox, and files that are named like one', async () => {
    mkdirSync(at('value'));
    writeFileSync(at('value/a'), 'by variable');
    writeFileSync(at('$NONE'), 'by name');
    expect(await (await download('$NAME/a')).text()).toBe('by variable');
    expect(await (await download('${NAME}/a')).text()).toBe('by variable');
    expect(await (await download('$NONE')).text()).toBe('by name');
    writeFileSync(at('$NAME'), 'a name first');
    expect(await (await download('$NAME')).text()).toBe('a name first');
  });
});

describe('info, list and search', () => {
  beforeAll(() => {
    mkdirSync(at('tree/src/deep'), { recursive: true });
    for (const name of ['b.py', 'src/a.py', 'src/a.txt', 'src/deep/c.py']) writeFileSync(at('tree', name), name);
    symlinkSync('/etc', at('tree/link'));
  });
  const names = (infos: readonly FileInfo[]) => infos.map(({ path }) => path.slice(at('tree').length + 1));

  test('info tells of files as they are asked for, and of links themselves', async () => {
    chmodSync(at('tree/b.py'), 0o4640);
    const infos = await json<Record<string, FileInfo>>(`/files/info?path=tree/b.py&path=tree/link&path=${at('tree/src')}`);
    expect(Object.keys(infos)).toEqual(['tree/b.py', 'tree/link', at('tree/src')]);
    expect(infos['tree/b.py']).toEqual({
      path: at('tree/b.py'), type: 'file', size: 4, owner: 'root', group: 'root', mode: 4640,
      modified_at: lstatSync(at('tree/b.py')).mtime.toISOString(), created_at: lstatSync(at('tree/b.py')).ctime.toISOString(),
    }); // prettier-ignore
    expect([infos['tree/link']?.type, infos[at('tree/src')]?.type]).toEqual(['symlink', 'directory']);
    expect(await json('/files/info')).toEqual({});
    expect((await json<Record<string, FileInfo>>('/files/info?path=/'))['/']).toMatchObject({ path: '/', type: 'directory' });
    expect(await client.refused('GET', '/files/info?path=tree/b.py&path=nothing')).toEqual({ status: 404, code: 'FILE_NOT_FOUND' });
  });

  test('list goes as deep as asked, in order of names, and enters no link', async () => {
    expect(names(await json('/directories/list?path=tree'))).toEqual(['b.py', 'link', 'src']);
    expect(names(await json('/directories/list?path=tree&depth=2'))).toEqual(['b.py', 'link', 'src', 'src/a.py', 'src/a.txt', 'src/deep']);
    expect(names(await json('/directories/list?path=tree&depth=9'))).toEqual(['b.py', 'link', 'src', 'src/a.py', 'src/a.txt', 'src/deep', 'src/deep/c.py']);
    expect(await json('/directories/list?path=tree&depth=0')).toEqual([]);
    for (const [query, status] of [['', 400], ['path=tree&depth=-1', 400], ['path=tree/b.py', 400], ['path=tree/link', 400], ['path=nothing', 404]] as const) {
      expect(await client.refused('GET', `/directories/list?${query}`)).toMatchObject({ status });
    }
  });

  test('search fits patterns to names, or to paths when they have a slash', async () => {
    const search = async (pattern: string) => names(await json(`/files/search?path=tree&pattern=${encodeURIComponent(pattern)}`));
    expect(await search('')).toEqual(['b.py', 'link', 'src/a.py', 'src/a.txt', 'src/deep/c.py']);
    expect(await search('*.py')).toEqual(['b.py', 'src/a.py', 'src/deep/c.py']);
    expect(await search('src/*.py')).toEqual(['src/a.py']);
    expect(await search('**/*.{txt,md}')).toEqual(['src/a.txt']);
    for (const [query, status] of [['', 400], ['path=tree&pattern=[', 400], ['path=nothing', 404]] as const) {
      expect(await client.refused('GET', `/files/search?${query}`)).toMatchObject({ status });
    }
  });
});

describe('changes', () => {
  test('permissions change mode and owner, all or none when one is wrong (E17)', async () => {
    for (const name of ['p1', 'p2']) writeFileSync(at(name), '', { mode: 0o600 });
    expect(await post('/files/permissions', { p1: { mode: 640, owner: 'daemon', group: '' }, p2: { mode: 0, owner: null } })).toEqual(OK);
    expect([modeOf(at('p1')), statSync(at('p1')).uid, modeOf(at('p2'))]).toEqual(['640', 1, '600']);
    expect(await client.refused('POST', '/files/permissions', { p1: { mode: 777 }, nothing: { mode: 777 } })).toEqual({ status: 404, code: 'FILE_NOT_FOUND' });
    expect(await client.refused('POST', '/files/permissions', { p1: { mode: 777 }, p2: { mode: 778 } })).toEqual({ status: 400, code: 'INVALID_REQUEST_BODY' });
    expect(modeOf(at('p1'))).toBe('640');
  });

  test('a move takes files, directories and links, and never what is there', async () => {
    for (const name of ['m1', 'm3']) writeFileSync(at(name), name);
    symlinkSync('nowhere', at('m2'));
    expect(await post('/files/mv', [{ src: 'm1', dest: 'moved/deep/m1' }, { src: 'm2', dest: 'moved-link' }])).toEqual(OK);
    expect([readFileSync(at('moved/deep/m1'), 'utf8'), readlinkSync(at('moved-link'))]).toEqual(['m1', 'nowhere']);
    expect(await client.refused('POST', '/files/mv', [{ src: 'm3', dest: 'm4' }, { src: 'moved', dest: 'moved-link' }])).toEqual({ status: 409, code: 'RUNTIME_ERROR' });
    expect(await client.refused('POST', '/files/mv', [{ src: 'm3', dest: 'm4' }, { src: 'nothing', dest: 'm5' }])).toEqual({ status: 404, code: 'FILE_NOT_FOUND' });
    expect(existsSync(at('m3'))).toBe(true);
    expect(await client.refused('POST', '/files/mv', { src: 'm3', dest: 'm4' })).toEqual({ status: 400, code: 'INVALID_REQUEST_BODY' });
  });

  test('texts are replaced everywhere, also where pieces meet, and mode and owner stay', async () => {
    const long = `${'x'.repeat(65_533)}needle${'y'.repeat(100_000)}needle`;
    writeFileSync(at('r1'), long, { mode: 0o640 });
    writeFileSync(at('r2'), 'aaa');
    const counted = await client.ask('POST', '/files/replace?verbose=true', { r1: { old: 'needle', new: 'pin' }, r2: { old: 'b', new: 'c' } });
    expect(await counted.json()).toEqual({ r1: { replacedCount: 2 }, r2: { replacedCount: 0 } });
    expect([readFileSync(at('r1'), 'utf8') === long.replaceAll('needle', 'pin'), modeOf(at('r1'))]).toEqual([true, '640']);
    expect(await post('/files/replace', { r2: { old: 'aa', new: '' } })).toEqual(OK);
    expect(readFileSync(at('r2'), 'utf8')).toBe('a');
    expect(await client.refused('POST', '/files/replace', { r2: { old: '', new: 'x' } })).toEqual({ status: 400, code: 'INVALID_REQUEST_BODY' });
    expect(await client.refused('POST', '/files/replace', { r2: { old: 'a', new: 'x' }, nothing: { old: 'a', new: 'x' } })).toEqual({ status: 404, code: 'FILE_NOT_FOUND' });
    expect(readFileSync(at('r2'), 'utf8')).toBe('a');
  });

  test('directories are made with those above them; one that is there stays as it is', async () => {
    expect(await post('/directories', { 'd1/d2': { mode: 700 }, d1: { mode: 711 } })).toEqual(OK);
    expect([modeOf(at('d1')), modeOf(at('d1/d2'))]).toEqual(['755', '700']);
    writeFileSync(at('d-file'), '');
    expect(await client.refused('POST', '/directories', { 'd-file': {} })).toMatchObject({ status: 400 });
    expect(await client.refused('POST', '/directories', { 'd-file/below': {} })).toMatchObject({ status: 400 });
  });

  const remove = async (path: string) => {
    const answer = await client.ask('DELETE', path);
    return [answer.status, answer.headers.get('content-length'), await answer.text()];
  };

  test('deletes take files, directories and links, and leave what links lead to (E19)', async () => {
    mkdirSync(at('gone/deep'), { recursive: true });
    mkdirSync(at('kept'));
    for (const name of ['gone/deep/a', 'gone/b', 'kept/a', 'f1', 'f2']) writeFileSync(at(name), '');
    symlinkSync(at('kept'), at('gone/link'));
    symlinkSync('nowhere', at('dangling'));
    symlinkSync(at('kept'), at('link-to-kept'));
    expect(await client.refused('DELETE', '/files?path=f1&path=kept')).toMatchObject({ status: 400 });
    expect(existsSync(at('f1'))).toBe(true);
    expect(await remove('/files?path=f1&path=f2&path=dangling&path=nothing&path=nothing/below')).toEqual(OK);
    expect(await remove('/directories?path=gone&path=nothing&path=link-to-kept')).toEqual(OK);
    expect(['f1', 'f2', 'gone', 'link-to-kept', 'kept/a'].map((name) => existsSync(at(name)))).toEqual([false, false, false, false, true]);
    expect(() => lstatSync(at('dangling'))).toThrow('ENOENT');
    for (const path of ['/', '/etc/..']) expect(await client.refused('DELETE', `/directories?path=${path}`)).toMatchObject({ status: 400 });
  });
});
