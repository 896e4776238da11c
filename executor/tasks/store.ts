import { existsSync, readFileSync, renameSync } from 'node:fs';
import { chmod, mkdir, readdir, realpath, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import type * as z from 'zod/mini';
import { syncDirectory, writeAtomic } from './atomic-file';
import { type ExitRecord, exitRecord, type ProcessRecord, processRecord, readRecord, type TaskRecord, taskRecord } from './records';
import { RecordFile } from './runner-protocol';

/** A task as it lies on disk. */
export interface StoredTask {
  readonly record: TaskRecord;
  /** Absent while no runner was started for it. */
  readonly directory?: string;
  /** When it was marked for removal; absent while it is wanted. */
  readonly removedAt?: Date;
}

/** Everything found at start-up. */
export interface StoredTasks {
  readonly tasks: readonly StoredTask[];
  /** Directories that were moved aside because their record is none, now and earlier. */
  readonly corruptCount: number;
}

/**
 * The data directory. What an entry is, its name says, so that every change of it is one rename:
 *
 *   <task name>/               a wanted task that has a runner
 *   .waiting-<id>.json         a wanted task that has none yet
 *   .removed-<ms>-<random>/    a task being removed, since that time
 *   .corrupt-<random>/         moved aside: its record could not be read
 *   .new-<random>/             a runner that waits for its order; worthless to the next server
 *   .trash-<random>/           being deleted
 */
export class TaskStore {
  private constructor(readonly dataDir: string) {}

  /** @throws the error of the file system when the directory cannot be made, read or written */
  static async open(dataDir: string): Promise<TaskStore> {
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
    const store = new TaskStore(await realpath(dataDir));
    await chmod(store.dataDir, 0o700);
    await store.probe();
    return store;
  }

  /** @throws the error of the file system when the directory takes no synced write */
  async probe(): Promise<void> {
    await writeAtomic(this.path('.probe'), '');
  }

  /** Reads all tasks, oldest first; deletes leftovers and moves aside what is no task. */
  async load(): Promise<StoredTasks> {
    const tasks: StoredTask[] = [];
    let corruptCount = 0;
    for (const entry of await readdir(this.dataDir)) {
      if (/^\.(new|trash)-/.test(entry)) {
        await rm(this.path(entry), { recursive: true, force: true });
      } else if (entry.startsWith('.corrupt-')) {
        corruptCount += 1;
      } else if (/^\.(waiting|removed)-/.test(entry) || !entry.startsWith('.')) {
        const task = this.loadEntry(entry);
        if (task === undefined) {
          corruptCount += 1;
          await rename(this.path(entry), this.path(`.corrupt-${randomName()}`));
        } else {
          tasks.push(task);
        }
      }
    }
    return { tasks: await this.dropDoubles(tasks), corruptCount };
  }

  /** Stores a task that cannot start yet. */
  async saveWaiting(record: TaskRecord): Promise<void> {
    await writeAtomic(this.waitingPath(record), JSON.stringify(record));
  }

  /** Forgets a task that never started. */
  async dropWaiting(record: TaskRecord): Promise<void> {
    await rm(this.waitingPath(record), { force: true });
    await syncDirectory(this.dataDir);
  }

  /** Makes the directory of a waiting runner that of the task, and returns its path; the runner may be released afterwards. */
  async saveStarting(record: TaskRecord, runnerDirectory: string): Promise<string> {
    const directory = this.path(record.name);
    await writeAtomic(join(runnerDirectory, RecordFile.task), JSON.stringify(record));
    await rename(runnerDirectory, directory);
    await syncDirectory(this.dataDir);
    await rm(this.waitingPath(record), { force: true });
    return directory;
  }

  /**
   * Marks a task as being removed and returns its new directory; its name is free then.
   *
   * The rename is synchronous because records are read by path: no read may fall between the move and the caller's knowing it.
   * Call {@link sync} before telling anybody.
   */
  markRemoved(directory: string, at: Date): string {
    const removed = this.path(`.removed-${at.getTime()}-${randomName()}`);
    renameSync(directory, removed);
    return removed;
  }

  /** Makes all renames so far survive a crash of the machine. */
  async sync(): Promise<void> {
    await syncDirectory(this.dataDir);
  }

  /** Deletes a task's directory; a crash in between leaves nothing that looks like a task. */
  async discard(directory: string): Promise<void> {
    const trash = this.path(`.trash-${randomName()}`);
    await rename(directory, trash);
    await rm(trash, { recursive: true, force: true });
  }

  readProcess(directory: string): ProcessRecord | undefined {
    return readFileRecord(processRecord, join(directory, RecordFile.process));
  }

  readExit(directory: string, taskId: string): ExitRecord | undefined {
    const exit = readFileRecord(exitRecord, join(directory, RecordFile.exit));
    return exit?.id === taskId ? exit : undefined;
  }

  /** Whether a task that has not started waits for its main container. */
  isMainMissing(directory: string): boolean {
    return existsSync(join(directory, RecordFile.mainMissing));
  }

  async writeExit(directory: string, exit: ExitRecord): Promise<void> {
    await writeAtomic(join(directory, RecordFile.exit), JSON.stringify(exit));
  }

  /** Deletes everything except waiting runners. */
  async wipe(): Promise<void> {
    const entries = (await readdir(this.dataDir)).filter((entry) => !entry.startsWith('.new-'));
    await Promise.all(entries.map((entry) => rm(this.path(entry), { recursive: true, force: true })));
    await this.sync();
  }

  private loadEntry(entry: string): StoredTask | undefined {
    const directory = this.path(entry);
    if (entry.startsWith('.waiting-')) {
      const record = readFileRecord(taskRecord, directory);
      return record && { record };
    }
    const record = readFileRecord(taskRecord, join(directory, RecordFile.task));
    const removedMs = /^\.removed-(\d+)-/.exec(entry)?.[1];
    if (removedMs !== undefined) {
      return record && { record, directory, removedAt: new Date(Number(removedMs)) };
    }
    return record?.name === entry ? { record, directory } : undefined;
  }

  /** A task that got its directory just before a crash still has its note of waiting. */
  private async dropDoubles(tasks: readonly StoredTask[]): Promise<readonly StoredTask[]> {
    const started = new Set(tasks.filter(({ directory }) => directory !== undefined).map(({ record }) => record.id));
    const doubles = tasks.filter(({ directory, record }) => directory === undefined && started.has(record.id));
    await Promise.all(doubles.map(({ record }) => rm(this.waitingPath(record), { force: true })));
    return tasks
      .filter((task) => !doubles.includes(task))
      .sort((a, b) => Date.parse(a.record.acceptedAt) - Date.parse(b.record.acceptedAt));
  }

  private readonly path = (entry: string) => join(this.dataDir, entry);
  private readonly waitingPath = ({ id }: TaskRecord) => this.path(`.waiting-${id}.json`);
}

const randomName = () => randomBytes(8).toString('hex');

function readFileRecord<T>(schema: z.ZodMiniType<T>, path: string): T | undefined {
  try {
    return readRecord(schema, readFileSync(path, 'utf8'));
  } catch {
    return undefined; // absent, or not readable: no record either way
  }
}
