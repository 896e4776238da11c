import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { writeAtomicSync } from '../../../executor/tasks/atomic-file';
import { type Disk, type DiskStep, systemDisk } from '../../../executor/tasks/disk';
import type { ExitRecord, ProcessRecord, TaskRecord } from '../../../executor/tasks/records';
import { TaskStore } from '../../../executor/tasks/store';
import type { ExecutorTask } from '../../../src/schema/executor-api';
import { inParallel } from '../../support/waiting';
import { PowerCutDisk, restore, type Survivors } from '../power-cut-disk';
import { isSettled, listUntil, superviseIn } from '../supervisor-in-process';

let home: string;
beforeEach(() => (home = realpathSync(mkdtempSync(join(tmpdir(), 'executor-test-')))));
afterEach(() => rmSync(home, { recursive: true, force: true }));

const EARLIER_BOOT = { startTime: 1, bootId: 'an earlier boot' };
const record = (name: string, sequence: number): TaskRecord => ({
  version: 1, id: `cut.${name}`, name, process: { command: ['sh', '-c', `echo ${name} >> runs`] }, acceptedAt: '2026-01-01T00:00:00.000Z', sequence, runner: { pid: 1, ...EARLIER_BOOT },
}); // prettier-ignore
const [first, second] = [record('first', 1), record('second', 2)];
const running = JSON.stringify({ version: 1, leader: { pid: 2, ...EARLIER_BOOT }, startedAt: '2026-01-01T00:00:01.000Z' } satisfies ProcessRecord);
const succeeded: ExitRecord = { version: 1, id: second.id, exitCode: 0, reason: 'Succeeded', finishedAt: '2026-01-01T00:00:02.000Z' };
const stopped: ExitRecord = { ...succeeded, id: first.id, exitCode: 143, reason: 'Stopped' };

/** How far a life has come, by names of tasks. */
interface Facts {
  /** What the last answer said is wanted. */
  readonly answered?: string;
  /** What a request wants that may not have been answered. */
  readonly asked?: string;
  /** May have run. */
  readonly released: readonly string[];
  /** Its result is recorded. */
  readonly ended?: string;
}

/** A loss of power after a step. */
interface Cut extends Facts {
  readonly after: string;
  readonly left: Survivors;
}

/** Two tasks in one slot, of which the second replaces the first: all that a loss of power can leave on the way, at every step. */
async function cutsOfALife(folder: string): Promise<readonly Cut[]> {
  const cuts = new Map<string, Cut>();
  let facts: Facts = { released: [] };
  const cut = (after: string) => disk.survivors().forEach((left) => cuts.set(JSON.stringify([facts, left]), { ...facts, after, left }));
  const reach = (more: Partial<Facts>) => {
    facts = { ...facts, ...more };
    cut(JSON.stringify(more));
  };
  const disk: PowerCutDisk = new PowerCutDisk(folder, ({ kind, path }: DiskStep) => cut(`${kind} ${relative(folder, path)}`));
  const store = await TaskStore.open(folder, disk);
  const runnerDirectory = (name: string) => {
    const path = join(folder, name);
    disk.makeDirectory(path);
    return path;
  };

  const directory = await store.saveStarting(first, runnerDirectory('.new-1'));
  reach({ answered: 'first', released: ['first'] });
  writeAtomicSync(disk, join(directory, 'process.json'), running);
  const { runner: _none, ...waiting } = second;
  reach({ asked: 'second' });
  await store.saveWaiting(waiting);
  const removed = store.markRemoved(directory, new Date(1000));
  await store.sync();
  reach({ answered: 'second' });
  writeAtomicSync(disk, join(removed, 'exit.json'), JSON.stringify(stopped));
  await store.discard(removed);
  const next = await store.saveStarting(second, runnerDirectory('.new-2'));
  reach({ released: ['first', 'second'] });
  writeAtomicSync(disk, join(next, 'process.json'), running);
  writeAtomicSync(disk, join(next, 'exit.json'), JSON.stringify(succeeded));
  reach({ ended: 'second' });
  return [...cuts.values()];
}

/** What an executor makes of what is left, when all has settled; `scope` begins the ids of its tasks, since others run beside it. */
async function restart({ left, released }: Cut, folder: string, scope: string) {
  const dataDir = join(folder, 'data');
  mkdirSync(dataDir, { recursive: true });
  const scoped = (text: string) => text.replaceAll('cut.', `${scope}.`);
  restore(Object.fromEntries(Object.entries(left).map(([path, text]) => [scoped(path), text === null ? null : scoped(text)])), dataDir);
  writeFileSync(join(folder, 'runs'), released.map((name) => `${name}\n`).join(''));
  const store = await TaskStore.open(dataDir);
  const { tasks, corruptCount } = await store.load();
  const supervisor = superviseIn(store, folder);
  await supervisor.adopt(tasks);
  const list = await listUntil(supervisor, isSettled);
  const runs = readFileSync(join(folder, 'runs'), 'utf8').trim().split('\n');
  await supervisor.set([]);
  await listUntil(supervisor, ({ length }) => length === 0);
  return { list, corruptCount, runs };
}

