import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LogHeader } from '../../../src/schema/executor-api';
import { ExecutorProcess, isRunning, shell } from '../executor-process';

let executor: ExecutorProcess;
beforeEach(async () => (executor = await ExecutorProcess.start(['--stop-grace-seconds=60'])));
afterEach(() => executor.clean());

/** Leaves a grandchild in a session of its own, which no parent waits for, says its pid, and ends with 0. */
const daemon = (then: string) => `(setsid sh -c '${then}' & echo $!)`;
const waits = (file: string) => `until [ -e ${file} ]; do sleep 0.02; done`;

test('a task has ended when its program has, though a daemon of it lives and writes on (X1, X23)', async () => {
  await executor.set(shell('t', daemon(`${waits('go')}; echo late`)));
  expect(await executor.ended()).toMatchObject({ exitCode: 0, reason: 'Succeeded' });
  const first = await executor.log('t');
  const pid = Number(first.body);
  expect({ isAlive: isRunning(pid), complete: first.headers.get(LogHeader.complete) }).toEqual({ isAlive: true, complete: null });

  const next = executor.log('t', `&offset=${first.body.length}`);
  writeFileSync(join(executor.home, 'go'), '');
  expect((await next).body).toBe('late\n');
  const end = await executor.log('t', `&offset=${first.body.length + 'late\n'.length}`);
  expect({ body: end.body, complete: end.headers.get(LogHeader.complete) }).toEqual({ body: '', complete: 'true' });
});

test('a task is gone only when its daemon is, and its successor starts only then (X6, X8, X19)', async () => {
  await executor.set(shell('t', daemon(`trap "" TERM; echo ready; ${waits('go')}`)));
  await executor.ended();
  const { body } = await executor.log('t');
  const pid = Number(body.split('\n')[0]);
  await executor.log('t', `&offset=${body.indexOf('\n') + 1}`); // it says when it ignores SIGTERM

  const answer = await executor.set(shell('t', 'exit 3'));
  expect(answer).toMatchObject([
    { processStatus: { waiting: { reason: 'WaitingForPrevious' } } },
    { deletionTimestamp: expect.any(String), processStatus: { terminated: { exitCode: 0, reason: 'Succeeded' } } },
  ]);
  expect(isRunning(pid)).toBe(true);
  writeFileSync(join(executor.home, 'go'), '');
  const [only, ...others] = await executor.until(([task]) => task?.processStatus?.terminated?.exitCode === 3);
  expect({ name: only?.name, others, isAlive: isRunning(pid) }).toEqual({ name: 't', others: [], isAlive: false });
});

test('a limit ends the daemon of a task that is still running, and no limit ends one that has outlived it (X3, X6)', async () => {
  await executor.set(shell('t', `${daemon('exec sleep 1000')}; exec sleep 1000`, { timeoutSeconds: 1 }));
  expect(await executor.ended()).toMatchObject({ exitCode: 143, reason: 'TaskTimeout' });
  expect(isRunning(Number((await executor.log('t')).body))).toBe(false);

  await executor.set(shell('u', daemon('exec sleep 1000'), { timeoutSeconds: 30 })); // for a busy machine to start it
  const [u] = await executor.until(([task]) => task?.name === 'u' && task.processStatus?.terminated !== undefined);
  expect(u?.processStatus?.terminated).toMatchObject({ exitCode: 0, reason: 'Succeeded' });
  expect(isRunning(Number((await executor.log('u')).body))).toBe(true);
});
