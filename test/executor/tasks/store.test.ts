import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TaskRecord } from '../../../executor/tasks/records';
import { TaskStore } from '../../../executor/tasks/store';

let home: string;
beforeEach(() => (home = mkdtempSync(join(tmpdir(), 'executor-test-'))));
afterEach(() => rmSync(home, { recursive: true, force: true }));

const dataDir = () => join(home, 'data');
const record = (name: string, more: Partial<TaskRecord> = {}): TaskRecord => ({
  version: 1, id: `id-${name}`, name, process: { command: ['true'], env: [{ name: 'A', value: 'secret' }] }, acceptedAt: '2026-01-01T00:00:00.000Z', sequence: 1, ...more,
});
/** What a runner finds in its directory, as far as the store is concerned. */
const runnerDirectory = () => {
  const path = join(dataDir(), '.new-1');
  mkdirSync(path);
  return path;
};

test('a task survives in each of its places, oldest first (X11, X19)', async () => {
  const store = await TaskStore.open(dataDir());
  await store.saveWaiting(record('waiting', { sequence: 3 }));
  await store.saveStarting(record('started', { sequence: 2 }), runnerDirectory());
  const directory = await store.saveStarting(record('removed'), runnerDirectory());
  const removed = store.markRemoved(directory, new Date(5000));
  const { tasks, corruptCount } = await (await TaskStore.open(dataDir())).load();
  expect(tasks).toEqual([
    { record: record('removed'), directory: removed, removedAt: new Date(5000) },
    { record: expect.objectContaining({ name: 'started' }), directory: join(store.dataDir, 'started') },
    { record: expect.objectContaining({ name: 'waiting' }) },
  ]);
  expect(corruptCount).toBe(0);
});

test('what holds secrets is for the owner only (X24)', async () => {
  const store = await TaskStore.open(dataDir());
  await store.saveWaiting(record('a'));
  const files = readdirSync(dataDir()).filter((entry) => entry.startsWith('.waiting-'));
  expect(files).toHaveLength(1);
  expect([statSync(dataDir()), ...files.map((file) => statSync(join(dataDir(), file)))].map(({ mode }) => mode & 0o777)).toEqual([0o700, 0o600]);
});

test('a crash between directory and note leaves one task (X11)', async () => {
  const store = await TaskStore.open(dataDir());
  await store.saveWaiting(record('a'));
  const note = readdirSync(dataDir()).find((entry) => entry.startsWith('.waiting-')) ?? '';
  await store.saveStarting(record('a'), runnerDirectory());
  expect(existsSync(join(dataDir(), note))).toBe(false);
  writeFileSync(join(dataDir(), note), JSON.stringify(record('a')));
  expect((await store.load()).tasks).toHaveLength(1);
  expect(existsSync(join(dataDir(), note))).toBe(false);
});

test('leftovers are deleted, unreadable records are moved aside and counted again at the next start (X13)', async () => {
  const store = await TaskStore.open(dataDir());
  writeFileSync(join(dataDir(), '.waiting-2.json.tmp'), JSON.stringify(record('c'))); // whole, but nobody has been told of it
  for (const entry of ['.new-1', '.trash-1', 'a', 'b', '.removed-1-x']) mkdirSync(join(dataDir(), entry));
  writeFileSync(join(dataDir(), 'b', 'task.json'), JSON.stringify(record('another')));
  writeFileSync(join(dataDir(), '.waiting-1.json'), '{');
  expect(await store.load()).toEqual({ tasks: [], corruptCount: 4 });
  expect(readdirSync(dataDir()).filter((entry) => !entry.startsWith('.corrupt-'))).toEqual(['.probe']);
  expect(await store.load()).toEqual({ tasks: [], corruptCount: 4 });
});

test('a directory that cannot be used is an error', async () => {
  writeFileSync(dataDir(), '');
  await expect(TaskStore.open(dataDir())).rejects.toMatchObject({ code: 'EEXIST' });
});

test('wiping leaves only runners that wait, and used tokens (X26, X29)', async () => {
  const store = await TaskStore.open(dataDir());
  await store.saveStarting(record('a'), runnerDirectory());
  runnerDirectory();
  writeFileSync(join(dataDir(), '.used-tokens'), '');
  await store.wipe();
  expect(readdirSync(dataDir()).sort()).toEqual(['.new-1', '.used-tokens']);
});
