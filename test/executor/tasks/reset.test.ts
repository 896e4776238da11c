import { spawn } from 'node:child_process';
import { SandboxError } from '../../../src/schema/errors';
import { readStat } from '../../../executor/tasks/proc';
import { hiddenGraceMs, resetSandbox, type ResetOptions } from '../../../executor/tasks/reset';

/** A process that hides whose it is: it ends by itself when its input does. */
function startHidden(script: string) {
  const child = spawn('sh', ['-c', script], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = new Promise<string | number | null>((resolve) => child.once('exit', (code, signal) => resolve(signal ?? code)));
  const ready = new Promise((resolve) => child.stdout.once('data', resolve));
  return { ended, ready, input: child.stdin, look: () => [readStat(child.pid ?? NaN) ?? []].flat() };
}

const options = (findHidden: ResetOptions['findHidden'], supervisor: ResetOptions['supervisor']): ResetOptions => ({
  supervisor,
  store: { wipe: () => Promise.resolve() },
  endCommands: () => Promise.resolve(0),
  findMarked: () => [],
  findHidden,
  stopGraceSeconds: 1,
  resetPaths: [],
});

test('a reset that is refused ends no process (X29)', async () => {
  const hidden = startHidden('echo ready; exec cat');
  await hidden.ready;
  const refused = new SandboxError('TASK_CONFLICT', 'expected no reset to run, got one');
  const supervisor = { list: () => [], reset: () => Promise.reject(refused) };
  await expect(resetSandbox(options(hidden.look, supervisor))).rejects.toBe(refused);
  hidden.input.end();
  expect(await hidden.ended).toBe(0);
});

test.each([
  [0, 0],
  [1, 1000],
  [10, 10_000],
  [3600, 10_000],
])('a hidden process has the grace of tasks, and no more than 10 s: %d s (X29)', (stopGraceSeconds, want) => {
  expect(hiddenGraceMs(stopGraceSeconds)).toBe(want);
});

test('a reset wipes nothing while a request goes on that does not end', async () => {
  let isWiped = false;
  const supervisor: ResetOptions['supervisor'] = {
    list: () => [],
    reset: async (_deadline, endOthers, wipe) => {
      await endOthers();
      isWiped = true;
      return wipe();
    },
  };
  const refused = resetSandbox({ ...options(() => [], supervisor), endCommands: () => Promise.resolve(1) });
  await expect(refused).rejects.toMatchObject({ code: 'SANDBOX_NOT_EMPTY', details: { reason: 'NotEmpty', processes: [] } });
  expect(isWiped).toBe(false);
});

test('a reset kills a process that ignores SIGTERM (X29)', async () => {
  const hidden = startHidden('trap "" TERM; echo ready; exec cat');
  await hidden.ready;
  const supervisor: ResetOptions['supervisor'] = {
    list: () => [],
    reset: async (_deadline, endOthers, wipe) => {
      await endOthers();
      return wipe();
    },
  };
  expect(await resetSandbox(options(hidden.look, supervisor))).toBe(1);
  expect(await hidden.ended).toBe('SIGKILL');
});
