import { readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LogHeader } from '../../../src/schema/executor-api';
import { until } from '../../support/waiting';
import { ExecutorProcess, shell } from '../executor-process';

/** Runs a program with a data directory of a few pages that nobody else sees: at `data` below its working directory. */
const SMALL_DISK = ['unshare', '--mount', 'sh', '-c', 'mkdir -p data && mount -t tmpfs -o size=256k,mode=700 tmpfs data && exec "$@"', 'sh'];

let executor: ExecutorProcess;
beforeEach(async () => (executor = await ExecutorProcess.start(['--task-log-max-bytes=65536'], undefined, {}, { launcher: SMALL_DISK })));
afterEach(async () => {
  rmSync(ballast(), { force: true });
  await executor.clean();
});

/** A path of the small disk, as the server sees it. */
const onDisk = (path: string) => join(`/proc/${executor.pid}/root`, executor.dataDir, path);
const ballast = () => onDisk('ballast');

/** Leaves no byte free. */
function fill(): void {
  try {
    for (;;) writeFileSync(ballast(), 'x'.repeat(1024), { flag: 'a' });
  } catch (error) {
    expect(error).toMatchObject({ code: 'ENOSPC' });
  }
  const { bfree } = statfsSync(onDisk(''));
  expect(bfree).toBe(0);
}

const health = () => executor.request<{ readonly problems?: readonly string[] }>('GET', '/health');

test('on a full disk a start is refused and changes nothing, and works when there is room again (X2, X13, X16, X22)', async () => {
  fill();
  expect(await executor.request('POST', '/setTasks', [shell('a', 'exit 0')])).toMatchObject({ status: 500, body: { reason: 'Internal', message: expect.stringContaining('ENOSPC') } });
  expect(await executor.list()).toEqual([]);
  await until(async () => expect(await health()).toMatchObject({ status: 503, body: { problems: [expect.stringMatching(/^data directory: .*ENOSPC/)] } }));

  rmSync(ballast());
  await executor.set(shell('a', 'exit 0'));
  expect(await executor.ended()).toMatchObject({ exitCode: 0, reason: 'Succeeded' });
  await until(async () => expect((await health()).status).toBe(200));
});

test('a result that finds no room is a crash and no success, for good, and a reset makes room (X2, X4, X13, X29)', async () => {
  await executor.set(shell('a', 'until [ -e go ]; do sleep 0.02; done; exit 0'));
  await executor.running();
  fill();
  writeFileSync(join(executor.home, 'go'), '');
  const crashed = await executor.ended();
  expect(crashed).toMatchObject({ exitCode: 137, reason: 'ProcessCrashed' });
  expect(await executor.ended()).toEqual(crashed);
  expect(await executor.request('POST', '/reset', {})).toMatchObject({ status: 200 });
  expect(await executor.list()).toEqual([]);
  await executor.set(shell('b', 'exit 0'));
  expect(await executor.ended()).toMatchObject({ exitCode: 0, reason: 'Succeeded' });
});

test('a task goes on when its output finds no room; what is lost counts in its positions, and the result tells of it (X2, X23)', async () => {
  const lost = 20_000;
  const wait = (file: string) => `until [ -e ${file} ]; do sleep 0.02; done`;
  await executor.set(shell('a', `echo before; ${wait('full')}; head -c ${lost} /dev/zero; ${wait('room')}; echo after`));
  await executor.log('a');
  const { runner } = JSON.parse(readFileSync(onDisk('a/task.json'), 'utf8')) as { readonly runner: { readonly pid: number } };
  const readBytes = () => Number(/^rchar: (\d+)/.exec(readFileSync(`/proc/${runner.pid}/io`, 'utf8'))?.[1]);
  fill();
  const before = readBytes();
  writeFileSync(join(executor.home, 'full'), '');
  await until(() => expect(readBytes()).toBeGreaterThanOrEqual(before + lost)); // the runner has taken all of it
  rmSync(ballast());
  writeFileSync(join(executor.home, 'room'), '');
  const ended = await executor.ended();
  expect(ended).toMatchObject({ exitCode: 0, reason: 'Succeeded', message: expect.stringMatching(/^stdout is cut at byte \d+: ENOSPC/) });

  const cutAt = Number(/at byte (\d+)/.exec(ended.message ?? '')?.[1]);
  const whole = await executor.log('a');
  expect({ body: whole.body.slice(0, 7), complete: whole.headers.get(LogHeader.complete) }).toEqual({ body: 'before\n', complete: null });
  expect(Number(whole.headers.get(LogHeader.nextOffset))).toBe(cutAt);
  const rest = await executor.log('a', `&offset=${cutAt}`);
  expect(rest).toMatchObject({ body: expect.stringMatching(/after\n$/) });
  const total = 'before\n'.length + lost + 'after\n'.length;
  expect(Number(rest.headers.get(LogHeader.nextOffset))).toBe(total);
  const end = await executor.log('a', `&offset=${total}`); // the runner ends a moment after the result shows
  expect({ body: end.body, complete: end.headers.get(LogHeader.complete) }).toEqual({ body: '', complete: 'true' });
});
