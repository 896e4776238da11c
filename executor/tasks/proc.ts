import { closeSync, existsSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';

/** What /proc says of a process that has not ended. */
export interface ProcessStat {
  readonly pid: number;
  readonly parentPid: number;
  readonly groupId: number;
  readonly sessionId: number;
  readonly startTime: number;
}

/** Pids of all processes. */
export const listPids = (): readonly number[] => readdirSync('/proc').filter((entry) => /^\d+$/.test(entry)).map(Number);

/** A process, its parent, and so on, up to the first one that we can see. */
export function withParents(pid: number): readonly number[] {
  const chain: number[] = [];
  for (let next = pid; next > 0 && !chain.includes(next); next = readStat(next)?.parentPid ?? 0) {
    chain.push(next);
  }
  return chain;
}

/** Those that are members, and all their descendants, as {@link listProcesses} sees them. */
export function findWithDescendants(isMember: (stat: ProcessStat) => boolean): readonly ProcessStat[] {
  const seen = listProcesses(isMember);
  const members = new Set(seen.filter((process) => process.isMember).map(({ stat }) => stat.pid));
  for (let before = -1; members.size !== before; ) {
    before = members.size;
    seen.filter(({ stat }) => members.has(stat.parentPid)).forEach(({ stat }) => members.add(stat.pid));
  }
  return seen.flatMap(({ stat }) => (members.has(stat.pid) ? [stat] : []));
}

/** Those that are members, as {@link listProcesses} sees them. */
export const findProcesses = (isMember: (stat: ProcessStat) => boolean): readonly ProcessStat[] =>
  listProcesses(isMember).flatMap((process) => (process.isMember ? [process.stat] : []));

/** Most looks at what started during the look before; a machine where that never ends is busy with other things. */
const MOST_LOOKS = 100;

/** A process gets its pid a moment before it can be seen, and its parent may end in that moment: so many of the last pids are looked at again. */
const BORN_LATE = 4;

/** Most new pids that are looked at one by one; where there are more, the list of all is shorter. */
const MOST_NEW_PIDS = 1000;

/**
 * All live processes but the caller, and which of them are members.
 *
 * As long as no member is found, it looks again at what has started meanwhile, until nothing has: of processes each of which starts the next one
 * and ends, none would be there any more when it is its turn.
 */
function listProcesses(isMember: (stat: ProcessStat) => boolean): readonly { readonly stat: ProcessStat; readonly isMember: boolean }[] {
  const seen = new Map<number, { readonly stat: ProcessStat; readonly isMember: boolean }>();
  /** Whether there is a member among them. */
  const look = (pids: readonly number[]): boolean => {
    const stats = pids.flatMap((pid) => (pid === process.pid ? [] : (readStat(pid) ?? [])));
    const processes = stats.map((stat) => ({ stat, isMember: isMember(stat) }));
    processes.forEach((process) => seen.set(process.stat.pid, process));
    return processes.some((process) => process.isMember);
  };
  let before = readLastPid();
  for (let looks = 0, hasMember = look(listPids()); !hasMember && looks < MOST_LOOKS; looks += 1) {
    const last = readLastPid();
    hasMember = look(pidsBetween(before - BORN_LATE, last));
    if (last === before) {
      break;
    }
    before = last;
  }
  return [...seen.values()];
}

/** Pids of the processes that got one after `before`, up to `last`; all when pids began anew, or are too many. */
function pidsBetween(before: number, last: number): readonly number[] {
  return last < before || last - before > MOST_NEW_PIDS
    ? listPids()
    : Array.from({ length: last - before }, (_, index) => before + 1 + index).filter((pid) => existsSync(`/proc/${pid}`));
}

/** Pid that was given last, to a process or a thread; always the same where the system does not tell. */
const readLastPid = (): number => Number(/\d+\s*$/.exec(readFile('/proc/loadavg').toString('latin1'))?.[0] ?? 0);

/** Command line of a process for a report, cut; its name when it has none. */
export function readCommand(pid: number): string {
  const words = readProc(pid, 'cmdline').toString('utf8').split('\0').join(' ').trim();
  return (words === '' ? readProc(pid, 'comm').toString('utf8').trim() : words).slice(0, 200);
}

/** What /proc says of a live process; undefined when there is none. */
export function readStat(pid: number): ProcessStat | undefined {
  const fields = readStatFields(pid);
  // Z and X have ended already: what is left of them is only their status, for their parent.
  if (fields === undefined || /^[ZX]/.test(fields[0] ?? 'X')) {
    return undefined;
  }
  return {
    pid,
    parentPid: Number(fields[1]),
    groupId: Number(fields[2]),
    sessionId: Number(fields[3]),
    startTime: Number(fields[19]),
  };
}

/** Fields of /proc/<pid>/stat from the third on, also of a process that waits to be reaped: the second may hold blanks and brackets itself. */
export function readStatFields(pid: number): readonly string[] | undefined {
  const text = readProc(pid, 'stat').toString('latin1');
  return text === '' ? undefined : text.slice(text.lastIndexOf(')') + 2).split(' ');
}

/** Variables that a process was started with, as `NAME=value` in the given encoding; empty when we may not read them. */
export const readEnvironment = (pid: number, encoding: 'utf8' | 'latin1' = 'utf8'): readonly string[] => readProc(pid, 'environ').toString(encoding).split('\0');

/** Whether a process is in our cgroup: every container has another one. False when it is gone. */
export const isInOurCgroup = (pid: number): boolean => readProc(pid, 'cgroup').equals(readProc('self', 'cgroup'));

/** A file of a process in /proc; empty when the process is gone or belongs to somebody else. */
export const readProc = (pid: number | 'self', file: string): Buffer => readFile(`/proc/${pid}/${file}`);

function readFile(path: string): Buffer {
  let fd: number | undefined;
  try {
    fd = openSync(path, 'r');
    // One read for most files: readFileSync asks for a size first, which they do not have, and a look reads hundreds of them.
    const length = readSync(fd, scratch);
    return length < scratch.length ? Buffer.from(scratch.subarray(0, length)) : Buffer.concat([scratch, readFileSync(fd)]);
  } catch {
    return Buffer.alloc(0);
  } finally {
    if (fd !== undefined) {
      closeSync(fd);
    }
  }
}

/** More than /proc/<pid>/stat ever has, and than most environments. */
const scratch = Buffer.alloc(4096);
