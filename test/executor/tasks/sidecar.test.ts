import { readdirSync, writeFileSync } from 'node:fs';
import type { ExecutorTask } from '../../../src/schema/executor-api';
import { until } from '../../support/waiting';
import { ExecutorProcess, isRunning, shell, task } from '../executor-process';
import { CONTAINER_CAPABILITIES, EXECUTOR_RIGHTS, MAIN_USER, MainContainer, type MainContainerOptions, withCapabilities } from '../main-container';

/** An executor beside a main container of this name, with the rights that it has in a pod. */
const executorBeside = (mainContainer: string, home?: string) =>
  ExecutorProcess.start([], home, { ENABLE_SIDECAR_MODE: 'true', MAIN_CONTAINER_NAME: mainContainer, FROM_EXECUTOR: 'yes' }, { launcher: EXECUTOR_RIGHTS });

const empty = async (executor: ExecutorProcess) => {
  await executor.set();
  await executor.until((tasks) => tasks.length === 0);
};

describe.each<[string, MainContainerOptions, { readonly uid: number; readonly gid: number; readonly groups: readonly number[] }]>([
  ['that is not root', {}, MAIN_USER],
  ['that is root', { isRoot: true }, { uid: 0, gid: 0, groups: [0] }],
])('in a main container %s', (_title, options, { uid, gid, groups }) => {
  let main: MainContainer;
  let executor: ExecutorProcess;
  beforeAll(async () => {
    main = await MainContainer.start(options);
    executor = await executorBeside(main.name);
  });
  afterEach(() => empty(executor));
  afterAll(async () => {
    await executor.clean();
    await main.stop();
  });

  const outputOf = async (script: string, more: object = {}) => {
    await executor.set(shell('t', script, more));
    const ended = await executor.ended();
    expect(ended).toMatchObject({ exitCode: 0, reason: 'Succeeded' });
    return (await executor.log('t')).body;
  };
  /** Fields of /proc/self/status of a task. */
  const status = async (): Promise<Readonly<Record<string, string>>> => {
    await executor.set(task('t', ['cat', '/proc/self/status']));
    await executor.ended();
    const lines = (await executor.log('t')).body.trim().split('\n');
    return Object.fromEntries(lines.map((line) => line.split(':').map((part) => part.trim().replaceAll('\t', ' '))));
  };

  test('a task sees the files of the container', async () => {
    expect(await outputOf('cat /etc/greeting')).toBe('of the main container\n');
  });

  test('a task has the environment of its main process below its own variables, and no mark of ours (X28)', async () => {
    await executor.set(task('t', ['env'], { env: [{ name: 'BOTH', value: 'täsk' }] }));
    await executor.ended();
    const variables = (await executor.log('t')).body.trim().split('\n');
    const mark = variables.find((variable) => variable.startsWith('SANDBOX_'));
    expect(mark).toMatch(/^SANDBOX_TASK_ID=./);
    // The last three come from the shell that the main process once was.
    expect(variables.sort()).toEqual(['BOTH=täsk', 'FROM_MAIN=café', 'HOME=/work', 'PATH=/bin', mark, 'OLDPWD=/', 'PWD=/work', 'SHLVL=1'].sort());
  });

  test('a task has user, groups and capabilities of the main container, without SYS_PTRACE (X28)', async () => {
    const capabilities = '00000000a80425fb';
    expect(await status()).toMatchObject({
      Uid: Array(4).fill(uid).join(' '),
      Gid: Array(4).fill(gid).join(' '),
      Groups: groups.join(' '),
      CapBnd: capabilities,
      CapEff: uid === 0 ? capabilities : '0000000000000000',
      CapPrm: uid === 0 ? capabilities : '0000000000000000',
      CapInh: '0000000000000000',
      CapAmb: '0000000000000000',
      NoNewPrivs: '0',
      SigIgn: '0000000000000000',
    });
  });

  test('a task gets no descriptor of ours, and is taken first when memory is short (X28)', async () => {
    await executor.set(task('t', ['ls', '/proc/self/fd']));
    await executor.ended();
    expect((await executor.log('t')).body).toBe('0\n1\n2\n3\n'); // 3 is the listing itself
    expect(await outputOf('cat /proc/self/oom_score_adj')).toBe('1000\n');
  });

  test('a task can open its output by name', async () => {
    expect(await outputOf('echo hello >/proc/self/fd/1')).toBe('hello\n');
  });

  test('a task starts in the directory of the main process, or in its own one there', async () => {
    expect(await outputOf('pwd')).toBe('/work\n');
    expect(await outputOf('pwd', { workingDir: '/etc' })).toBe('/etc\n');
    expect(await outputOf('pwd -P', { workingDir: '/tmp/link' })).toBe('/work\n');
    expect(await outputOf('pwd', { workingDir: '../etc' })).toBe('/etc\n');
  });
});

