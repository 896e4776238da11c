import type { PodFacts } from '../pod-facts';
import type { PoolStarts, UnreadyPod } from '../pool-book';
import { compareText } from '../ready-queue';
import type { StartProblem } from '../start-problem';

/** A problem that lasts so long, in ms, is a failed start: a registry that hiccups is asked again by the node long before. */
const PROBLEM_LASTS_MS = 30_000;
/** A pod that is not Ready for so long, in ms, has failed without saying why; a large image may take minutes. */
const UNREADY_LASTS_MS = 600_000;
/** So many failed starts in a row end the filling: fewer may be one bad node. */
const FAILURES_TO_OPEN = 3;
/** Pause before the first try of one pod, in ms; it doubles with every try that fails. */
const FIRST_PAUSE_MS = 10_000;
/** Longest pause between two tries, in ms. */
const LONGEST_PAUSE_MS = 300_000;

/** Since when a pod has been as it is, by the monotonic clock in ms. */
interface Watched {
  readonly unreadyAtMs: number;
  readonly problem: { readonly sinceMs: number; readonly onNode: boolean } | undefined;
}

/** An open breaker: what it says, and when it tries again. */
export interface OpenBreaker extends StartProblem {
  readonly pauseMs: number;
  /** Earliest time of the next try, by the monotonic clock in ms. */
  readonly tryAtMs: number;
  /** Whether a try was allowed since the last failure. */
  readonly trying: boolean;
}

/** What is remembered of the starts of one pool. */
export interface BreakerState {
  /** Template revision that it is about: a changed template starts anew. */
  readonly revision: string;
  readonly watched: ReadonlyMap<string, Watched>;
  /** UIDs of failed pods that still exist and were counted. */
  readonly counted: ReadonlySet<string>;
  /** Failed starts in a row, and what the last of them said. */
  readonly failures: number;
  readonly lastFailure: StartProblem | undefined;
  readonly open: OpenBreaker | undefined;
}

export interface BreakerInput {
  readonly starts: PoolStarts;
  /** Whether the pool is to have pods that it does not have, of this revision or at all. */
  readonly wantsMore: boolean;
  /** Monotonic clock in ms. */
  readonly nowMs: number;
}

export interface BreakerPlan {
  readonly state: BreakerState;
  /** Failed pods to delete. */
  readonly remove: readonly PodFacts[];
  /** Most pods that may be made now. */
  readonly createLimit: number;
}

/** The state of a pool of which nothing is known. With `open` it goes on with what another process had found. */
export function newBreaker(revision: string, nowMs: number, open?: StartProblem): BreakerState {
  return { revision, watched: new Map(), counted: new Set(), failures: 0, lastFailure: undefined, open: open && openFor(open, FIRST_PAUSE_MS, nowMs) };
}

/**
 * Decides whether a pool may go on making pods, and which of those that do not start are to go.
 *
 *   closed ──3 failed starts in a row, or one pod that no node takes──> open ──pause──> one pod is tried ──fails──> open, twice the pause
 *     ^                                                                                   │
 *     └──a pod becomes Ready for the first time, the template changes, or nobody wants more pods──┘
 *
 * While it is closed, pods that do not start are replaced. While it is open, the newest of them stays until the next try, for whoever wants to
 * look at it, and may still recover by itself. A pod that no node takes stays in any case: it is what the scheduler and an autoscaler act on,
 * and a new one would fare no better.
 */
export function planBreaker(state: BreakerState, { starts, wantsMore, nowMs }: BreakerInput): BreakerPlan {
  const { succeeded, died, unready } = starts;
  const watched = new Map(unready.map((pod) => [pod.facts.uid, watch(state.watched.get(pod.facts.uid), pod, nowMs)]));
  // The newest last: it is the one that stays to be looked at, so it is the one to speak of.
  const failed = unready.filter((pod) => hasFailed(pod, watched.get(pod.facts.uid), nowMs)).sort((a, b) => compareAge(a.facts, b.facts));
  const failedUIDs = new Set(failed.map(({ facts }) => facts.uid));
  const stuck = failed.filter(isUnschedulable);
  const fresh = failed.filter(({ facts, wasReady }) => !wasReady && !state.counted.has(facts.uid));
  const last = [...died.map((facts) => describe({ facts, problem: facts.problem })), ...fresh.map(describe)].at(-1);
  const anew = succeeded || (!wantsMore && unready.length === 0);
  const failures = anew ? 0 : state.failures + fresh.length + died.length;
  const earlier = anew ? undefined : state.open;
  const cause = last ?? (earlier === undefined ? stuck.map(describe)[0] : undefined);
  const opens = earlier !== undefined || stuck.length > 0 || failures >= FAILURES_TO_OPEN;
  const open = opens && cause !== undefined ? openFor(cause, nextPauseMs(earlier), nowMs) : earlier;

  const starting = unready.some((pod) => !pod.wasReady && !failedUIDs.has(pod.facts.uid));
  const tries = open !== undefined && nowMs >= open.tryAtMs && !starting && stuck.length === 0;
  const removable = failed.filter((pod) => !isUnschedulable(pod) && (open === undefined || !pod.wasReady)).map(({ facts }) => facts);
  return {
    state: {
      revision: state.revision,
      watched,
      counted: failedUIDs,
      failures,
      lastFailure: failures === 0 ? undefined : (last ?? state.lastFailure),
      open: open && { ...open, trying: open.trying || tries },
    },
    remove: open === undefined || tries ? removable : removable.slice(0, -1),
    createLimit: open === undefined ? Infinity : tries ? 1 : 0,
  };
}

function watch(known: Watched | undefined, pod: UnreadyPod, nowMs: number): Watched {
  const onNode = !isUnschedulable(pod);
  const same = known?.problem?.onNode === onNode ? known.problem : { sinceMs: nowMs, onNode };
  return { unreadyAtMs: known?.unreadyAtMs ?? nowMs, problem: pod.problem === undefined ? undefined : same };
}

/** A pod that was Ready once has started: it gets the long time to become Ready again. */
function hasFailed({ wasReady }: UnreadyPod, watched: Watched | undefined, nowMs: number): boolean {
  if (watched === undefined) return false;
  const { problem, unreadyAtMs } = watched;
  return nowMs - unreadyAtMs >= UNREADY_LASTS_MS || (!wasReady && problem !== undefined && nowMs - problem.sinceMs >= PROBLEM_LASTS_MS);
}

function isUnschedulable({ problem }: UnreadyPod): boolean {
  return problem?.reason === 'Unschedulable';
}

function describe({ facts, problem }: Pick<UnreadyPod, 'facts' | 'problem'>): StartProblem {
  const { reason = 'PodsFailing', message = `not Ready after ${UNREADY_LASTS_MS / 1000} s` } = problem ?? {};
  return { reason, message: `pod '${facts.name}': ${message}` };
}

function openFor({ reason, message }: StartProblem, pauseMs: number, nowMs: number): OpenBreaker {
  return { reason, message, pauseMs, tryAtMs: nowMs + pauseMs, trying: false };
}

/** Only a try that failed makes the pause longer, not pods that were made before the breaker opened. */
function nextPauseMs(open: OpenBreaker | undefined): number {
  if (open === undefined) return FIRST_PAUSE_MS;
  return open.trying ? Math.min(2 * open.pauseMs, LONGEST_PAUSE_MS) : open.pauseMs;
}

function compareAge(a: PodFacts, b: PodFacts): number {
  return compareText(a.createdAt, b.createdAt) || compareText(a.name, b.name);
}
