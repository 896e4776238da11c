import { closeSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { isErrorWithCode } from './system-error';

/** In the environment of every process of an embedded cluster: the cluster's id. Written at each start, read by clean-up. */
export const CLUSTER_MARKER = 'SANDBOXES_CLUSTER';
/** In the environment of every process of a pod: the pod's UID. Written by the node, read by it when the pod ends. */
export const POD_MARKER = 'SANDBOXES_POD';

/** A process that cannot be mistaken for a later one with the same pid. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Field 22 of `/proc/<pid>/stat`: clock ticks from boot to the start of the process, as text. */
  readonly startTime: string;
}

/** Pause between two looks at processes that were told to die; the kernel needs about a millisecond to end one. */
const KILL_CHECK_INTERVAL_MS = 5;

/** Room for a `stat` or an environment as they usually are, in bytes; a larger one is read at more cost. */
const USUAL_BYTES = 64 * 1024;

/**
 * Start time of a process, or undefined when there is none or it has ended and only waits for its parent.
 *
 * @see https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
 */
export function readStartTime(pid: number): string | undefined {
  return toStartTime(readProcFile(pid, 'stat', Buffer.allocUnsafe(1024)));
}

function toStartTime(content: Buffer | undefined): string | undefined {
  if (content === undefined) return undefined;
  const stat = content.toString('latin1');
  // The command name is in parentheses and may itself hold spaces and parentheses, so fields are counted after the last one.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
}

/** True while this very process lives. */
export function isAlive(process: ProcessIdentity): boolean {
  return readStartTime(process.pid) === process.startTime;
}

/** Living processes whose initial environment holds `variable=value`, for values that pass the test. Only processes of this user can be read. */
export function findMarked(variable: string, isWanted: (value: string) => boolean): ProcessIdentity[] {
  const prefix = `${variable}=`;
  const buffer = Buffer.allocUnsafe(USUAL_BYTES);
  return processIds().flatMap((pid) => {
    // The start time is read first: should the pid pass to another process in between, the pair matches no process at all.
    const startTime = toStartTime(readProcFile(pid, 'stat', buffer));
    const environ = startTime === undefined ? undefined : readProcFile(pid, 'environ', buffer);
    if (startTime === undefined || environ === undefined || !environ.includes(prefix)) return [];
    const entry = environ.toString('utf8').split('\0').find((text) => text.startsWith(prefix));
    return entry !== undefined && isWanted(entry.slice(prefix.length)) ? [{ pid, startTime }] : [];
  });
}

/**
 * Kills every process that carries the marker, until a scan finds none.
 *
 * @param timeoutMs longest time to try; a process in uninterruptible sleep cannot be ended
 * @returns processes that were still there when the time was over
 */
export async function killMarked(variable: string, isWanted: (value: string) => boolean, timeoutMs: number): Promise<ProcessIdentity[]> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const left = findMarked(variable, isWanted);
    if (left.length === 0 || performance.now() > deadline) return left;
    for (const process of left) sendSignal(process, 'SIGKILL');
    await sleep(KILL_CHECK_INTERVAL_MS);
  }
}

/** Sends a signal to this very process; nothing happens when it has ended, also when its pid has been given to another. */
export function sendSignal(target: ProcessIdentity, signal: NodeJS.Signals): void {
  if (!isAlive(target)) return;
  try {
    process.kill(target.pid, signal);
  } catch (error) {
    if (!isErrorWithCode(error, 'ESRCH')) throw error;
  }
}

function processIds(): number[] {
  return readdirSync('/proc').map(Number).filter((pid) => Number.isInteger(pid) && pid !== process.pid);
}

/** Content of a file of a process, in `buffer` when it fits; undefined when the process has ended or belongs to somebody else. */
function readProcFile(pid: number, file: string, buffer: Buffer): Buffer | undefined {
  const path = `/proc/${String(pid)}/${file}`;
  try {
    const descriptor = openSync(path, 'r');
    try {
      const bytes = readSync(descriptor, buffer);
      return bytes < buffer.length ? buffer.subarray(0, bytes) : readFileSync(path);
    } finally {
      closeSync(descriptor);
    }
  } catch {
    return undefined;
  }
}