describe('in a main container', () => {
  let main: MainContainer;
  let executor: ExecutorProcess;
  beforeAll(async () => {
    main = await MainContainer.start();
    executor = await executorBeside(main.name);
  });
  afterEach(() => empty(executor));
  afterAll(async () => {
    await executor.clean();
    await main.stop();
  });

  const FAILURES: Readonly<Record<string, { given: object; want: object }>> = {
    'a program that only the executor has': {
      given: task('t', ['/usr/bin/perl']),
      want: { exitCode: 127, reason: 'StartFailed', message: "command: expected an executable program, got '/usr/bin/perl', which does not exist, or its interpreter does not" },
    },
    'a program that PATH does not lead to': { given: task('t', ['perl']), want: { exitCode: 127, reason: 'StartFailed' } },
    'a program without its interpreter': { given: task('t', ['broken']), want: { exitCode: 127, reason: 'StartFailed' } },
    'a file that is no program': { given: task('t', ['/bin/data']), want: { exitCode: 126, reason: 'StartFailed', message: expect.stringContaining('may not be executed') } },
    'a directory that only the executor has': {
      given: shell('t', 'true', { workingDir: '/usr' }),
      want: { exitCode: 126, reason: 'StartFailed', message: "workingDir: expected a directory, got '/usr': ENOENT" },
    },
    'arguments that the kernel does not take': { given: task('t', ['true', 'x'.repeat(200_000)]), want: { exitCode: 126, reason: 'StartFailed', message: expect.stringContaining('E2BIG') } },
    'its own 127': { given: shell('t', 'exit 127'), want: { exitCode: 127, reason: 'Failed' } },
    'a signal': { given: shell('t', 'kill -KILL $$'), want: { exitCode: 137, signal: 9, reason: 'Failed' } },
    'its limit': { given: shell('t', 'sleep 60', { timeoutSeconds: 1 }), want: { exitCode: 143, signal: 15, reason: 'TaskTimeout' } },
  };

  test.each(Object.entries(FAILURES))('a task fails by %s (X1, X5)', async (_name, { given, want }) => {
    await executor.set(given);
    expect(await executor.ended()).toMatchObject(want);
  });

  test('a stop ends processes that left the group too (X6)', async () => {
    await executor.set(shell('t', 'setsid sleep 1000 & echo $!; wait'));
    await executor.running();
    const pid = Number((await executor.log('t')).body);
    expect(isRunning(pid)).toBe(true);
    await empty(executor);
    expect(isRunning(pid)).toBe(false);
  });
});

test('a task in a container of one static program needs nothing but that', async () => {
  const main = await MainContainer.start({ isBare: true });
  const executor = await executorBeside(main.name);
  await executor.set(task('t', ['/busybox', 'cat', '/etc/greeting']));
  expect(await executor.ended()).toMatchObject({ exitCode: 0 });
  expect((await executor.log('t')).body).toBe('of the main container\n');
  expect((await executor.request('GET', '/version')).body).toMatchObject({ mode: 'sidecar' });
  await executor.clean();
  await main.stop();
});

test('a task gets no more rights than a main container that has dropped them (X28)', async () => {
  const main = await MainContainer.start({ isRoot: true, noNewPrivileges: true, capabilities: ['setuid', 'setgid', 'sys_chroot', 'kill'] });
  const executor = await executorBeside(main.name);
  await executor.set(shell('t', 'grep -E "CapBnd|CapEff|NoNewPrivs" /proc/self/status'));
  await executor.ended();
  expect((await executor.log('t')).body).toBe('CapEff:\t00000000000400e0\nCapBnd:\t00000000000400e0\nNoNewPrivs:\t1\n');
  await executor.clean();
  await main.stop();
});

