import { randomInt } from 'node:crypto';
import { chmodSync, chownSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { runProgram } from '../../support/run-program';
import { until } from '../../support/waiting';
import { ExecutorProcess, fixture, isRunning, task } from '../executor-process';

/** Most processes of a storm at a time: Linux allows its user no more, who is nobody else's. */
const MOST = 60;

let executor: ExecutorProcess;
beforeAll(async () => (executor = await ExecutorProcess.start(['--stop-grace-seconds=0'])));
afterEach(async () => {
  await executor.request('POST', '/reset', {});
  rmSync(folder(), { recursive: true });
});
afterAll(() => executor.clean());

/** A folder that belongs to the user of the storm. */
const folder = () => join(executor.home, 'storm');

/** Live processes of the storm, those that a look at all processes finds. */
const findStorm = () =>
  readdirSync('/proc').filter((entry) => {
    try {
      return isRunning(Number(entry)) && readFileSync(`/proc/${entry}/cmdline`, 'utf8').endsWith(`${folder()}\0`);
    } catch {
      return false;
    }
  });

/** Whether the storm is over to its last process: each inherits a lock. */
const isOver = async () => (await runProgram('flock', ['--nonblock', join(folder(), 'alive'), 'true'], process.env)).exitCode === 0;

const start = async (way: string) => {
  const uid = randomInt(100_000, 1_000_000);
  chmodSync(executor.home, 0o711);
  mkdirSync(folder());
  chownSync(folder(), uid, uid);
  const limits = ['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', 'prlimit', `--nproc=${MOST}`];
  await executor.set(task('t', [...limits, fixture('forks.pl'), way, folder()]));
  await executor.log('t');
  if (way !== 'hands') await until(() => expect(findStorm().length).toBeGreaterThan(MOST / 2));
  expect(await isOver()).toBe(false);
};

const WAYS = [
  ['fills its group', 'grows'],
  ['leaves group, session and parents', 'leaves'],
  ['is one process that hands on and ends, over and over', 'hands'],
] as const;

test.each(WAYS)('a storm of forks that %s is over when its task is gone (X6, X9)', async (_title, way) => {
  await start(way);
  await executor.set();
  await executor.until((tasks) => tasks.length === 0);
  expect(await isOver()).toBe(true);
});

test.each(WAYS)('a reset ends a storm of forks that %s, and proves it (X6, X29)', async (_title, way) => {
  await start(way);
  expect(await executor.request('POST', '/reset', {})).toMatchObject({ status: 200, body: { empty: true } });
  expect(await isOver()).toBe(true);
  expect(await executor.list()).toEqual([]);
});
