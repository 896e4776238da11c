import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { REVISION_HEADER } from '../../../src/schema/executor-api';
import { until } from '../../support/waiting';
import { ExecutorProcess, fixture, isRunning, shell, task } from '../executor-process';

/** One for all tests: each leaves it running, or a successor on the same directory, and finds it empty. */
let executor: ExecutorProcess;
beforeAll(async () => (executor = await ExecutorProcess.start()));
afterEach(async () => {
  finish(0);
  expect(await executor.request('POST', '/reset', {})).toMatchObject({ status: 200 });
  ['go', 'runs'].forEach((file) => rmSync(join(executor.home, file), { force: true }));
});
afterAll(() => executor.clean());

/** A task that notes each of its runs, and ends when told to. */
const noting = (name: string, more: object = {}) => task(name, [fixture('waits-for-file.sh'), executor.home], more);
/** A task that ignores SIGTERM, and ends when told to. */
const ignoring = (name: string) => task(name, [fixture('ignores-term.sh'), executor.home], { stopGraceSeconds: 60 });
const runs = () => readFileSync(join(executor.home, 'runs'), 'utf8').trim().split('\n').length;
const finish = (exitCode: number) => writeFileSync(join(executor.home, 'go'), String(exitCode));
const names = (tasks: readonly { readonly name: string; readonly deletionTimestamp?: string }[]) =>
  tasks.map(({ name, deletionTimestamp }) => (deletionTimestamp === undefined ? name : `${name} (removed)`));

describe('setting the tasks', () => {
  test('the same set again starts nothing, also when the task has finished (X4, X18)', async () => {
    await executor.set(noting('a'));
    await executor.running();
    await executor.set({ ...noting('a'), process: { ...noting('a').process, args: [], env: null } });
    finish(7);
    const ended = await executor.ended();
    const [again] = await executor.set(noting('a'));
    expect(again?.processStatus?.terminated).toEqual(ended);
    expect(runs()).toBe(1);
  });

  test('a changed task starts only when the old one is gone (X8, X18, X21)', async () => {
    await executor.set(ignoring('a'));
    await executor.log('a');
    const old = executor.pidOf('a', 'leader');
    const answer = await executor.set(shell('a', 'exit 4'));
    expect(answer.map(({ processStatus }) => processStatus)).toEqual([{ waiting: expect.objectContaining({ reason: 'WaitingForPrevious' }) }, { running: expect.anything() }]);
    expect(names(answer)).toEqual(['a', 'a (removed)']);
    expect(isRunning(old)).toBe(true);
    finish(0);
    await executor.until(([first]) => first?.processStatus?.waiting?.reason !== 'WaitingForPrevious');
    expect(isRunning(old)).toBe(false);
    expect(await executor.ended()).toMatchObject({ exitCode: 4 });
    expect(names(await executor.list())).toEqual(['a']);
  });

  test('a name with another uid is another task (X18)', async () => {
    await executor.set({ ...shell('a', 'exit 1'), uid: 'first' });
    await executor.ended();
    await executor.set({ ...shell('a', 'exit 1'), uid: 'second' });
    const [only] = await executor.until((tasks) => tasks.length === 1 && tasks[0]?.processStatus?.terminated !== undefined);
    expect(only).toMatchObject({ uid: 'second', processStatus: { terminated: { exitCode: 1 } } });
  });

  test('a task that waits is dropped at once when it is not wanted any more (X9)', async () => {
    await executor.set(ignoring('a'));
    await executor.log('a');
    await executor.set(shell('b', 'true'));
    expect(names(await executor.set(shell('c', 'true')))).toEqual(['c', 'a (removed)']);
    finish(0);
    await executor.ended();
    expect(names(await executor.list())).toEqual(['c']);
  });

  test('a result wakes whoever waits, and the revision has changed (X20)', async () => {
    await executor.set(noting('a'));
    await executor.running();
    const { headers } = await executor.request('GET', '/getTasks');
    const seen = headers.get(REVISION_HEADER);
    const waiting = executor.request<readonly unknown[]>('GET', `/getTasks?after=${seen}&wait=25`);
    finish(0);
    const woken = await waiting;
    expect(woken.body).toMatchObject([{ processStatus: { terminated: { exitCode: 0 } } }]);
    expect(woken.headers.get(REVISION_HEADER)).not.toBe(seen);
  });
});

