import { existsSync, readFileSync } from 'node:fs';
import { chmod, mkdir, readdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import type * as z from 'zod/mini';
import { TEMPORARY, writeAtomic } from './atomic-file';
import { type Disk, systemDisk } from './disk';
import { type ExitRecord, exitRecord, type ProcessRecord, processRecord, readRecord, type TaskRecord, taskRecord } from './records';
import { RecordFile } from './runner-protocol';
import { USED_TOKENS_FILE } from '../used-tokens';

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
 *   .<anything>.tmp            not whole yet
 *   .used-tokens               see used-tokens.ts
 */
export class TaskStore {
  private constructor(
    readonly dataDir: string,
    private readonly disk: Disk,
  ) {}

  /** @throws the error of the file system when the directory cannot be made, read or written */
  static async open(dataDir: string, disk = systemDisk): Promise<TaskStore> {
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
    const store = new TaskStore(await realpath(dataDir), disk);
    await chmod(store.dataDir, 0o700);
    await store.probe();
    return store;
  }

  /** @throws the error of the file system when the directory takes no synced write */
  async probe(): Promise<void> {
    await writeAtomic(this.disk, this.path('.probe'), 'probe\n'); // an empty file finds room on a full disk
  }

  /** Reads all tasks, oldest first; deletes leftovers and moves aside what is no task. */
  async load(): Promise<StoredTasks> {
    const tasks: StoredTask[] = [];
    let corruptCount = 0;
    for (const entry of await readdir(this.dataDir)) {
      if (/^\.(new|trash)-/.test(entry) || (entry.startsWith('.') && entry.endsWith(TEMPORARY))) {
        await this.remove(entry);
      } else if (entry.startsWith('.corrupt-')) {
        corruptCount += 1;
      } else if (/^\.(waiting|removed)-/.test(entry) || !entry.startsWith('.')) {
        const task = this.loadEntry(entry);
        if (task === undefined) {
          corruptCount += 1;
          await this.rename(this.path(entry), this.path(`.corrupt-${randomName()}`));
        } else {
          tasks.push(task);
        }
      }
    }
    return { tasks: await this.dropDoubles(tasks), corruptCount };
  }

  /** Stores a task that cannot start yet. */
  async saveWaiting(record: TaskRecord): Promise<void> {
    await writeAtomic(this.disk, this.path(waitingName(record)), JSON.stringify(record));
  }

  /** Forgets a task that never started. */
  async dropWaiting(record: TaskRecord): Promise<void> {
    await this.remove(waitingName(record));
    await this.sync();
  }

  /** Makes the directory of a waiting runner that of the task, and returns its path; the runner may be released afterwards. */
  async saveStarting(record: TaskRecord, runnerDirectory: string): Promise<string> {
    const directory = this.path(record.name);
    await writeAtomic(this.disk, join(runnerDirectory, RecordFile.task), JSON.stringify(record));
    await this.rename(runnerDirectory, directory);
    try {
      await this.sync();
      await this.remove(waitingName(record)); // not synced: a note that comes back is dropped beside its directory
      return directory;
    } catch (error) {
      await this.discard(directory); // it would block its name
      throw error;
    }
  }

  /**
   * Marks a task as being removed and returns its new directory; its name is free then.
   *
   * The rename is synchronous because records are read by path: no read may fall between the move and the caller's knowing it.
   * Call {@link sync} before telling anybody.
   */
  markRemoved(directory: string, at: Date): string {
    const removed = this.path(`.removed-${at.getTime()}-${randomName()}`);
    this.disk.performSync({ kind: 'rename', path: directory, to: removed });
    return removed;
  }

  /** Makes all renames so far survive a crash of the machine. */
  async sync(): Promise<void> {
    await this.disk.perform({ kind: 'syncDirectory', path: this.dataDir });
  }

  /** Deletes a task's directory; a crash or a loss of power in between leaves nothing that looks like a task. */
  async discard(directory: string): Promise<void> {
    const trash = `.trash-${randomName()}`;
    await this.rename(directory, this.path(trash));
    await this.sync();
    await this.remove(trash);
  }

  readProcess(directory: string): ProcessRecord | undefined {
    return readFileRecord(processRecord(), join(directory, RecordFile.process));
  }

  readExit(directory: string, taskId: string): ExitRecord | undefined {
    const exit = readFileRecord(exitRecord(), join(directory, RecordFile.exit));
    return exit?.id === taskId ? exit : undefined;
  }

  /** Whether a task that has not started waits for its main container. */
  isMainMissing(directory: string): boolean {
    return existsSync(join(directory, RecordFile.mainMissing));
  }

  async writeExit(directory: string, exit: ExitRecord): Promise<void> {
    await writeAtomic(this.disk, join(directory, RecordFile.exit), JSON.stringify(exit));
  }

  /** Deletes everything except waiting runners, and the tokens that must not be used again. */
  async wipe(): Promise<void> {
    const entries = (await readdir(this.dataDir)).filter((entry) => !entry.startsWith('.new-') && entry !== USED_TOKENS_FILE);
    await Promise.all(entries.map((entry) => this.remove(entry)));
    await this.sync();
  }

  private loadEntry(entry: string): StoredTask | undefined {
    const directory = this.path(entry);
    if (entry.startsWith('.waiting-')) {
      const record = readFileRecord(taskRecord(), directory);
      return record && { record };
    }
    const record = readFileRecord(taskRecord(), join(directory, RecordFile.task));
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
    await Promise.all(doubles.map(({ record }) => this.remove(waitingName(record))));
    return tasks
      .filter((task) => !doubles.includes(task))
      .sort((a, b) => a.record.sequence - b.record.sequence);
  }

  private readonly path = (entry: string) => join(this.dataDir, entry);
  private readonly rename = (path: string, to: string) => this.disk.perform({ kind: 'rename', path, to });
  private readonly remove = (entry: string) => this.disk.perform({ kind: 'remove', path: this.path(entry) });
}

const waitingName = ({ id }: TaskRecord) => `.waiting-${id}.json`;

const randomName = () => randomBytes(8).toString('hex');

function readFileRecord<T>(schema: z.ZodMiniType<T>, path: string): T | undefined {
  try {
    return readRecord(schema, readFileSync(path, 'utf8'));
  } catch {
    return undefined; // absent, or not readable: no record either way
  }
}
