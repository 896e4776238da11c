import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../support/waiting';
import { ExecutorProcess, fixture, isRunning, shell, signalAny, task } from './executor-process';

let executor: ExecutorProcess;
beforeEach(async () => (executor = await ExecutorProcess.start(['--max-tasks=3'])));
afterEach(() => executor.clean());

/** Ends server, runners and tasks at once, as the end of a container does. */
async function endContainer(...names: readonly string[]): Promise<void> {
  const pids = names.flatMap((name) => [executor.pidOf(name, 'runner'), executor.pidOf(name, 'leader')]);
  await executor.kill('SIGKILL');
  pids.forEach((pid) => signalAny(pid, 'SIGKILL'));
  await until(() => expect(pids.filter(isRunning)).toEqual([]));
}

const start = async () => (executor = await ExecutorProcess.start(['--max-tasks=3'], executor.home));

test('a restart of the container shows what it killed as crashes, keeps them until they are cleared, and runs nothing again (X2, X4, X11, X14)', async () => {
  await executor.set(task('a', [fixture('waits-for-file.sh'), executor.home]), shell('b', 'exit 5'));
  await executor.until((tasks) => tasks[0]?.processStatus?.running !== undefined && tasks[1]?.processStatus?.terminated !== undefined);
  const [, ended] = await executor.list();
  await endContainer('a');
  await start();
  const crashed = await executor.list();
  expect(crashed).toMatchObject([{ name: 'a', processStatus: { terminated: { exitCode: 137, reason: 'ProcessCrashed', startedAt: expect.any(String), finishedAt: expect.any(String) } } }, ended]);

  await executor.set(task('a', [fixture('waits-for-file.sh'), executor.home]), shell('b', 'exit 5'));
  await executor.kill('SIGKILL');
  await start();
  expect(await executor.list()).toEqual(crashed);
  expect(readFileSync(join(executor.home, 'runs'), 'utf8')).toBe('run\n');
  expect(await executor.set()).toHaveLength(2);
  await executor.until(({ length }) => length === 0);
});

test('after a boot no pid in a record is ours, though somebody has it (X7, X14)', async () => {
  await executor.set(shell('a', 'exec sleep 1000'));
  await executor.running();
  const folder = join(executor.dataDir, 'a');
  const pid = executor.pidOf('a', 'leader');
  await endContainer('a');
  const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  const stat = readFileSync(`/proc/${process.pid}/stat`, 'utf8');
  const startTime = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  for (const file of ['task.json', 'process.json']) {
    const text = readFileSync(join(folder, file), 'utf8').replace(bootId, 'another boot');
    // All but the boot is as it is for this very process, which would not live to see the end of the test.
    writeFileSync(join(folder, file), text.replace(/"pid":\d+,"startTime":\d+/, `"pid":${process.pid},"startTime":${startTime}`));
  }
  await start();
  expect(await executor.ended()).toMatchObject({ exitCode: 137, reason: 'ProcessCrashed' });
  await executor.set();
  await executor.until(({ length }) => length === 0);
  expect(isRunning(pid)).toBe(false);
});

test('a task that was marked is gone after a restart, whatever its records are (X9)', async () => {
  await executor.set(...['a', 'b', 'c'].map((name) => shell(name, 'trap "" TERM; exec sleep 1000', { stopGraceSeconds: 60 })));
  await executor.until((tasks) => tasks.every(({ processStatus }) => processStatus?.running !== undefined));
  await executor.set();
  const removed = readdirSync(executor.dataDir).filter((entry) => entry.startsWith('.removed-'));
  expect(removed).toHaveLength(3);
  const pids = removed.flatMap((entry) => {
    const read = (file: string) => JSON.parse(readFileSync(join(executor.dataDir, entry, file), 'utf8')) as Readonly<Record<string, { readonly pid: number }>>;
    return [read('task.json')['runner']?.pid ?? NaN, read('process.json')['leader']?.pid ?? NaN];
  });
  await executor.kill('SIGKILL');
  pids.forEach((pid) => signalAny(pid, 'SIGKILL'));
  await until(() => expect(pids.filter(isRunning)).toEqual([]));
  const [noProcess = '', noExit = ''] = removed;
  writeFileSync(join(executor.dataDir, noProcess, 'process.json'), '{');
  writeFileSync(join(executor.dataDir, noExit, 'exit.json'), '');
  await start();
  await executor.until(({ length }) => length === 0);
  expect(await executor.request('GET', '/health')).toMatchObject({ status: 200 });
});
