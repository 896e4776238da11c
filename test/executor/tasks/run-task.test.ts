import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ExecutorTask, LogHeader } from '../../../src/schema/executor-api';
import { packagesReachedFrom } from '../../support/source-imports';
import { until } from '../../support/waiting';
import { ExecutorProcess, fixture, isRunning, shell, task } from '../executor-process';

let executor: ExecutorProcess;

beforeAll(async () => {
  executor = await ExecutorProcess.start(['--task-log-max-bytes=1048576'], undefined, { DATA_DIR: '/elsewhere', SANDBOX_TASK_ID: 'foreign', FROM_POD: 'yes' });
});
afterEach(async () => {
  await executor.set();
  await executor.until((tasks) => tasks.length === 0);
});
afterAll(() => executor.clean());

test('a runner loads no package: every task pays for its start, and every sandbox for a spare one', () => {
  expect(packagesReachedFrom('lib/executor/tasks/run-task.js')).toEqual([]);
});

const RESULTS: Readonly<Record<string, { given: object; want: object }>> = {
  'an exit with 0 is success': { given: shell('t', 'exit 0'), want: { exitCode: 0, reason: 'Succeeded' } },
  'an exit with another number is a failure': { given: shell('t', 'exit 3'), want: { exitCode: 3, reason: 'Failed' } },
  'a death by signal is 128 and the signal': { given: shell('t', 'kill -KILL $$'), want: { exitCode: 137, signal: 9, reason: 'Failed' } },
  'a signal that the task sends to itself is no stop of ours': { given: shell('t', 'kill -TERM $$'), want: { exitCode: 143, signal: 15, reason: 'Failed' } },
  'its own 127 is a failure and not a failed start': { given: shell('t', 'exit 127'), want: { exitCode: 127, reason: 'Failed' } },
  'a missing program fails at start with 127': {
    given: task('t', ['/no/such/program']),
    want: { exitCode: 127, reason: 'StartFailed', message: expect.stringContaining("'/no/such/program', which does not exist") },
  },
  'a program that is not in PATH fails at start': { given: task('t', ['no-such-program']), want: { exitCode: 127, reason: 'StartFailed' } },
  'a file that may not be executed fails at start with 126': {
    given: task('t', [fixture('not-executable')]),
    want: { exitCode: 126, reason: 'StartFailed', message: expect.stringContaining('may not be executed') },
  },
  'a missing working directory fails at start': {
    given: shell('t', 'true', { workingDir: '/no/such/folder' }),
    want: { exitCode: 126, reason: 'StartFailed', message: expect.stringContaining("workingDir: expected a directory, got '/no/such/folder'") },
  },
  'arguments that the kernel does not take fail at start': {
    given: task('t', ['true', 'x'.repeat(200_000)]),
    want: { exitCode: 126, reason: 'StartFailed', message: expect.stringContaining('E2BIG') },
  },
};

