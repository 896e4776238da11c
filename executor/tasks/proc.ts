import { closeSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';

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

/** All live processes but the caller. */
export const listProcesses = (): readonly ProcessStat[] => listPids().flatMap((pid) => (pid === process.pid ? [] : (readStat(pid) ?? [])));

/** A process, its parent, and so on, up to the first one that we can see. */
export function withParents(pid: number): readonly number[] {
  const chain: number[] = [];
  for (let next = pid; next > 0 && !chain.includes(next); next = readStat(next)?.parentPid ?? 0) {
    chain.push(next);
  }
  return chain;
}

/** Those of `all` that are members, and all their descendants. */
export function withDescendants(all: readonly ProcessStat[], isMember: (stat: ProcessStat) => boolean): readonly ProcessStat[] {
  const members = new Set(all.filter(isMember).map((stat) => stat.pid));
  for (let before = -1; members.size !== before; ) {
    before = members.size;
    all.filter((stat) => members.has(stat.parentPid)).forEach((stat) => members.add(stat.pid));
  }
  return all.filter((stat) => members.has(stat.pid));
}

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
export function readProc(pid: number | 'self', file: string): Buffer {
  let fd: number | undefined;
  try {
    fd = openSync(`/proc/${pid}/${file}`, 'r');
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
