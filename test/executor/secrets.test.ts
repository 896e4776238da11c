import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../support/waiting';
import { ExecutorProcess, task } from './executor-process';

const SECRET = 'kept-to-itself';

test('what a task is given and what it writes is in no log of the executor, and in files of its owner only (X24)', async () => {
  const executor = await ExecutorProcess.start(['--max-tasks=3', '--spare-runners=1', '--log-level=debug']);
  const env = [{ name: 'TOKEN', value: SECRET }];
  await executor.set(
    task('good', ['sh', '-c', `echo ${SECRET}; echo ${SECRET} >&2`], { env }),
    task('missing', [`/no/such/${SECRET}`], { env }),
    task('late', ['sh', '-c', `: ${SECRET}; sleep 1000`], { env, timeoutSeconds: 1 }),
  );
  await executor.until((tasks) => tasks.every(({ processStatus }) => processStatus?.terminated !== undefined));
  await executor.request('POST', '/setTasks', `[{"name":"${SECRET}"`);
  await executor.request('POST', '/setTasks', [task('a', [SECRET], { env: [{ name: SECRET, value: 1 }] })]);
  await executor.request('POST', '/tasks', task('good', [SECRET]));

  const modes = (folder: string): string[] =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' }).flatMap((path) => {
      const stat = lstatSync(join(folder, path));
      const isRight = (stat.mode & 0o777) === (stat.isDirectory() ? 0o700 : 0o600);
      return isRight ? [] : [`${path}: ${(stat.mode & 0o777).toString(8)}`];
    });
  expect(readdirSync(join(executor.dataDir, 'good')).length).toBeGreaterThan(4);
  expect(modes(executor.dataDir)).toEqual([]);
  expect(lstatSync(executor.dataDir).mode & 0o777).toBe(0o700);

  await executor.clean();
  // What it has written last may come after its end.
  const lines = await until(() => {
    const read = executor.readOwnLog().trim().split('\n');
    expect(read.map((line) => (JSON.parse(line) as { readonly msg: string }).msg)).toEqual(expect.arrayContaining(['listening', 'task ended', 'stopped']));
    return read;
  });
  expect(lines.filter((line) => line.includes(SECRET))).toEqual([]);
});