describe('more than one slot', () => {
  beforeAll(async () => (executor = await executor.restart('SIGTERM', ['--max-tasks=2'])));
  afterAll(async () => (executor = await executor.restart('SIGTERM')));

  test('wanted tasks come in request order, then removed ones, oldest first, never more running than slots (X8, X19)', async () => {
    await executor.set(ignoring('a'), ignoring('b'));
    await Promise.all([executor.log('a'), executor.log('b')]);
    await executor.set(ignoring('b'));
    const answer = await executor.set(shell('d', 'exit 0'), shell('c', 'exit 0'));
    expect(names(answer)).toEqual(['d', 'c', 'a (removed)', 'b (removed)']);
    expect(answer.slice(0, 2).map(({ processStatus }) => processStatus?.waiting?.reason)).toEqual(['WaitingForPrevious', 'WaitingForPrevious']);
    finish(0);
    const done = await executor.until((tasks) => tasks.every(({ processStatus }) => processStatus?.terminated !== undefined));
    expect(names(done)).toEqual(['d', 'c']);
  });
});

describe('single tasks', () => {
  test('are added, found and removed (X16)', async () => {
    const added = await executor.request('POST', '/tasks', noting('a'));
    expect(added).toMatchObject({ status: 201, body: { name: 'a', processStatus: { waiting: { reason: 'Pending' } } } });
    expect(await executor.request('POST', '/tasks', noting('a'))).toMatchObject({ status: 409, body: { code: 'Conflict', reason: 'DuplicateName' } });
    expect(await executor.request('POST', '/tasks', noting('b'))).toMatchObject({ status: 409, body: { reason: 'Busy' } });
    expect(await executor.request('GET', '/tasks/a')).toMatchObject({ status: 200, body: { name: 'a' } });
    expect((await executor.request('DELETE', '/tasks/a')).status).toBe(204);
    expect((await executor.request('DELETE', '/tasks/a')).status).toBe(204);
    await executor.until((tasks) => tasks.length === 0);
    expect(await executor.request('GET', '/tasks/a')).toMatchObject({ status: 404, body: { code: 'Not Found', reason: 'NotFound' } });
  });
});

describe('after the server was killed', () => {
  test('a running task goes on and is not run again (X11)', async () => {
    await executor.set(noting('a'));
    await executor.running();
    const pid = executor.pidOf('a', 'leader');
    const before = await executor.list();
    executor = await executor.restart('SIGKILL');
    expect(await executor.list()).toEqual(before);
    await executor.set(noting('a'));
    expect(isRunning(pid)).toBe(true);
    finish(5);
    expect(await executor.ended()).toMatchObject({ exitCode: 5, reason: 'Failed' });
    expect(runs()).toBe(1);
  });

  test('a task that ended meanwhile shows its real result (X11)', async () => {
    await executor.set(noting('a'));
    await executor.running();
    const runner = executor.pidOf('a', 'runner');
    await executor.kill('SIGKILL');
    finish(6);
    await until(() => expect(isRunning(runner)).toBe(false));
    executor = await ExecutorProcess.start([], executor.home);
    expect(await executor.list()).toMatchObject([{ name: 'a', processStatus: { terminated: { exitCode: 6, reason: 'Failed' } } }]);
    expect(runs()).toBe(1);
  });

  test('a removal goes on, and what waited for it starts then (X8, X11)', async () => {
    await executor.set(ignoring('a'));
    await executor.log('a');
    const pid = executor.pidOf('a', 'leader');
    await executor.set(shell('b', 'exit 2'));
    executor = await executor.restart('SIGKILL');
    expect(names(await executor.list())).toEqual(['b', 'a (removed)']);
    process.kill(pid, 'SIGKILL');
    expect(await executor.ended()).toMatchObject({ exitCode: 2 });
    expect(names(await executor.list())).toEqual(['b']);
  });

  test('a polite end of the server leaves tasks alone (X14)', async () => {
    await executor.set(noting('a'));
    await executor.running();
    expect(await executor.kill('SIGTERM')).toBe(0);
    executor = await ExecutorProcess.start([], executor.home);
    finish(0);
    expect(await executor.ended()).toMatchObject({ exitCode: 0, reason: 'Succeeded' });
  });
});

