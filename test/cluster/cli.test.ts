import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { buildSync } from 'esbuild';
import type { RunningCluster } from '../../images/running-cluster';
import { CLUSTER_MARKER, findMarked, isAlive, readStartTime } from '../../local/nodes/marked-processes';
import { packageRoot } from '../../local/programs';
import { runProgram } from '../support/run-program';
import { until } from '../support/waiting';
import { BUILD_TIMEOUT_MS, buildKubernetes } from './programs';

/** Inside the package, whose sources it reads. */
const PROGRAM = join(packageRoot(), 'test', '.tmp', `cluster-${process.pid}.js`);

/** Longest test that starts and ends a cluster on a busy machine, in ms. */
const CLUSTER_TIMEOUT_MS = 240_000;

let kubernetes: string;
let home: string;
let cache: string;
beforeAll(async () => {
  buildSync({ entryPoints: [join(__dirname, 'cli.ts')], bundle: true, platform: 'node', outfile: PROGRAM });
  kubernetes = await buildKubernetes();
}, BUILD_TIMEOUT_MS);
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'cluster-cli-'));
  cache = join(home, '.cache', 'cdk8s-sandboxes');
  await mkdir(cache, { recursive: true });
  await symlink(dirname(kubernetes), join(cache, basename(dirname(kubernetes))));
});
afterEach(async () => {
  await cluster('down');
  await rm(home, { recursive: true });
});
afterAll(() => rm(PROGRAM));

const cluster = (...args: readonly string[]) => runProgram(process.execPath, [PROGRAM, ...args], { HOME: home, PATH: process.env.PATH });
const startUp = (): ChildProcess => spawn(process.execPath, [PROGRAM, 'up'], { env: { HOME: home, PATH: process.env.PATH }, stdio: 'ignore' });
const readState = () => JSON.parse(readFileSync(join(cache, 'cluster.json'), 'utf8')) as RunningCluster;
/** Processes of clusters that a process has started: ids of clusters begin with it. */
const startedBy = (pid: number) => findMarked(CLUSTER_MARKER, (id) => id.startsWith(`${pid}-`));

const NONE = { exitCode: 0, stdout: "no cluster is running; start one with 'npm run cluster -- up'\n", stderr: '' };

describe('beside a cluster that runs', () => {
  /** Has this process be its holder. */
  async function pretend(running: object) {
    const access = { kubeconfigPath: '/k', url: 'https://127.0.0.1:1', folder: '/f', program: '/p' };
    await writeFile(join(cache, 'cluster.json'), JSON.stringify({ pid: process.pid, startTime: readStartTime(process.pid), simulatedNodes: 0, withNode: false, access, ...running }));
  }
  afterEach(() => rm(join(cache, 'cluster.json')));

  test.each([
    ['up --node', {}, '--node: expected no cluster, or one with a node, to be running, got one without'],
    ['up --simulated-nodes 10', {}, '--simulated-nodes: expected no cluster, or one with 10, to be running, got one with 0'],
    ['up --simulated-nodes 10', { simulatedNodes: 5 }, '--simulated-nodes: expected no cluster, or one with 10, to be running, got one with 5'],
  ])('%s is refused when it is %j', async (command, running, problem) => {
    await pretend(running);
    expect(await cluster(...command.split(' '))).toEqual({ exitCode: 1, stdout: '', stderr: `cluster: ${problem}; end it first: npm run cluster -- down\n` });
  });

  test.each([
    ['up', {}],
    ['up', { withNode: true }],
    ['up --node', { withNode: true }],
    ['up', { simulatedNodes: 5 }],
    ['up --simulated-nodes 5', { simulatedNodes: 5 }],
    ['status', {}],
  ])('%s says how to use it when it is %j', async (command, running) => {
    await pretend(running);
    expect(await cluster(...command.split(' '))).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('export KUBECONFIG=/k') });
  });
});

test('down and status say that no cluster runs', async () => {
  expect([await cluster('down'), await cluster('status')]).toEqual([NONE, NONE]);
});

test('up starts one cluster, also twice at once; status and kubectl find it; down leaves no process and no file', async () => {
  const [first, second] = await Promise.all([cluster('up'), cluster('up')]);
  expect([first, second]).toMatchObject([{ exitCode: 0 }, { exitCode: 0, stdout: first.stdout }]);
  expect(await cluster('status')).toEqual({ exitCode: 0, stdout: first.stdout, stderr: '' });
  const { access, ...holder } = readState();
  expect(await runProgram(access?.program ?? '', ['kubectl', 'get', '--raw=/readyz'], { HOME: home, KUBECONFIG: access?.kubeconfigPath })).toMatchObject({ exitCode: 0, stdout: 'ok' });
  expect(startedBy(holder.pid)).not.toEqual([]);
  expect(await cluster('down')).toEqual(NONE);
  expect([isAlive(holder), startedBy(holder.pid), existsSync(access?.folder ?? ''), existsSync(join(cache, 'cluster.json'))]).toEqual([false, [], false, false]);
}, CLUSTER_TIMEOUT_MS);

test('down fails, with what the holder said, when the holder ends otherwise than it should', async () => {
  const up = startUp();
  const ended = once(up, 'exit');
  const holder = await until(readState);
  process.kill(holder.pid, 'SIGSTOP');
  const waiting = cluster('down');
  await until(() => expect(readFileSync(`/proc/${holder.pid}/status`, 'utf8')).toMatch(/^ShdPnd:.*4000$/m)); // SIGTERM has come
  process.kill(holder.pid, 'SIGKILL');
  expect(await waiting).toMatchObject({ exitCode: 1, stdout: '', stderr: expect.stringMatching(/^cluster: expected it to leave nothing, got: /) });
  expect(await ended).toEqual([1, null]);
  await until(() => expect(startedBy(holder.pid)).toEqual([]));
}, CLUSTER_TIMEOUT_MS);

test.each(['SIGINT', 'SIGTERM'] as const)('up that %s ends amid the start leaves no cluster', async (signal) => {
  const up = startUp();
  const ended = once(up, 'exit');
  const holder = await until(readState);
  expect(holder.access).toBeUndefined();
  expect(await cluster('status')).toMatchObject({ exitCode: 0, stdout: expect.stringContaining(`process ${holder.pid} is starting it`) });
  up.kill(signal);
  expect(await ended).toEqual([1, null]);
  expect(isAlive(holder)).toBe(false);
  await until(() => expect(startedBy(holder.pid)).toEqual([]));
  expect(await cluster('status')).toEqual(NONE);
}, CLUSTER_TIMEOUT_MS);
