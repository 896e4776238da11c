import { closeSync, constants, openSync } from 'node:fs';
import { EnvVar } from '../../src/schema/names';
import { isInOurCgroup, listPids, type ProcessStat, readEnvironment, readProc, readStat, withParents } from './proc';
import { identifyProcess, isAlive, type ProcessIdentity } from './process';
import type { MainContainerOrder } from './runner-protocol';

/** What a task takes over from the first process of the main container. */
export interface MainProcess {
  /** The process itself, for the next look. */
  readonly identity: ProcessIdentity;
  /** Its root directory and its working directory, held open: a pid that is reused cannot change them any more. Close both. */
  readonly rootFd: number;
  readonly workingDirFd: number;
  /** Variables without the executor's own marks; one character for each byte (latin1), since they need not be UTF-8. */
  readonly env: Readonly<Record<string, string>>;
  readonly credentials: Credentials;
}

/** As whom a process acts, as /proc/<pid>/status says it. */
export interface Credentials {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
  /** Bounding set: bit n stands for capability n. No program that the process starts can have more. */
  readonly capabilities: bigint;
  /** Whether programs can give it no further rights, such as by set-user-ID. */
  readonly noNewPrivileges: boolean;
}

/**
 * Finds and opens the main process of a container: of all processes that say they are in it, the oldest one that no task has started.
 *
 * Look again for each start, since a container that is restarted has another one. Needs SYS_PTRACE when its user is another one.
 *
 * @param known what an earlier look has found: while it lives, it is still the oldest, and nobody else has to be looked at
 * @returns undefined while there is none
 * @throws the error of the system when there is one that cannot be opened; another look may succeed
 */
export function openMainProcess(container: Omit<MainContainerOrder, 'waitSeconds'>, known?: ProcessIdentity): MainProcess | undefined {
  const found = known !== undefined && isAlive(known) ? known : findMainProcess(container);
  const identity = found && identifyProcess(found.pid);
  if (found === undefined || identity?.startTime !== found.startTime) {
    return undefined;
  }
  const opened: number[] = [];
  let isKept = false;
  try {
    const [rootFd, workingDirFd] = ['root', 'cwd'].map((name) => {
      const fd = openSync(`/proc/${found.pid}/${name}`, constants.O_RDONLY | constants.O_DIRECTORY);
      opened.push(fd);
      return fd;
    }) as [number, number];
    const main = { identity, rootFd, workingDirFd, env: variablesOf(found.pid), credentials: readCredentials(found.pid) };
    isKept = isAlive(identity);
    return isKept ? main : undefined;
  } catch (error) {
    if (isAlive(identity)) {
      throw error;
    }
    return undefined;
  } finally {
    if (!isKept) {
      opened.forEach(closeSync);
    }
  }
}

/** Capabilities that finding and entering a container and ending its processes takes, by number. @see include/uapi/linux/capability.h of Linux */
const ENTRY_CAPABILITIES = { CHOWN: 0, DAC_OVERRIDE: 1, KILL: 5, SETGID: 6, SETUID: 7, SETPCAP: 8, SYS_CHROOT: 18, SYS_PTRACE: 19 } as const;

/** @throws Error that names the capabilities that we lack */
export function checkEntryCapabilities(): void {
  const effective = BigInt(`0x${/^CapEff:\s*(\w+)/m.exec(readProc('self', 'status').toString('latin1'))?.[1] ?? '0'}`);
  const missing = Object.entries(ENTRY_CAPABILITIES).filter(([, bit]) => ((effective >> BigInt(bit)) & 1n) === 0n);
  if (missing.length > 0) {
    const names = missing.map(([name]) => name).join(', ');
    throw new Error(`executor: --enable-sidecar-mode: expected root with the default capabilities of a container and SYS_PTRACE, got a process without ${names}`);
  }
}

/** Credentials of a process. */
export function readCredentials(pid: number | 'self'): Credentials {
  const status = readProc(pid, 'status').toString('latin1');
  const field = (name: string) => new RegExp(`^${name}:[ \\t]*(.*?)[ \\t]*$`, 'm').exec(status)?.[1] ?? '';
  const ids = (name: string) => field(name).split(/\s+/).filter((text) => text !== '').map(Number);
  const [[uid], [gid]] = [ids('Uid'), ids('Gid')];
  if (uid === undefined || gid === undefined) {
    throw new Error(`process ${pid}: expected its credentials, got none`);
  }
  return { uid, gid, groups: ids('Groups'), capabilities: BigInt(`0x${field('CapBnd')}`), noNewPrivileges: field('NoNewPrivs') === '1' };
}

function findMainProcess({ name, isInOtherCgroup }: Omit<MainContainerOrder, 'waitSeconds'>): ProcessStat | undefined {
  const marker = `${EnvVar.mainContainer}=${name}`;
  const runner = readProc('self', 'cmdline');
  const isOurs = (pid: number) => readEnvironment(pid).some(isTaskId) || readProc(pid, 'cmdline').equals(runner);
  return listPids()
    .filter((pid) => readEnvironment(pid).includes(marker))
    .flatMap((pid) => readStat(pid) ?? [])
    // A task may change its variables, but not its cgroup. Who its parents are tells less: an orphan gets another one.
    .filter(({ pid }) => !(isInOtherCgroup && isInOurCgroup(pid)) && !withParents(pid).some(isOurs))
    .sort((a, b) => a.startTime - b.startTime || a.pid - b.pid)[0];
}

const isTaskId = (variable: string): boolean => variable.startsWith(`${EnvVar.taskId}=`);

function variablesOf(pid: number): Record<string, string> {
  const entries = readEnvironment(pid, 'latin1').flatMap((entry) => {
    const end = entry.indexOf('=');
    return end < 1 ? [] : [[entry.slice(0, end), entry.slice(end + 1)] as const];
  });
  const own: readonly string[] = [EnvVar.mainContainer, EnvVar.taskId];
  return Object.fromEntries(entries.filter(([name]) => !own.includes(name)));
}
