import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { childrenOf } from '../support/children-of';

/** What a process, with its children, has used so far and has now. */
export interface Usage {
  /** Processor time since its start, in ms; whole hundredths of a second. */
  readonly cpuMs: number;
  /** Resident memory, in bytes. */
  readonly residentBytes: number;
  /** The most of it that there ever was, in bytes. */
  readonly peakBytes: number;
}

/** Clock ticks of /proc last so long on every machine that Node runs on, in ms. */
const TICK_MS = 10;
/** State of a TCP connection in /proc/net/tcp that is open at both ends. */
const ESTABLISHED = '01';

/** Reads what a process and its children use. */
export function usageOf(pid: number): Usage {
  const all = treeOf(pid).map(usageOfOne);
  const sum = (of: (usage: Usage) => number) => all.reduce((total, usage) => total + of(usage), 0);
  return { cpuMs: sum(({ cpuMs }) => cpuMs), residentBytes: sum(({ residentBytes }) => residentBytes), peakBytes: sum(({ peakBytes }) => peakBytes) };
}

/** Processor time of some processes, without their children, in ms; those that have ended count nothing. */
export function cpuOf(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    try {
      return sum + usageOfOne(pid).cpuMs;
    } catch {
      return sum;
    }
  }, 0);
}

/** Processor time that the whole machine has spent since its start, on all cores together, in ms. */
export function cpuOfMachine(): number {
  const [, user, nice, system, , , irq, softirq] = readFileSync('/proc/stat', 'latin1').split('\n', 1)[0]?.split(/\s+/).map(Number) ?? [];
  return TICK_MS * [user, nice, system, irq, softirq].reduce<number>((sum, ticks) => sum + (ticks ?? 0), 0);
}

/** TCP connections of a process and its children to a port. */
export function connectionsTo(pid: number, port: number): number {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const sockets = new Set<string>();
  for (const line of readFileSync(`/proc/${pid}/net/tcp`, 'utf8').split('\n')) {
    const [, , remote = '', state, , , , , , inode = ''] = line.trim().split(/\s+/);
    if (remote.endsWith(suffix) && state === ESTABLISHED) sockets.add(`socket:[${inode}]`);
  }
  return treeOf(pid).flatMap(filesOf).filter((file) => sockets.has(file)).length;
}

function treeOf(pid: number): readonly number[] {
  return [pid, ...childrenOf(pid).flatMap(treeOf)];
}

function usageOfOne(pid: number): Usage {
  // After the name, which may hold anything: fields 14 and 15 are the ticks.
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').replace(/^.*\) /s, '').split(' ');
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  const bytes = (key: string) => 1024 * Number(new RegExp(`^${key}:\\s*(\\d+) kB$`, 'm').exec(status)?.[1] ?? 0);
  return { cpuMs: TICK_MS * (Number(fields[11]) + Number(fields[12])), residentBytes: bytes('VmRSS'), peakBytes: bytes('VmHWM') };
}

function filesOf(pid: number): readonly string[] {
  return readdirSync(`/proc/${pid}/fd`).flatMap((file) => {
    try {
      return [readlinkSync(`/proc/${pid}/fd/${file}`)];
    } catch {
      return []; // closed meanwhile
    }
  });
}
