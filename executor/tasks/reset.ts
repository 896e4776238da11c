import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { SandboxError } from '../../src/schema/errors';
import { systemDisk } from './disk';
import { endProcesses } from './end-processes';
import { type ProcessStat, readCommand } from './proc';
import type { TaskStore } from './store';
import type { Supervisor } from './supervisor';

/** What a reset works on. */
export interface ResetOptions {
  readonly supervisor: Pick<Supervisor, 'list' | 'reset'>;
  readonly store: Pick<TaskStore, 'wipe'>;
  /** Ends whatever else was started by a request, and forgets it; answers how many requests go on for all that. */
  readonly endCommands: () => Promise<number>;
  /** The live processes of all our tasks, also of forgotten ones, that are known by their mark. */
  readonly findMarked: () => readonly ProcessStat[];
  /** Those that hide their mark; empty where nobody can tell. */
  readonly findHidden: () => readonly ProcessStat[];
  /** Time between SIGTERM and SIGKILL for hidden ones, in seconds; less when that is too long, see {@link hiddenGraceMs}. */
  readonly stopGraceSeconds: number;
  /** Directories to empty. */
  readonly resetPaths: readonly string[];
}

/** Longest wait for processes to end, in ms; the answer must leave within the 30 s of a request. */
const RESET_DEADLINE_MS = 25_000;

/** Time between SIGTERM and SIGKILL for hidden processes, in ms: well below the deadline, so that those who ignore the first are gone by then. */
export const hiddenGraceMs = (stopGraceSeconds: number): number => Math.min(stopGraceSeconds * 1000, 10_000);

/** Most processes that an error names. */
const MAX_NAMED_PROCESSES = 20;

/**
 * Ends every task, deletes every record and proves that nothing is left (rule 29). Repeating it does no harm.
 *
 * @returns how many processes were alive at its begin
 * @throws SandboxError SANDBOX_NOT_EMPTY when a process is left, with `processes` in its details, or a request to the API of commands and files; TASK_CONFLICT during another reset, or when the executor ends
 */
export async function resetSandbox({ supervisor, store, endCommands, findMarked, findHidden, stopGraceSeconds, resetPaths }: ResetOptions): Promise<number> {
  const deadline = AbortSignal.timeout(RESET_DEADLINE_MS);
  const look = () => [...findMarked(), ...findHidden()];
  const aliveBefore = look().length;
  const endHidden = () => endProcesses({ look: findHidden, graceMs: hiddenGraceMs(stopGraceSeconds), deadline });
  const endOthers = async () => {
    const [, goOnCount] = await Promise.all([endHidden(), endCommands()]);
    if (goOnCount > 0) {
      throw notEmpty(`reset: expected every request for commands and files to end, got ${goOnCount} that go on, as on a file system that hangs`, []);
    }
  };
  await supervisor.reset(deadline, endOthers, async () => {
    // Whatever is left and belongs to no held task has had its grace long ago.
    await endProcesses({ look, graceMs: 0, deadline });
    assertEmpty(look(), supervisor);
    await store.wipe();
    await Promise.all(resetPaths.map(emptyDirectory));
    assertEmpty(look(), supervisor);
  });
  return aliveBefore;
}

function assertEmpty(left: readonly ProcessStat[], supervisor: ResetOptions['supervisor']): void {
  if (left.length > 0 || supervisor.list().length > 0) {
    const processes = left.slice(0, MAX_NAMED_PROCESSES).map(({ pid }) => ({ pid, command: readCommand(pid) }));
    throw notEmpty(`reset: expected no process of a task, got ${left.length}`, processes);
  }
}

const notEmpty = (message: string, processes: readonly object[]) => new SandboxError('SANDBOX_NOT_EMPTY', message, { details: { reason: 'NotEmpty', processes } });

/** Synced, so that a loss of power brings nothing back to the next user of the sandbox. */
async function emptyDirectory(path: string): Promise<void> {
  const entries = await readdir(path).catch((error: NodeJS.ErrnoException) => (error.code === 'ENOENT' ? undefined : Promise.reject(error)));
  if (entries !== undefined) {
    await Promise.all(entries.map((entry) => rm(join(path, entry), { recursive: true, force: true })));
    await systemDisk.perform({ kind: 'syncDirectory', path });
  }
}
