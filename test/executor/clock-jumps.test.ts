import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WaitingRunner } from '../../executor/tasks/runner';
import { RUNNER_MODE } from '../../executor/tasks/runner-protocol';
import { EXECUTOR_PROGRAM, ExecutorProcess, fixture, isRunning, shell, task } from './executor-process';

/** Argument of Node, after which the wall clock of the program jumps by `jumpMs` each time that somebody looks at it. */
const withJumpingClock = (jumpMs: number) => {
  const source = `
    const SystemDate = Date;
    let ahead = 0;
    globalThis.Date = class extends SystemDate {
      constructor(...args) { super(...(args.length === 0 ? [Date.now()] : args)); }
      static now() { return SystemDate.now() + (ahead += ${jumpMs}); }
    };`;
  return `--import=data:text/javascript,${encodeURIComponent(source)}`;
};

const HOUR_MS = 3_600_000;
const JUMPS = [['forward', HOUR_MS], ['back', -HOUR_MS]] as const;

describe.each(JUMPS)('a runner whose clock jumps %s at each look', (_direction, jumpMs) => {
  let home: string;
  beforeEach(() => (home = mkdtempSync(join(tmpdir(), 'executor-test-'))));
  afterEach(() => rmSync(home, { recursive: true, force: true }));

  const run = async (argv: readonly string[], timeoutSeconds: number) => {
    const runner = await WaitingRunner.start({ argv: [process.execPath, withJumpingClock(jumpMs), EXECUTOR_PROGRAM, RUNNER_MODE], env: {} }, home);
    const begin = performance.now();
    const order = { taskId: 't', argv, env: { PATH: process.env['PATH'] ?? '' }, workingDir: '/', timeoutSeconds, stopGraceSeconds: 60, logMaxBytes: 4096 };
    await new Promise<void>((resolve) => void runner.release(order, { onEvent: () => undefined, onEnd: resolve }));
    const exit = JSON.parse(readFileSync(join(runner.directory, 'exit.json'), 'utf8')) as { readonly startedAt: string; readonly finishedAt: string };
    expect(Date.parse(exit.finishedAt)).toBeGreaterThanOrEqual(Date.parse(exit.startedAt));
    return { exit, tookMs: performance.now() - begin };
  };

  test('ends no task before its limit, and none before its start (X3, X7)', async () => {
    expect((await run(['sleep', '0.3'], 3000)).exit).toMatchObject({ exitCode: 0, reason: 'Succeeded' });
  });

  test('ends a task at its limit (X3)', async () => {
    const { exit, tookMs } = await run(['sleep', '1000'], 1);
    expect(exit).toMatchObject({ exitCode: 143, signal: 15, reason: 'TaskTimeout', message: 'timed out after 1 s (timeoutSeconds), stopped by SIGTERM' });
    expect(tookMs).toBeGreaterThanOrEqual(1000);
  });
});

describe.each(JUMPS)('a server whose clock jumps %s at each look', (_direction, jumpMs) => {
  test('keeps tasks, their order and their results, and finds its processes again (X4, X7, X11, X19)', async () => {
    const flags = ['--max-tasks=3'];
    const env = { NODE_OPTIONS: withJumpingClock(jumpMs) };
    const first = await ExecutorProcess.start(flags, undefined, env);
    const wanted = ['c', 'a', 'b'].map((name) => (name === 'a' ? task(name, [fixture('waits-for-file.sh'), first.home]) : shell(name, 'exit 4')));
    await first.set(...wanted);
    await first.until((tasks) => tasks.filter(({ processStatus }) => processStatus?.terminated !== undefined).length === 2 && tasks[1]?.processStatus?.running !== undefined);
    const before = await first.list();
    const pid = first.pidOf('a', 'leader');
    await first.kill('SIGKILL');

    const next = await ExecutorProcess.start(flags, first.home, env);
    expect(await next.list()).toEqual(before);
    expect(await next.set(...wanted)).toEqual(before);
    expect(isRunning(pid)).toBe(true);
    writeFileSync(join(next.home, 'go'), '0');
    await next.until((tasks) => tasks[1]?.processStatus?.terminated?.exitCode === 0);
    await next.set(...wanted.slice(0, 2).reverse());
    expect((await next.until(({ length }) => length === 2)).map(({ name }) => name)).toEqual(['a', 'c']);
    await next.clean();
  });
});
