import { chmodSync, chownSync, copyFileSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ExecutorProcess, isRunning, task } from '../executor-process';

/** A user that has no rights, and an executor that runs as that. */
const NOBODY = 65534;
const AS_NOBODY = ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'];

test('a task with a process that no signal of ours ends stays listed with a message, and /health tells it, until it is gone; a runner that hangs keeps none (X9, X22)', async () => {
  const home = mkdtempSync(join(tmpdir(), 'executor-test-'));
  // Becomes root for whoever starts it: out of reach for nobody.
  const becomeRoot = join(home, 'become-root');
  copyFileSync('/usr/bin/setpriv', becomeRoot);
  chmodSync(becomeRoot, 0o4755);
  chownSync(home, NOBODY, NOBODY);
  const executor = await ExecutorProcess.start(['--stop-grace-seconds=0', '--max-tasks=2'], home, {}, { launcher: AS_NOBODY });
  await executor.set(task('t', [becomeRoot, '--reuid=0', '--regid=0', '--clear-groups', 'sh', '-c', 'echo ready; exec sleep 1000']), task('hangs', ['sh', '-c', 'echo ready; exec sleep 1000']));
  await Promise.all([executor.log('t'), executor.log('hangs')]);
  await executor.until((tasks) => tasks.every(({ processStatus }) => processStatus?.running !== undefined));
  process.kill(executor.pidOf('hangs', 'runner'), 'SIGSTOP');
  const hanging = executor.pidOf('hangs', 'leader');
  const pid = executor.pidOf('t', 'leader');
  await executor.set();
  const [stuck] = await executor.until(([first, ...rest]) => first?.message !== undefined && rest.length === 0);
  expect(isRunning(hanging)).toBe(false);
  expect(stuck).toMatchObject({ name: 't', deletionTimestamp: expect.any(String), message: 'has processes that survive SIGKILL for 10 s' });
  expect(await executor.request('GET', '/health')).toMatchObject({ status: 503, body: { problems: ["task 't': has processes that survive SIGKILL for 10 s"] } });
  expect(isRunning(pid)).toBe(true);

  process.kill(pid, 'SIGKILL'); // the tests are root
  await executor.until(({ length }) => length === 0);
  expect(await executor.request('GET', '/health')).toMatchObject({ status: 200 });
  await executor.clean();
});
