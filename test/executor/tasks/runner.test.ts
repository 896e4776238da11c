import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { identifyProcess } from '../../../executor/tasks/process';
import { listenToRunner, RunnerPool, WaitingRunner } from '../../../executor/tasks/runner';
import { RUNNER_MODE } from '../../../executor/tasks/runner-protocol';
import { until } from '../../support/waiting';
import { EXECUTOR_PROGRAM, ExecutorProcess, isRunning } from '../executor-process';
import { CONTAINER_CAPABILITIES, MainContainer, withCapabilities } from '../main-container';

const program = { argv: [process.execPath, EXECUTOR_PROGRAM, RUNNER_MODE], env: {} };
let dataDir: string;
beforeEach(() => (dataDir = realpathSync(mkdtempSync(join(tmpdir(), 'executor-test-')))));
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

/** Live processes whose working directory lies in the data directory. */
const runnersIn = (folder: string) =>
  readdirSync('/proc')
    .map(Number)
    .filter((pid) => {
      try {
        return realpathSync(`/proc/${pid}/cwd`).startsWith(folder) && isRunning(pid);
      } catch {
        return false;
      }
    });

test('a runner that is discarded before or after it is ready ends and leaves nothing (X12)', async () => {
  const early = await WaitingRunner.start(program, dataDir);
  await early.discard();
  const late = await WaitingRunner.start(program, dataDir);
  // It unlinks its output FIFOs when it has opened them.
  await until(() => expect(readdirSync(late.directory)).toEqual(['events']));
  await late.discard();
  await until(() => expect([early, late].map(({ identity }) => isRunning(identity.pid))).toEqual([false, false]));
  expect(readdirSync(dataDir)).toEqual([]);
});

test('a runner that dies before it is released says so (X2, X12)', async () => {
  const runner = await WaitingRunner.start(program, dataDir);
  process.kill(runner.identity.pid, 'SIGKILL');
  const order = { taskId: 't', argv: ['true'], env: {}, workingDir: '/', stopGraceSeconds: 1, logMaxBytes: 4096 };
  await new Promise<void>((resolve) => void runner.release(order, { onEvent: () => undefined, onEnd: resolve }));
  expect(readdirSync(runner.directory)).not.toContain('exit.json');
});

test('the end of a runner that another server has started is heard, also when it dies before it has begun to write (X9, X11)', async () => {
  execFileSync('mkfifo', [join(dataDir, 'events')]);
  const runner = spawn('sleep', ['600']);
  await once(runner, 'spawn');
  const identity = identifyProcess(runner.pid ?? NaN);
  if (identity === undefined) throw new Error('expected a process');
  const ended = new Promise<void>((resolve) => listenToRunner(identity, dataDir, { onEvent: () => undefined, onEnd: resolve }));
  runner.kill('SIGKILL');
  await ended;
});

test('a task without a main container fails when the wait for it is over (X5)', async () => {
  const runner = await WaitingRunner.start(program, dataDir);
  const mainContainer = { name: 'never-there', isInOtherCgroup: false, waitSeconds: 0.2 };
  const order = { taskId: 't', argv: ['true'], env: {}, workingDir: '', mainContainer, stopGraceSeconds: 1, logMaxBytes: 4096 };
  await new Promise<void>((resolve) => void runner.release(order, { onEvent: () => undefined, onEnd: resolve }));
  expect(JSON.parse(readFileSync(join(runner.directory, 'exit.json'), 'utf8'))).toMatchObject({
    exitCode: 126,
    reason: 'StartFailed',
    message: expect.stringContaining('expected a process with SANDBOX_MAIN_CONTAINER=never-there within 0.2 s, got none'),
  });
  expect(readdirSync(runner.directory)).toContain('main-missing');
});

test('a task that may not open the main container says why (X5)', async () => {
  const main = await MainContainer.start({ isRoot: true });
  chmodSync(`/proc/${main.pid}/cwd`, 0);
  const withoutFiles = CONTAINER_CAPABILITIES.filter((name) => name !== 'dac_override');
  const runner = await WaitingRunner.start({ ...program, argv: [...withCapabilities(...withoutFiles, 'sys_ptrace'), ...program.argv] }, dataDir);
  const mainContainer = { name: main.name, isInOtherCgroup: false, waitSeconds: 0.2 };
  const order = { taskId: 't', argv: ['true'], env: {}, workingDir: '', mainContainer, stopGraceSeconds: 1, logMaxBytes: 4096 };
  await new Promise<void>((resolve) => void runner.release(order, { onEvent: () => undefined, onEnd: resolve }));
  expect(JSON.parse(readFileSync(join(runner.directory, 'exit.json'), 'utf8'))).toMatchObject({
    reason: 'StartFailed',
    message: expect.stringContaining(`expected a process with SANDBOX_MAIN_CONTAINER=${main.name} within 0.2 s, got one that cannot be opened: EACCES`),
  });
  await main.stop();
});

test('a runner program that does not exist is an error and leaves nothing', async () => {
  await expect(WaitingRunner.start({ argv: ['/no/such/program'], env: {} }, dataDir)).rejects.toThrow("expected a runner process, got none from '/no/such/program'");
  expect(readdirSync(dataDir)).toEqual([]);
});

test('a pool gives each spare once, replaces a dead one, and ends the rest', async () => {
  const pool = new RunnerPool(program, dataDir, 1);
  pool.refill();
  const first = await pool.take();
  pool.refill();
  await until(() => expect(runnersIn(dataDir)).toHaveLength(2));
  const [spare = 0] = runnersIn(dataDir).filter((pid) => pid !== first.identity.pid);
  process.kill(spare, 'SIGKILL');
  // Gone means reaped: only then does Node say that it has ended.
  await until(() => expect(existsSync(`/proc/${spare}`)).toBe(false));
  const second = await pool.take();
  expect(second.identity.pid).not.toBe(spare);
  pool.refill();
  await pool.close();
  await Promise.all([first.discard(), second.discard()]);
  await until(() => expect(runnersIn(dataDir)).toEqual([]));
});

/** Moments in the start of a spare runner, told by what its directory holds from then on: nobody can be sure to look in between two. */
const MOMENTS: Readonly<Record<string, (files: readonly string[]) => boolean>> = {
  'its directory is there': () => true,
  'its FIFOs are there': (files) => files.length > 0,
  'it is ready': (files) => files.includes('events') && !files.includes('stdout'),
};

test.each(Object.entries(MOMENTS))('a server that is killed as soon as %s leaves no spare runner (X12)', async (_title, isReached) => {
  const executor = await ExecutorProcess.start(['--spare-runners=1']);
  await until(() => {
    const [spare = ''] = readdirSync(executor.dataDir).filter((entry) => entry.startsWith('.new-'));
    expect(spare !== '' && isReached(readdirSync(join(executor.dataDir, spare)))).toBe(true);
  });
  await executor.kill('SIGKILL');
  await until(() => expect(runnersIn(executor.home)).toEqual([]));
  rmSync(executor.home, { recursive: true, force: true });
});
