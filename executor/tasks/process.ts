import { readFileSync } from 'node:fs';
import { EnvVar } from '../../src/schema/names';
import { findProcesses, findWithDescendants, isInOurCgroup, type ProcessStat, readEnvironment, readStat, readStatFields, withParents } from './proc';

/**
 * One process, told apart from every other that ever had its pid.
 *
 * Compared before every signal and every "is it alive" (rule 7): a mismatch means that the pid is not ours any more.
 */
export interface ProcessIdentity {
  readonly pid: number;
  /** Start time in clock ticks since boot, field 22 of /proc/<pid>/stat. */
  readonly startTime: number;
  /** /proc/sys/kernel/random/boot_id at that time. */
  readonly bootId: string;
}

/** Identity of the running system; changes with every boot. */
export function readBootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}

/** Identity of a process, also of one that has ended and is not reaped yet; undefined when there is none. */
export function identifyProcess(pid: number): ProcessIdentity | undefined {
  const fields = readStatFields(pid);
  return fields === undefined ? undefined : { pid, startTime: Number(fields[19]), bootId: readBootId() };
}

/** Whether the very process of `identity` still runs; one that only waits to be reaped does not. */
export function isAlive(identity: ProcessIdentity): boolean {
  return identity.bootId === readBootId() && readStat(identity.pid)?.startTime === identity.startTime;
}

/** Sends a signal, unless the process is gone or its pid has another owner. */
export function signalProcess(identity: ProcessIdentity, signal: NodeJS.Signals): void {
  if (isAlive(identity)) {
    signalPid(identity.pid, signal);
  }
}

/** Sends a signal to the group that a process leads, unless the process is gone or its pid has another owner. */
export function signalGroup(leader: ProcessIdentity, signal: NodeJS.Signals): void {
  if (isAlive(leader)) {
    signalPid(-leader.pid, signal);
  }
}

/** The processes of one task, wherever they went. */
export interface TaskTree {
  /** Value of SANDBOX_TASK_ID in every process of the task. */
  readonly taskId: string;
  /** First process of the task, head of its group and session; absent while unknown. */
  readonly leader?: ProcessIdentity;
}

/**
 * Every live process of a task except the caller: its session, whoever carries its id, and all their children.
 *
 * A process that leaves session and parents and also overwrites its environment is not found. When the leader has ended and its pid was given to
 * another leader of a session that has ended too, what is left of that session is taken for the task's: nothing tells the two apart.
 */
export function findTree(tree: TaskTree): readonly ProcessStat[] {
  const marker = `${EnvVar.taskId}=${tree.taskId}`;
  const leader = tree.leader !== undefined && isItsNumber(tree.leader) ? tree.leader : undefined;
  return findWithDescendants((stat) => {
    const isYounger = leader === undefined || stat.startTime >= leader.startTime;
    const isOfLeader = stat.sessionId === leader?.pid; // and so is all of its group: a group lies within one session
    return isYounger && (isOfLeader || readEnvironment(stat.pid).some((entry) => entry === marker));
  });
}

/** Whether a session of this number can be the one of `leader`: while one of them is left, nobody else gets the pid (rule 7). */
function isItsNumber(leader: ProcessIdentity): boolean {
  const now = identifyProcess(leader.pid);
  return leader.bootId === readBootId() && (now === undefined || now.startTime === leader.startTime);
}

/**
 * Every live process that carries an id of this scope, and all their children: scope and a dot begin the ids.
 *
 * @param except ids that do not count
 */
export function findScope(scope: string, except: readonly string[] = []): readonly ProcessStat[] {
  const prefix = `${EnvVar.taskId}=${scope}.`;
  const excepted = except.map((taskId) => `${EnvVar.taskId}=${taskId}`);
  return findWithDescendants(({ pid }) => readEnvironment(pid).some((entry) => entry.startsWith(prefix) && !excepted.includes(entry)));
}

/**
 * Every live process of our cgroup but ourselves, our parents and our own children, which are runners. In a container of our own these
 * are what tasks left behind, also when they hide their id; and what somebody put into the container (`kubectl exec`, a probe that runs a
 * program), which nothing tells from it.
 */
export function findCgroupMates(): readonly ProcessStat[] {
  const parents = withParents(process.ppid);
  return findProcesses(({ pid, parentPid }) => !parents.includes(pid) && parentPid !== process.pid && isInOurCgroup(pid));
}

/**
 * Those of `findMates` that are not known, for which it looks first: a child that a known process forks between the two looks is no mate yet,
 * and hides from nobody.
 */
export function withoutKnown(findMates: () => readonly ProcessStat[], findKnownPids: () => readonly number[]): readonly ProcessStat[] {
  const mates = findMates();
  const known = new Set(findKnownPids());
  return mates.filter(({ pid }) => !known.has(pid));
}

/**
 * Sends a signal to a process or, when negative, to a group. No error is one that has ended by now, nor one that got other rights and may not be
 * signalled by us: it lives on, and that shows.
 */
export function signalPid(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && (error.code === 'ESRCH' || error.code === 'EPERM'))) {
      throw error;
    }
  }
}
