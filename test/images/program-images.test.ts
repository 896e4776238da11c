import type { ChildProcess } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import packageJson from '../../package.json';
import { stageSources } from '../../images/archives';
import { buildImages, programImages } from '../../images/program-images';
import { defaultImage } from '../../src/images';
import { childrenOf } from '../support/children-of';
import { until } from '../support/waiting';
import { UnpackedImage } from './unpacked-image';

const PACKAGE = '/opt/cdk8s-sandboxes';

let images: readonly UnpackedImage[] = [];
let folder = '';
beforeAll(async () => {
  const archives = await buildImages();
  images = await Promise.all(archives.map(({ archive }) => UnpackedImage.of(archive)));
}, 300_000);
afterEach(() => {
  if (folder !== '') rmSync(folder, { recursive: true });
  folder = '';
});
afterAll(() => Promise.all(images.map((image) => image.remove())));

function imageOf(program: 'sandbox-operator' | 'sandbox-executor' | 'sandbox-server'): UnpackedImage {
  const image = images.find(({ name }) => name === defaultImage(program));
  if (image === undefined) throw new Error(`expected an image '${defaultImage(program)}', the default of the constructs, got ${images.map(({ name }) => name).join(', ')}`);
  return image;
}

/** Files that are no library. */
async function programsAndData(image: UnpackedImage): Promise<readonly string[]> {
  return (await image.files()).filter((path) => !/^\/(usr\/)?lib(64)?\//.test(path));
}

/** Tells who runs it, whether it can write, and which capabilities it has. */
const WHO = `
  const { readFileSync, writeFileSync } = require('node:fs');
  let write = 'possible';
  try { writeFileSync('/new', '') } catch ({ code }) { write = code }
  const capabilities = /CapEff:\\s*0*(.+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1];
  console.log(JSON.stringify({ uid: process.getuid(), gid: process.getgid(), write, capabilities }));
`;

test('all images share the layer of Node', () => {
  expect(images).toHaveLength(3);
  expect(new Set(images.map(({ layers }) => layers[0])).size).toBe(1);
});

test('a folder is made that any builder takes', async () => {
  folder = mkdtempSync(join(tmpdir(), 'image-context-'));
  await stageSources(await programImages(), folder);
  for (const name of ['sandbox-operator', 'sandbox-executor', 'sandbox-server']) {
    const containerfile = readFileSync(join(folder, `${name}.Containerfile`), 'utf8');
    const copied = [...containerfile.matchAll(/^COPY (\S+) \/$/gm)].map(([, from = '']) => from);
    expect(copied).toHaveLength(2);
    expect(copied.filter((from) => !existsSync(join(folder, from)))).toEqual([]);
  }
});

describe.each(['sandbox-operator', 'sandbox-server'] as const)('the image of %s', (program) => {
  test('holds Node and one bundled program: no shell, no package manager', async () => {
    expect(await programsAndData(imageOf(program))).toEqual([`${PACKAGE}/lib/bin/${program}.js`, `${PACKAGE}/package.json`, '/usr/bin/node']);
  });

  test('runs as a user without rights, and needs to write nothing', async () => {
    const image = imageOf(program);
    const { stdout } = await image.run(['/usr/bin/node', '-e', WHO]);
    expect(JSON.parse(stdout)).toEqual({ uid: 65532, gid: 65532, write: 'EROFS', capabilities: '0' });
    const { exitCode, stdout: help, stderr } = await image.run([...(image.config.Entrypoint ?? []), '--help']);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(help.startsWith(`Usage: ${program} `)).toBe(true);
  });
});

describe('the image of the executor', () => {
  let executor: ChildProcess | undefined;
  let url = '';
  beforeEach(() => {
    executor = undefined;
    url = `http://127.${randomInt(1, 250)}.${randomInt(256)}.${randomInt(1, 255)}:5758`;
  });
  afterEach(async () => {
    if (executor?.kill('SIGKILL') === true) await once(executor, 'exit');
  });

  /** Starts it as a container runtime does, until it answers. */
  async function startExecutor(): Promise<ChildProcess> {
    const image = imageOf('sandbox-executor');
    const command = [...(image.config.Entrypoint ?? []), `--listen-addr=${new URL(url).host}`, `--execd-listen-addr=${new URL(url).hostname}:44772`, '--allow-unauthenticated'];
    executor = await image.start(command, ['/var/lib/sandbox/tasks']);
    await until(() => get('/health'));
    return executor;
  }

  async function get(path: string): Promise<unknown> {
    const answer = await fetch(url + path);
    const text = await answer.text();
    if (answer.status !== 200) throw new Error(`GET ${path}: expected status 200, got ${answer.status}: ${text}`);
    return JSON.parse(text);
  }

  async function runTask(name: string, command: readonly string[]): Promise<void> {
    await fetch(`${url}/setTasks`, { method: 'POST', body: JSON.stringify([{ name, process: { command } }]) });
    await until(async () => expect(await get('/getTasks')).toMatchObject([{ name, processStatus: { terminated: { exitCode: 0 } } }]));
  }

  test('holds no shell and no package manager', async () => {
    const files = await programsAndData(imageOf('sandbox-executor'));
    expect(files.filter((path) => path.startsWith('/opt/'))).toEqual([`${PACKAGE}/lib/bin/sandbox-executor-init.pl`, `${PACKAGE}/lib/bin/sandbox-executor.js`, `${PACKAGE}/package.json`]);
    expect(files).toContain('/usr/bin/node');
    expect(files.filter((path) => /\/(sh|bash|dash|busybox|apt.*|dpkg.*|npm)$/.test(path))).toEqual([]);
  });

  test('knows its version', async () => {
    const image = imageOf('sandbox-executor');
    expect(await image.run(['/usr/bin/node', `${PACKAGE}/lib/bin/sandbox-executor.js`, '--version'])).toEqual({ exitCode: 0, stdout: `${packageJson.version}\n`, stderr: '' });
  });

  test('runs a task, and writes nowhere but in its data directory', async () => {
    await startExecutor();
    await runTask('who', ['/usr/bin/node', '-e', WHO]);
    expect(await get('/tasks/who/logs')).toMatchObject({ uid: 0, write: 'EROFS' });
  });

  test('starts its server again when that is killed, and the container goes on', async () => {
    const { pid = 0 } = await startExecutor();
    await runTask('before', ['/usr/bin/node', '-e', '']);
    const [init = 0] = childrenOf(pid);
    const [server = 0] = childrenOf(init);
    process.kill(server, 'SIGKILL');
    await until(() => expect(childrenOf(init)).not.toContain(server));
    await until(async () => expect(await get('/getTasks')).toMatchObject([{ name: 'before', processStatus: { terminated: { exitCode: 0 } } }]));
    expect(executor?.exitCode).toBeNull();
  });

  test.each([
    ['mkfifo', ['--version'], 'mkfifo (GNU coreutils)'],
    ['perl', ['-e', 'print "perl $^V"'], 'perl v5'],
  ])('has a %s that runs', async (tool, args, answer) => {
    const { exitCode, stdout, stderr } = await imageOf('sandbox-executor').run([`/usr/bin/${tool}`, ...args]);
    expect({ exitCode, stdout: stdout.slice(0, answer.length), stderr }).toEqual({ exitCode: 0, stdout: answer, stderr: '' });
    });
});
