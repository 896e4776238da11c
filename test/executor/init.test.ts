import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ExecutorTask, REVISION_HEADER } from '../../src/schema/executor-api';
import { childrenOf } from '../support/children-of';
import { freePort } from '../support/free-port';
import { runProgram } from '../support/run-program';
import { until } from '../support/waiting';
import { EXECUTOR_PROGRAM, ExecutorProcess, isRunning, shell, signalAny, task } from './executor-process';
import { EXECUTOR_RIGHTS, MainContainer } from './main-container';

/** Starts the server that follows, as the image does. */
const INIT = ['/usr/bin/perl', join(__dirname, '../../executor/sandbox-executor-init.pl')] as const;

/** An executor whose process is the first one of a container. Each server of an init must have the same port. */
const startInit = async (env: NodeJS.ProcessEnv = {}, launcher: readonly string[] = []) =>
  ExecutorProcess.start([`--listen-addr=127.0.0.1:${await freePort()}`], undefined, env, { launcher: [...launcher, ...INIT] });

/** In a shell of the main container: waits until the process that was started last has become a program that hides whose it is. */
const untilHidden = 'until grep -q ^/bin/sleep /proc/$!/cmdline; do sleep 0.02; done';

const serverOf = (init: number): number => childrenOf(init).find((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(EXECUTOR_PROGRAM)) ?? NaN;

test.each(['SIGKILL', 'SIGTERM'] as const)('a server that ends by %s is started again, and its task goes on (X11, X14)', async (signal) => {
  const executor = await startInit();
  await executor.set(shell('t', 'exec sleep 1000'));
  await executor.running();
  const [task, server] = [executor.pidOf('t', 'leader'), serverOf(executor.pid)];
  process.kill(server, signal);
  await until(() => expect([NaN, server]).not.toContain(serverOf(executor.pid)));
  await until(async () => expect(await executor.list()).toMatchObject([{ name: 't', processStatus: { running: {} } }]));
  expect(executor.pidOf('t', 'leader')).toBe(task);
  expect(isRunning(task)).toBe(true);
  await executor.clean();
});

test('SIGTERM to the first process ends all tasks, records the results, and tells nobody (X14, R113)', async () => {
  const first = await startInit();
  await first.set(shell('t', 'trap "echo bye; exit 0" TERM; sleep 1000 & wait'));
  await first.running();
  const task = first.pidOf('t', 'leader');
  const { headers } = await first.request('GET', '/getTasks');
  const poll = first.request<readonly ExecutorTask[]>('GET', `/getTasks?after=${headers.get(REVISION_HEADER)}&wait=25`);
  for (let later = 0; later < 2; later += 1) await first.request('GET', '/version'); // the poll is with the server
  expect(await first.kill('SIGTERM')).toBe(0);
  expect(isRunning(task)).toBe(false);
  // Nobody is told: the pod goes, and to its operator the task was lost with it.
  expect((await poll).body).toMatchObject([{ name: 't', processStatus: { running: {} } }]);

  const next = await ExecutorProcess.start([], first.home);
  expect(await next.list()).toMatchObject([{ name: 't', processStatus: { terminated: { exitCode: 143, reason: 'Stopped' } } }]);
  expect((await next.log('t')).body).toBe('bye\n');
  await next.clean();
});

test('what cannot start ends, with the same code as without it', async () => {
  const [perl, script] = INIT;
  const run = async (...args: readonly string[]) => (await runProgram(perl, [script, process.execPath, EXECUTOR_PROGRAM, ...args], {})).exitCode;
  expect(await run('--no-such-flag')).toBe(2);
  expect(await run('--help')).toBe(0);
  expect(await run('--allow-unauthenticated', '--data-dir=/dev/null')).toBe(1);
});

test('a server that is not there is told in one line', async () => {
  const [perl, script] = INIT;
  const { exitCode, stderr } = await runProgram(perl, [script, '/no/such/node'], {});
  expect(exitCode).toBe(1);
  expect(JSON.parse(stderr)).toMatchObject({ level: 'fatal', msg: 'cannot start', error: "init: expected a server at '/no/such/node', got No such file or directory" });
});

test('a server that has served is started again, whatever code it ends with', async () => {
  const [perl, script] = INIT;
  const server = 'kill -USR1 $EXECUTOR_INIT_PID; if [ ! -e runs ]; then touch runs; exit 1; fi; kill $EXECUTOR_INIT_PID; exit 3';
  const cwd = mkdtempSync(join(tmpdir(), 'executor-test-'));
  const init = spawn(perl, [script, '/bin/sh', '-c', server], { cwd });
  expect(await new Promise((resolve) => init.once('exit', resolve))).toBe(3);
  rmSync(cwd, { recursive: true });
});

test('a task has no variable of the init (X28)', async () => {
  const executor = await startInit();
  await executor.set(task('t', ['env']));
  await executor.ended();
  expect((await executor.log('t')).body).not.toContain('EXECUTOR_');
  await executor.clean();
});

test('SIGTERM before the server listens ends tasks of an earlier one and records the results (X14)', async () => {
  const first = await ExecutorProcess.start();
  await first.set(shell('t', 'exec sleep 1000'));
  await first.running();
  await first.kill('SIGKILL');
  const [perl, script] = INIT;
  const init = spawn(perl, [script, process.execPath, EXECUTOR_PROGRAM, '--allow-unauthenticated', '--listen-addr=127.0.0.1:0', '--execd-listen-addr=0', `--data-dir=${first.dataDir}`]);
  const ended = new Promise((resolve) => init.once('exit', resolve));
  await until(() => expect(serverOf(init.pid ?? NaN)).not.toBeNaN());
  init.kill('SIGTERM');
  expect(await ended).toBe(0);

  const next = await ExecutorProcess.start([], first.home);
  expect(await next.list()).toMatchObject([{ name: 't', processStatus: { terminated: { exitCode: 143, reason: 'Stopped' } } }]);
  await next.clean();
});

describe('as the first process of a namespace of processes', () => {
  let executor: ExecutorProcess;
  let init: number;
  const start = async (env: NodeJS.ProcessEnv) => {
    executor = await startInit(env, ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc', ...EXECUTOR_RIGHTS]);
    [init = NaN] = childrenOf(executor.pid);
  };
  afterEach(async () => {
    signalAny(init, 'SIGTERM'); // some tests have ended it
    await until(() => expect(isRunning(executor.pid)).toBe(false));
    rmSync(executor.home, { recursive: true });
  });

  test('it reaps what tasks leave behind: after 1000 orphans there is no zombie (X10)', async () => {
    await start({});
    for (let round = 0; round < 5; round += 1) {
      await executor.set(shell(`t${round}`, 'i=0; while [ $i -lt 200 ]; do (true &); i=$((i + 1)); done'));
      await executor.until(([first]) => first?.name === `t${round}` && first.processStatus?.terminated?.exitCode === 0);
    }
    const zombies = () => childrenOf(init).filter((pid) => !isRunning(pid));
    await until(() => expect([childrenOf(init).length, zombies().length]).toEqual([1, 0]));
  });

  test('a reset ends a process that hides whose it is, and none of the main container (X29)', async () => {
    await start({ ENABLE_SIDECAR_MODE: 'true', MAIN_CONTAINER_NAME: `main-${process.pid}` });
    const main = await MainContainer.start({ name: `main-${process.pid}`, besidePid: init, hasCgroup: true });
    await executor.set(shell('t', `env -i /bin/setsid /bin/sleep 4321 & ${untilHidden}`));
    expect(await executor.ended()).toMatchObject({ exitCode: 0 });
    expect(await executor.request('POST', '/reset', {})).toMatchObject({ status: 200, body: { empty: true, killed: 1 } });
    expect(await executor.request('POST', '/reset', {})).toMatchObject({ status: 200, body: { empty: true, killed: 0 } });
    await executor.set(shell('t', 'cat /etc/greeting'));
    expect(await executor.ended()).toMatchObject({ exitCode: 0 });
    process.kill(init, 'SIGKILL');
    await main.stop();
  });

  test('what an ended task left behind is never taken for the main process', async () => {
    const name = `main-${process.pid}`;
    await start({ ENABLE_SIDECAR_MODE: 'true', MAIN_CONTAINER_NAME: name });
    const first = await MainContainer.start({ name, besidePid: init, hasCgroup: true });
    await executor.set(shell('t', `env -i SANDBOX_MAIN_CONTAINER=${name} /bin/setsid /bin/sleep 4321 >/dev/null 2>&1 & ${untilHidden}`));
    expect(await executor.ended()).toMatchObject({ exitCode: 0 });
    await executor.set();
    await executor.until((tasks) => tasks.length === 0);
    await first.stop();
    const second = await MainContainer.start({ name, besidePid: init, hasCgroup: true });
    await executor.set(task('u', ['env']));
    expect(await executor.ended()).toMatchObject({ exitCode: 0 });
    expect((await executor.log('u')).body).toContain('FROM_MAIN=');
    process.kill(init, 'SIGKILL');
    await second.stop();
  });
});