/** What is wrong after a restart. */
function problemsOf({ left, answered, asked, released, ended }: Cut, { list, corruptCount, runs }: Awaited<ReturnType<typeof restart>>): string[] {
  const statusOf = (name: string) => list.find((task) => task.name === name)?.processStatus?.terminated;
  const runsOf = (name: string) => runs.filter((run) => run === name).length;
  const isCrash = (name: string) => statusOf(name)?.reason === 'ProcessCrashed';
  const isSuccess = (name: string) => statusOf(name)?.exitCode === 0;
  const checks: Readonly<Record<string, boolean>> = {
    'a record is half there': corruptCount > 0,
    'a task ran twice': runsOf('first') > 1 || runsOf('second') > 1,
    'a wanted task is lost': answered !== undefined && [answered, asked ?? answered].every((name) => statusOf(name) === undefined),
    'a task that nobody wants any more is there': answered === 'second' && statusOf('first') !== undefined,
    'a success is invented': isSuccess('first') || (isSuccess('second') && runsOf('second') === 0),
    'what may have run is no crash': released.some((name) => statusOf(name) !== undefined && name !== ended && !isCrash(name) && !isRecorded(statusOf(name))),
    // One that has a runner may have run, and nobody can tell.
    'what waited has not run': answered === 'second' && !('second' in left) && (runsOf('second') !== 1 || !isSuccess('second')),
    'a recorded result is lost': ended !== undefined && !isRecorded(statusOf(ended)),
  };
  return Object.entries(checks).flatMap(([problem, isThere]) => (isThere ? [problem] : []));
}

const isRecorded = (status: NonNullable<ExecutorTask['processStatus']>['terminated']) => status?.exitCode === 0 && status.finishedAt === '2026-01-01T00:00:02Z';

test('whatever a loss of power leaves after whatever step, no task runs twice, none is lost, and no success is invented (X2, X11, X12, X13)', async () => {
  const cuts = await cutsOfALife(home);
  expect(cuts.length).toBeGreaterThan(50);
  // What comes of it depends on what is left and has run. What lies in the trash is deleted unread: one cut stands for all that differ in that alone.
  const startOf = ({ left, released }: Cut) => JSON.stringify([Object.entries(left).filter(([path]) => !/^\.trash-.*\//.test(path)).sort(), released]);
  const starts = [...new Set(cuts.map(startOf))].map((start) => cuts.filter((cut) => startOf(cut) === start));
  expect(starts.length).toBeGreaterThan(40);
  const problems = await inParallel([...starts.entries()], 4, async ([index, same]) => {
    const [fullest] = same.toSorted((a, b) => Object.keys(b.left).length - Object.keys(a.left).length);
    if (fullest === undefined) return [];
    const result = await restart(fullest, join(home, `after-${index}`), `cut-${process.pid}-${index}`);
    return same.flatMap((cut) => problemsOf(cut, result).map((problem) => ({ problem, cut, result })));
  });
  expect(problems.flat()).toEqual([]);
});

/** Fails at one step, once. */
class FailingDisk implements Disk {
  stepCount = 0;
  failAt = Infinity;

  async perform(step: DiskStep): Promise<void> {
    this.count();
    await systemDisk.perform(step);
  }

  performSync(step: DiskStep): void {
    this.count();
    systemDisk.performSync(step);
  }

  private count(): void {
    this.stepCount += 1;
    if (this.stepCount === this.failAt) throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
  }
}

test('an error of the disk at whatever step of a start is told, changes nothing, and blocks no name (X13, X16)', async () => {
  const disk = new FailingDisk();
  const store = await TaskStore.open(join(home, 'data'), disk);
  const supervisor = superviseIn(store, home);
  const request = { name: 'a', process: { command: ['true'] } };
  for (let step = 1; ; step += 1) {
    disk.failAt = disk.stepCount + step;
    const error: unknown = await supervisor.set([request]).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    disk.failAt = Infinity;
    if (error === undefined) {
      expect(step).toBeGreaterThan(5);
      break;
    }
    expect(error).toMatchObject({ code: 'ENOSPC' });
    expect(supervisor.list()).toEqual([]);
    expect(readdirSync(store.dataDir)).toEqual(['.probe']);
  }
  expect(await listUntil(supervisor, isSettled)).toMatchObject([{ name: 'a', processStatus: { terminated: { exitCode: 0 } } }]);
});

test('a record that finds no room leaves none of its bytes behind (X13)', async () => {
  const disk = new FailingDisk();
  const store = await TaskStore.open(join(home, 'data'), disk);
  for (let step = 1; step <= 4; step += 1) {
    disk.failAt = disk.stepCount + step;
    await expect(store.saveWaiting(first)).rejects.toMatchObject({ code: 'ENOSPC' });
    expect(readdirSync(store.dataDir).filter((entry) => entry.endsWith('.tmp'))).toEqual([]);
  }
});
