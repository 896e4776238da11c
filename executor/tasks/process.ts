import { readFileSync } from 'node:fs';
import { EnvVar } from '../../src/schema/names';
import { isInOurCgroup, listProcesses, type ProcessStat, readEnvironment, readStat, readStatFields, withDescendants, withParents } from './proc';

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

/** The processes of one task, wherever they went. */
export interface TaskTree {
  /** Value of SANDBOX_TASK_ID in every process of the task. */
  readonly taskId: string;
  /** First process of the task, head of its group and session; absent while unknown. */
  readonly leader?: ProcessIdentity;
}

/**
 * Every live process of a task except the caller: its group, its session, whoever carries its id, and all their children.
 *
 * A process that leaves group, session and parents and also overwrites its environment is not found.
 */
export function findTree(tree: TaskTree): readonly ProcessStat[] {
  const marker = `${EnvVar.taskId}=${tree.taskId}`;
  const leader = tree.leader?.bootId === readBootId() ? tree.leader : undefined;
  return withDescendants(listProcesses(), (stat) => {
    const isYounger = leader === undefined || stat.startTime >= leader.startTime;
    const isOfLeader = stat.pid === leader?.pid || stat.groupId === leader?.pid || stat.sessionId === leader?.pid;
    return isYounger && (isOfLeader || readEnvironment(stat.pid).some((entry) => entry === marker));
  });
}

/**
 * Every live process that carries an id of this scope, and all their children: scope and a dot begin the ids.
 *
 * @param except ids that do not count
 */
export function findScope(scope: string, except: readonly string[] = []): readonly ProcessStat[] {
  const prefix = `${EnvVar.taskId}=${scope}.`;
  const excepted = except.map((taskId) => `${EnvVar.taskId}=${taskId}`);
  return withDescendants(listProcesses(), ({ pid }) => readEnvironment(pid).some((entry) => entry.startsWith(prefix) && !excepted.includes(entry)));
}

/**
 * Every live process of our cgroup but ourselves, our parents and our own children, which are runners. In a container of our own these
 * are what tasks left behind, also when they hide their id; and what somebody put into the container (`kubectl exec`, a probe that runs a
 * program), which nothing tells from it.
 */
export function findCgroupMates(): readonly ProcessStat[] {
  const parents = withParents(process.ppid);
  return listProcesses().filter(({ pid, parentPid }) => !parents.includes(pid) && parentPid !== process.pid && isInOurCgroup(pid));
}

/** First and longest pause between two looks at processes that are not our children: their end brings no event. */
const FIRST_LOOK_MS = 4;
const LONGEST_LOOK_MS = 500;

/** Which processes {@link endProcesses} ends, and how patiently. */
export interface EndOptions {
  /** The processes that are left. */
  readonly look: () => readonly ProcessStat[];
  /** Group that is signalled as one, which no fork escapes; its members alone are told by `look`. */
  readonly groupId?: number;
  /** Time between SIGTERM and SIGKILL, in ms. */
  readonly graceMs: number;
  /** Resolves when the first process of them has ended; until then there is no look in between. */
  readonly leaderEnded?: Promise<unknown>;
  /** Gives up when it aborts. */
  readonly deadline?: AbortSignal;
}

/**
 * Ends processes: SIGTERM, grace, then SIGKILL, until none is left. Returns only then, or at the deadline.
 *
 * @returns whether SIGKILL was needed
 */
export async function endProcesses({ look, groupId, graceMs, leaderEnded, deadline }: EndOptions): Promise<boolean> {
  const killAt = performance.now() + graceMs;
  const termed = new Set<string>();
  let killed = false;
  let pauseMs = FIRST_LOOK_MS;
  let leader = leaderEnded;
  for (let left = look(); left.length > 0 && deadline?.aborted !== true; left = look()) {
    killed ||= performance.now() >= killAt;
    if (killed) {
      signalAll(left, 'SIGKILL', groupId);
    } else {
      // Each process gets one SIGTERM: a second one makes some programs skip their clean-up.
      signalAll(left.filter((process) => !termed.has(keyOf(process))), 'SIGTERM', termed.size === 0 ? groupId : undefined);
      left.forEach((process) => termed.add(keyOf(process)));
    }
    const untilKillMs = killed ? LONGEST_LOOK_MS : Math.max(1, killAt - performance.now());
    // The leader's end is an event, so that there is no need to look before it.
    await pause(leader === undefined ? Math.min(pauseMs, untilKillMs) : untilKillMs, leader?.then(() => (leader = undefined)));
    pauseMs = Math.min(pauseMs * 2, LONGEST_LOOK_MS);
  }
  return killed;
}

/** {@link endProcesses} for the tree of one task. */
export function endTree(tree: TaskTree, graceMs: number, leaderEnded?: Promise<unknown>): Promise<boolean> {
  return endProcesses({ look: () => findTree(tree), groupId: tree.leader?.pid, graceMs, leaderEnded });
}

function signalAll(processes: readonly ProcessStat[], signal: NodeJS.Signals, groupId: number | undefined): void {
  if (groupId !== undefined && processes.some((process) => process.groupId === groupId)) {
    signalPid(-groupId, signal);
  }
  for (const stray of processes.filter((process) => process.groupId !== groupId)) {
    if (readStat(stray.pid)?.startTime === stray.startTime) {
      signalPid(stray.pid, signal);
    }
  }
}

const keyOf = ({ pid, startTime }: ProcessStat) => `${pid}/${startTime}`;

/** Ends after `ms` or with `event`, and leaves no timer that would keep a runner from ending. */
function pause(ms: number, event?: Promise<unknown>): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    void event?.then(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}

function signalPid(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    // Ended between the look and the signal.
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) {
      throw error;
    }
  }
}