describe('what cannot be known is no success', () => {
  test('a record of the result that is cut short, empty, of another task or not the whole truth is a crash, and stays one (X2, X4)', async () => {
    const texts = ['{"version":1,"exitCode":0,"reas', '', '{"version":1,"id":"x","exitCode":0,"reason":"Succeeded","finishedAt":"2026-01-01T00:00:00.000Z"}', '{"version":1,"exitCode":0}'];
    executor = await executor.restart('SIGTERM', [`--max-tasks=${texts.length}`]);
    await executor.set(...texts.map((_text, index) => shell(`a${index}`, 'exit 0')));
    await executor.until((tasks) => tasks.every(({ processStatus }) => processStatus?.terminated?.exitCode === 0));
    await executor.kill('SIGKILL');
    texts.forEach((text, index) => writeFileSync(join(executor.dataDir, `a${index}`, 'exit.json'), text));
    executor = await ExecutorProcess.start([], executor.home);
    const crashed = await executor.until((tasks) => tasks.every(({ processStatus }) => processStatus?.terminated !== undefined));
    expect(crashed).toMatchObject(texts.map(() => ({ processStatus: { terminated: { exitCode: 137, reason: 'ProcessCrashed' } } })));
    executor = await executor.restart('SIGKILL');
    expect(await executor.list()).toEqual(crashed);
  });

  test('a lost runner is a crash, and its task ends before that shows (X2)', async () => {
    await executor.set(noting('a'));
    await executor.running();
    const pid = executor.pidOf('a', 'leader');
    process.kill(executor.pidOf('a', 'runner'), 'SIGKILL');
    expect(await executor.ended()).toMatchObject({ exitCode: 137, reason: 'ProcessCrashed' });
    expect(isRunning(pid)).toBe(false);
  });

  test('a pid that belongs to somebody else by now gets no signal (X7)', async () => {
    await executor.set(shell('a', 'exit 0'));
    await executor.ended();
    await executor.kill('SIGKILL');
    const file = join(executor.dataDir, 'a', 'task.json');
    const record = JSON.parse(readFileSync(file, 'utf8')) as { runner: { pid: number } };
    writeFileSync(file, JSON.stringify({ ...record, runner: { ...record.runner, pid: process.pid } }));
    executor = await ExecutorProcess.start([], executor.home);
    // This test would not live to see it.
    await executor.set();
    await executor.until((tasks) => tasks.length === 0);
  });

  test('a directory that is no task is moved aside, reported, and does not block its name (X13, X22)', async () => {
    await executor.kill('SIGKILL');
    mkdirSync(join(executor.dataDir, 'a'));
    writeFileSync(join(executor.dataDir, 'a', 'task.json'), '{"version":1,"na');
    executor = await ExecutorProcess.start([], executor.home);
    expect(await executor.list()).toEqual([]);
    expect(await executor.request('GET', '/health')).toMatchObject({ status: 503, body: { problems: [expect.stringContaining('1 unreadable record')] } });
    await executor.set(shell('a', 'exit 0'));
    expect(await executor.ended()).toMatchObject({ exitCode: 0 });
  });
});

test('a task whose record is lost does not run on beside the next one (X8, X13)', async () => {
  await executor.set(ignoring('a'));
  await executor.log('a');
  const pid = executor.pidOf('a', 'leader');
  await executor.kill('SIGKILL');
  writeFileSync(join(executor.dataDir, 'a', 'task.json'), '');
  executor = await ExecutorProcess.start(['--stop-grace-seconds=0'], executor.home);
  expect(isRunning(pid)).toBe(false);
});

describe('a reset', () => {
  test('ends everything, deletes everything and says how much there was (X29)', async () => {
    await executor.set(task('a', [fixture('leaves-children.sh')], { stopGraceSeconds: 0 }));
    await executor.ended();
    const children = (await executor.log('a')).body.trim().split('\n').map(Number);
    expect(await executor.request('POST', '/reset', {})).toMatchObject({ status: 200, body: { empty: true, killed: expect.any(Number), revision: expect.any(String) } });
    expect(children.map(isRunning)).toEqual([false, false]);
    expect(readdirSync(executor.dataDir).filter((entry) => !entry.startsWith('.new-'))).toEqual([]);
    expect(await executor.request('POST', '/reset')).toMatchObject({ status: 200, body: { killed: 0 } });
  });

  test('empties the reset paths, and leaves the directories themselves (X29)', async () => {
    const scratch = join(executor.home, 'scratch');
    mkdirSync(join(scratch, 'folder'), { recursive: true });
    executor = await executor.restart('SIGTERM', [`--reset-paths=${scratch},${scratch}/none`]);
    await executor.set(shell('a', 'echo left > scratch/folder/file'));
    await executor.ended();
    expect(await executor.request('POST', '/reset', {})).toMatchObject({ status: 200, body: { empty: true } });
    expect(readdirSync(scratch)).toEqual([]);
  });

  test('deletes unreadable records, and with that the executor is healthy again (X22, X29)', async () => {
    await executor.kill('SIGKILL');
    mkdirSync(join(executor.dataDir, 'a'));
    executor = await ExecutorProcess.start([], executor.home);
    expect((await executor.request('GET', '/health')).status).toBe(503);
    await executor.request('POST', '/reset', {});
    expect((await executor.request('GET', '/health')).status).toBe(200);
  });

  test('keeps other changes out meanwhile (X29)', async () => {
    await executor.set(ignoring('a'));
    await executor.log('a');
    const reset = executor.request('POST', '/reset', {});
    await executor.until(([first]) => first?.deletionTimestamp !== undefined);
    expect(await executor.request('POST', '/reset', {})).toMatchObject({ status: 409, body: { reason: 'ResetInProgress' } });
    expect(await executor.request('POST', '/setTasks', [])).toMatchObject({ status: 409, body: { reason: 'ResetInProgress' } });
    finish(0);
    expect(await reset).toMatchObject({ status: 200 });
  });
});