test.each(Object.entries(RESULTS))('%s (X1, X2, X5)', async (_title, { given, want }) => {
  await executor.set(given);
  const ended = await executor.ended();
  expect(ended).toMatchObject(want);
  expect(ended.finishedAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
});

describe('a task over its limit', () => {
  const LATE: Readonly<Record<string, { given: readonly string[]; want: object }>> = {
    'that heeds SIGTERM is a timeout': {
      given: ['sh', '-c', 'sleep 60'],
      want: { exitCode: 143, signal: 15, reason: 'TaskTimeout', message: 'timed out after 1 s (timeoutSeconds), stopped by SIGTERM' },
    },
    'that ignores SIGTERM is killed': {
      given: [fixture('ignores-term.sh')],
      want: { exitCode: 137, signal: 9, reason: 'TaskTimeout', message: 'timed out after 1 s (timeoutSeconds), stopped by SIGKILL 1 s after SIGTERM' },
    },
    'that answers the limit by success has still timed out': { given: [fixture('ends-well-on-term.sh')], want: { exitCode: 143, reason: 'TaskTimeout' } },
  };
  /** By name: all at once, since they take their time. */
  let results: ReadonlyMap<string, ExecutorTask['processStatus']>;
  beforeAll(async () => {
    const late = await ExecutorProcess.start(['--max-tasks=3']);
    await late.set(...Object.values(LATE).map(({ given }, index) => task(`t${index}`, given, { timeoutSeconds: 1 })));
    const ended = await late.until((tasks) => tasks.every(({ processStatus }) => processStatus?.terminated !== undefined));
    results = new Map(ended.map(({ processStatus }, index) => [Object.keys(LATE)[index] ?? '', processStatus]));
    await late.clean();
  });

  test.each(Object.entries(LATE))('%s (X3)', (title, { want }) => {
    expect(results.get(title)?.terminated).toMatchObject(want);
  });
});

describe('the process of a task', () => {
  const outputOf = async (script: string, more: object = {}) => {
    await executor.set(shell('t', script, more));
    await executor.ended();
    return (await executor.log('t')).body;
  };

  test('takes its arguments as they are, never through a shell (X1)', async () => {
    await executor.set({ name: 't', process: { command: ['printf', '%s\\n'], args: ['$HOME; echo', '*'] } });
    await executor.ended();
    expect((await executor.log('t')).body).toBe('$HOME; echo\n*\n');
  });

  test('has the environment of the executor without its settings, below its own variables (X28)', async () => {
    const env = [{ name: 'A', value: '1' }, { name: 'A', value: '2' }, { name: '', value: 'skipped' }, { name: 'B' }];
    const lines = (await outputOf('env', { env })).split('\n');
    expect(lines).toEqual(expect.arrayContaining(['FROM_POD=yes', 'A=2', 'B=']));
    expect(lines.filter((line) => /^(DATA_DIR|SANDBOX_TASK_ID=foreign|LISTEN_ADDR)/.test(line))).toEqual([]);
    expect(lines.filter((line) => /^SANDBOX_TASK_ID=[0-9a-f]{16}\.[0-9a-f]{16}$/.test(line))).toHaveLength(1);
  });

  test('starts in the directory of the executor, or below it in its own', async () => {
    expect(await outputOf('pwd')).toBe(`${executor.home}\n`);
    expect(await outputOf('pwd', { workingDir: 'data' })).toBe(`${executor.dataDir}\n`);
  });

  test('heads its own group and session, and goes first when memory ends (X6, X28)', async () => {
    const output = await outputOf('ps -o pid=,pgid=,sid= $$; cat /proc/self/oom_score_adj');
    const [ids = '', score] = output.trim().split('\n').map((line) => line.trim());
    expect(new Set(ids.split(/\s+/)).size).toBe(1);
    expect(score).toBe('1000');
  });

  test('has no descriptor of ours (X28)', async () => {
    await executor.set(task('t', ['ls', '/proc/self/fd']));
    await executor.ended();
    // 3 is the listing itself.
    expect((await executor.log('t')).body).toBe('0\n1\n2\n3\n');
  });

  test('may open its output again by name', async () => {
    await executor.set(shell('t', 'echo out > /dev/stdout; echo err > /dev/stderr'));
    await executor.ended();
    expect((await executor.log('t')).body).toBe('out\n');
    expect((await executor.log('t', '&stream=stderr')).body).toBe('err\n');
  });
});

describe('output', () => {
  test('is complete when the result shows, up to the bound, and its positions go on counting (X20, X23)', async () => {
    const total = 10 * 1000 * 1000;
    await executor.set(task('t', ['sh', '-c', `yes 123456789 | head -c ${total}`]));
    await executor.ended();
    const folder = join(executor.dataDir, 't');
    const bytes = readdirSync(folder).filter((file) => file.startsWith('stdout.')).map((file) => statSync(join(folder, file)).size);
    expect(bytes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(1048576);

    const first = await executor.log('t');
    const firstOffset = Number(first.headers.get(LogHeader.offset));
    expect(firstOffset).toBeGreaterThan(total - 1048576 - 1);
    expect(Number(first.headers.get(LogHeader.nextOffset))).toBe(total);
    expect(first.body).toBe('123456789\n'.repeat(total / 10).slice(firstOffset));
  });

  test('is read on from where a reader stopped, and says when it is over (X23)', async () => {
    await executor.set(shell('t', 'echo one; while [ ! -e go ]; do sleep 0.02; done; echo two; rm go'));
    const one = await executor.log('t');
    expect({ text: one.body, next: one.headers.get(LogHeader.nextOffset), complete: one.headers.get(LogHeader.complete) }).toEqual({ text: 'one\n', next: '4', complete: null });
    const waiting = executor.log('t', '&offset=4');
    writeFileSync(join(executor.home, 'go'), '');
    expect((await waiting).body).toBe('two\n');
    await executor.ended();
    const end = await executor.log('t', '&offset=8');
    expect({ text: end.body, complete: end.headers.get(LogHeader.complete) }).toEqual({ text: '', complete: 'true' });
    expect((await executor.log('t', '&offset=4&limit=2')).body).toBe('tw');
  });
});

describe('a stop', () => {
  test('ends children that left the group, the session and their parent (X6)', async () => {
    await executor.set(task('t', [fixture('leaves-children.sh')], { stopGraceSeconds: 0 }));
    await executor.ended();
    const children = (await executor.log('t')).body.trim().split('\n').map(Number);
    expect(children.map(isRunning)).toEqual([true, true]);
    await executor.set();
    await executor.until((tasks) => tasks.length === 0);
    expect(children.map(isRunning)).toEqual([false, false]);
  });

  test.each([
    ['has ended', 'exit 0'],
    ['runs', 'exec sleep 1000'],
  ])('of a task that %s does not wait for a process that hides and holds its output (X9)', async (_, then) => {
    await executor.set(shell('t', `(env -i $(command -v setsid) $(command -v sleep) 4321 & echo $!); ${then}`));
    const hidden = Number((await executor.log('t')).body);
    await until(() => expect(readFileSync(`/proc/${hidden}/cmdline`, 'utf8')).toMatch(/^\S*sleep\0/));
    try {
      await executor.set();
      await executor.until((tasks) => tasks.length === 0);
    } finally {
      process.kill(hidden, 'SIGKILL');
    }
  });

  test('keeps the task listed until it is gone (X6, X19, X21)', async () => {
    await executor.set(task('t', [fixture('ignores-term.sh'), executor.home], { stopGraceSeconds: 60 }));
    await executor.log('t');
    const pid = executor.pidOf('t', 'leader');
    const [removed] = await executor.set();
    expect(removed).toMatchObject({ name: 't', deletionTimestamp: expect.stringMatching(/Z$/), processStatus: { running: {} } });
    expect(isRunning(pid)).toBe(true);
    const go = join(executor.home, 'go');
    writeFileSync(go, 'now');
    await executor.until((tasks) => tasks.length === 0);
    expect(isRunning(pid)).toBe(false);
    rmSync(go);
  });

  test('leaves no zombie and no file (X9, X10)', async () => {
    const fresh = await ExecutorProcess.start([]);
    try {
      await fresh.set(shell('t', 'true'));
      await fresh.ended();
      const runner = fresh.pidOf('t', 'runner');
      await fresh.set();
      await fresh.until((tasks) => tasks.length === 0);
      await until(() => expect(readdirSync(fresh.dataDir).filter((entry) => entry !== '.probe')).toEqual([]));
      await until(() => expect(isRunning(runner)).toBe(false));
    } finally {
      await fresh.clean();
    }
  });
});
