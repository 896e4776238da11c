import { type ProcessStat, readStat } from './proc';
import { findTree, signalPid, type TaskTree } from './process';

/** First and longest pause between two looks at processes that are not our children: their end brings no event. */
const FIRST_LOOK_MS = 4;
const LONGEST_LOOK_MS = 500;

/** Pause while new ones appear, in ms: some live for less, so that only many looks meet one of them alive. */
const CHASE_MS = 1;

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
  const seen = new Set<string>();
  let killed = false;
  let pauseMs = FIRST_LOOK_MS;
  let leader = leaderEnded;
  for (let left = look(); left.length > 0 && deadline?.aborted !== true; left = look()) {
    const fresh = left.filter((process) => !seen.has(keyOf(process)));
    if (killed && fresh.length > 0) {
      // They fork faster than we end them. Stopped ones fork no more, and go on counting where the number of processes is limited.
      signalAll(fresh, 'SIGSTOP', groupId);
      pauseMs = CHASE_MS;
    } else if (killed || performance.now() >= killAt) {
      killed = true;
      signalAll(left, 'SIGKILL', groupId);
    } else {
      // Each process gets one SIGTERM: a second one makes some programs skip their clean-up.
      signalAll(fresh, 'SIGTERM', seen.size === 0 ? groupId : undefined);
    }
    fresh.forEach((process) => seen.add(keyOf(process)));
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