const waitingReason = ([first]: readonly ExecutorTask[]) => first?.processStatus?.waiting?.reason;

test('a task waits for a main container that is not there yet, and also after a restart of the server (X5, X11)', async () => {
  const name = `late-${process.pid}`;
  const first = await executorBeside(name);
  await first.set(shell('t', 'cat /etc/greeting'));
  await first.until((tasks) => waitingReason(tasks) === 'MainContainerNotFound');
  await first.kill('SIGKILL');
  const second = await executorBeside(name, first.home);
  expect(waitingReason(await second.list())).toBe('MainContainerNotFound');
  const main = await MainContainer.start({ name });
  expect(await second.ended()).toMatchObject({ exitCode: 0 });
  await second.clean();
  await main.stop();
});

test('a task that waits for a main container can be stopped (X9)', async () => {
  const executor = await executorBeside(`never-${process.pid}`);
  await executor.set(shell('t', 'true'));
  await executor.until((tasks) => waitingReason(tasks) === 'MainContainerNotFound');
  await empty(executor);
  await executor.clean();
});

test('a task goes on when the main container ends, and the next one runs in the new main container', async () => {
  const first = await MainContainer.start();
  const executor = await executorBeside(first.name);
  const waits = (file: string) => `touch ${file}; until [ -e go ]; do sleep 0.05; done; cat /etc/greeting`;
  await executor.set(shell('old', waits('of-the-first')));
  await executor.running();
  const oldFiles = `/proc/${executor.pidOf('old', 'leader')}/cwd`;
  await until(() => expect(readdirSync(oldFiles)).toEqual(['of-the-first']));
  await first.stop();
  const second = await MainContainer.start({ name: first.name });
  writeFileSync(`${oldFiles}/go`, '');
  expect(await executor.ended()).toMatchObject({ exitCode: 0 });
  expect((await executor.log('old')).body).toBe('of the main container\n');

  await executor.set(shell('new', 'ls'));
  await executor.until(([task]) => task?.name === 'new' && task.processStatus?.terminated !== undefined);
  expect((await executor.log('new')).body).toBe('');
  await executor.clean();
  await second.stop();
});

test('a process of a task is never taken for the main process', async () => {
  const main = await MainContainer.start();
  const executor = await executorBeside(main.name);
  await executor.set(shell('t', `env -i SANDBOX_MAIN_CONTAINER=${main.name} /bin/sleep 1000 & sleep 1000`));
  await executor.running();
  await main.stop();
  await executor.kill('SIGKILL');
  const next = await ExecutorProcess.start(
    ['--max-tasks=2'],
    executor.home,
    { ENABLE_SIDECAR_MODE: 'true', MAIN_CONTAINER_NAME: main.name },
    { launcher: EXECUTOR_RIGHTS },
  );
  await next.request('POST', '/tasks', shell('u', 'true'));
  await next.until((tasks) => tasks.some(({ name, processStatus }) => name === 'u' && processStatus?.waiting?.reason === 'MainContainerNotFound'));
  await next.clean();
});

test.each([
  ['SYS_PTRACE', CONTAINER_CAPABILITIES],
  ['DAC_OVERRIDE', [...CONTAINER_CAPABILITIES.filter((name) => name !== 'dac_override'), 'sys_ptrace']],
])('an executor without the right to enter a container says that it lacks %s', async (missing, capabilities) => {
  const launcher = withCapabilities(...capabilities);
  await expect(ExecutorProcess.start([], undefined, { ENABLE_SIDECAR_MODE: 'true' }, { launcher })).rejects.toThrow(`expected root with the default capabilities of a container and SYS_PTRACE, got a process without ${missing}`);
});

test('an executor on a processor whose system calls it does not know says so', async () => {
  const onRiscv = `--import=data:text/javascript,${encodeURIComponent('Object.defineProperty(process, "arch", { value: "riscv64" })')}`;
  const env = { ENABLE_SIDECAR_MODE: 'true', NODE_OPTIONS: onRiscv };
  await expect(ExecutorProcess.start([], undefined, env)).rejects.toThrow('--enable-sidecar-mode: expected a processor of kind x64 or arm64, got riscv64');
});
