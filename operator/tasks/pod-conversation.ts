import type { Backoff } from '../../src/program/backoff';
import type { Clock } from '../../src/program/clock';
import type { Logger } from '../../src/program/log';
import { isSandboxError, problem, SandboxError } from '../../src/schema/errors';
import type { ExecutorTaskRequest } from '../../src/schema/executor-api';
import type { ExecutorAnswer } from './executor-answer';
import type { ExecutorClient, TaskSet } from './executor-client';
import type { InFlightLimit } from './in-flight-limit';
import { isEnd, type ObservedTask, type TaskLetter, toObservedTask } from './task-state';

/** Least time from one long-poll to the next, in ms: a sandbox that answers at once for ever costs 20 calls a second. */
const POLL_PACE_MS = 50;
/** Time between two reads of an executor that cannot long-poll, in ms; well within the 5 s of R39. */
const READ_PACE_MS = 1_000;
/** How long calls fail before a running task is called unknown, in ms: longer than an executor's restart. */
const UNREACHABLE_MS = 2_000;

/** What a conversation is about. */
export interface ConversationSubject {
  /** `namespace/name` of the batch, for logs and for the report of changes. */
  readonly batchKey: string;
  readonly batchUID: string;
  readonly slot: number;
  readonly podUID: string;
}

/** How far a stop is. */
export interface StopState {
  /** `stopped` once the executor has answered with an empty set (R48). */
  readonly state: 'stopping' | 'stopped';
  /** When the stop was asked for, by the monotonic clock, in ms. */
  readonly startedAtMs: number;
}

/** What all conversations share. */
export interface ConversationTools {
  readonly client: ExecutorClient;
  readonly clock: Clock;
  readonly log: Logger;
  /** Delays after failed calls. */
  readonly backoff: Backoff<PodConversation>;
  /** Holds every call but long-polls. */
  readonly limit: InFlightLimit;
  /** Told when the letter, the dirty mark or the end of a stop is news. */
  readonly onNews: (conversation: PodConversation) => void;
  /** Told when the executor begins to refuse the operator's key. */
  readonly onUnauthorized: (conversation: PodConversation) => void;
}

type Step = 'address' | 'look' | 'send' | 'watch' | 'done' | 'clear' | 'drain' | 'stopped' | 'closed';

/** What each step asks of the executor; nothing where the conversation rests and costs neither call nor timer. */
const CALL_OF: Record<Step, 'read' | 'write' | 'poll' | 'nothing'> = {
  address: 'nothing',
  look: 'read',
  send: 'write',
  watch: 'poll',
  done: 'nothing',
  clear: 'write',
  drain: 'poll',
  stopped: 'nothing',
  closed: 'nothing',
};

/**
 * The talk with one pod's executor about one task: one call at a time, so that a late POST never follows a stop.
 *
 *   address ──IP──> look ──empty──> send ──shown──> watch ──ended──> done
 *                     ├──shown─────────────────────> │ ──empty──> send
 *                     └──another's task──> done (dirty)
 *   all of these ──stop──> clear ──still there──> drain ──empty──> stopped
 *                            └──empty──────────────────────────────^
 *
 * It looks before it sends: what an earlier operator sent is found by name and uid and never sent again (R37), and a
 * foreign task is left alone (R35). A failed call moves nothing; it is repeated after 50 ms doubling to 5 s.
 */
export class PodConversation {
  private step: Step = 'address';
  private task: ExecutorTaskRequest | undefined;
  private sent = false;
  private podIP = '';
  private observation: ObservedTask = { letter: 'P', dirty: false };
  private stopAtMs: number | undefined;
  private revision: string | undefined;
  private failingSinceMs: number | undefined;
  private unreachable = false;
  private unauthorized = false;
  private talk: Promise<void> | undefined;
  /** Aborts what may be cut short when something else is wanted: reads, polls and pauses. */
  private interrupt = new AbortController();
  /** Aborts everything, on close. */
  private readonly life = new AbortController();

  constructor(
    readonly subject: ConversationSubject,
    private readonly tools: ConversationTools,
  ) {}

  get observed(): ObservedTask {
    return this.observation;
  }

  /** Undefined until a stop is asked for. */
  get stopState(): StopState | undefined {
    if (this.stopAtMs === undefined) return undefined;
    return { state: this.step === 'stopped' ? 'stopped' : 'stopping', startedAtMs: this.stopAtMs };
  }

  /** Whether the task may have reached the executor, so that no edit takes it back (R36). */
  get wasSent(): boolean {
    return this.sent;
  }

  /** Asks for `task` at `podIP`, which may still be empty. Once sent, the task stays as it is; a stop is final. */
  run(task: ExecutorTaskRequest, podIP: string, recorded: TaskLetter): void {
    if (this.stopAtMs !== undefined || this.step === 'closed') return;
    if (!this.sent) this.task = task;
    // A task that ran before this operator started is running until its executor says otherwise.
    if (this.step === 'address' && podIP !== '') this.observation = { letter: recorded === 'R' ? 'R' : 'U', dirty: false };
    if (this.learnAddress(podIP) && this.step !== 'done') this.go('look');
  }

  /** Asks the executor to drop every task, until it shows none. A pod without an address was never sent any. */
  stop(podIP: string): void {
    const moved = this.learnAddress(podIP);
    if (this.step === 'stopped' || this.step === 'closed') return;
    if (this.stopAtMs !== undefined && !moved) return;
    this.stopAtMs ??= this.tools.clock.monotonicMs();
    if (this.podIP === '') this.endStop();
    else this.go('clear');
  }

  /** Ends every call at once; the pod's address is not used again (R116). Resolves when nothing runs any more. */
  async close(): Promise<void> {
    this.go('closed');
    this.life.abort();
    await this.talk;
  }

  /** Whether the address is new. A pod keeps its UID when its network is set up again. */
  private learnAddress(podIP: string): boolean {
    if (podIP === '' || podIP === this.podIP) return false;
    this.podIP = podIP;
    return true;
  }

  private go(step: Step): void {
    this.step = step;
    this.tools.backoff.reset(this);
    if (this.talk) {
      this.interrupt.abort();
      this.interrupt = new AbortController();
    }
    if (CALL_OF[step] !== 'nothing') this.talk ??= this.takeTurns();
  }

  private async takeTurns(): Promise<void> {
    while (CALL_OF[this.step] !== 'nothing') {
      const { signal } = this.interrupt;
      const pauseMs = await this.takeTurn(this.step, signal);
      if (pauseMs > 0) await this.tools.clock.sleep(pauseMs, signal);
    }
    this.talk = undefined;
  }

  /** Makes one call and learns from it. Never rejects; gives the pause before the next turn, in ms. */
  private async takeTurn(step: Step, signal: AbortSignal): Promise<number> {
    const startedAtMs = this.tools.clock.monotonicMs();
    try {
      const answer = await this.call(step, signal);
      // When something else was asked for meanwhile, the answer is to a question that no longer stands.
      if (this.step !== step) return 0;
      return this.learn(step, answer) - (this.tools.clock.monotonicMs() - startedAtMs);
    } catch (error) {
      return this.step === step ? this.learnFailure(error) : 0;
    }
  }

  private call(step: Step, signal: AbortSignal): Promise<TaskSet> {
    const { client, limit } = this.tools;
    const { revision, task } = this;
    const pod = { podUID: this.subject.podUID, podIP: this.podIP };
    if (CALL_OF[step] === 'write') {
      const tasks = step === 'send' && task ? [task] : [];
      this.sent ||= step === 'send';
      // Cut short, a write might still be carried out after the one that follows it: only close() does that.
      return limit.run(() => client.setTasks(pod, tasks, this.life.signal));
    }
    if (CALL_OF[step] === 'poll' && revision !== undefined) return client.awaitTasks(pod, revision, signal);
    return limit.run(() => client.getTasks(pod, signal));
  }

  /** Gives the least time from the start of this turn to the next, in ms. */
  private learn(step: Step, { tasks, revision }: TaskSet): number {
    this.revision = revision;
    if (this.stopAtMs === undefined) this.learnTask(tasks);
    else if (tasks.length > 0) this.step = 'drain';
    else this.endStop();
    if (step === 'send' && this.step === 'send') {
      throw new SandboxError('EXECUTOR_UNAVAILABLE', problem('executor', 'answer', 'the task that was sent', 'none'));
    }
    this.learnSuccess();
    if (CALL_OF[this.step] === 'poll' && revision === undefined) return READ_PACE_MS;
    return CALL_OF[step] === 'poll' ? POLL_PACE_MS : 0;
  }

  private learnTask(tasks: readonly ExecutorAnswer[]): void {
    const own = tasks.find((task) => this.isOwn(task));
    if (own) {
      const observed = toObservedTask(own);
      this.sent = true;
      this.step = isEnd(observed.letter) ? 'done' : 'watch';
      this.observe(observed);
    } else {
      this.step = tasks.length === 0 ? 'send' : 'done';
      this.observe({ letter: 'U', dirty: tasks.length > 0 });
    }
  }

  /** An executor that does not know of uids leaves them out. */
  private isOwn(answer: ExecutorAnswer): boolean {
    return answer.name === this.task?.name && (answer.uid ?? this.task.uid) === this.task.uid;
  }

  private learnSuccess(): void {
    this.tools.backoff.reset(this);
    this.failingSinceMs = undefined;
    if (this.unreachable) this.tools.log.info(this.subject, 'executor answers again');
    this.unreachable = false;
    this.unauthorized = false;
  }

  private learnFailure(error: unknown): number {
    if (this.step === 'send' && isSandboxError(error) && error.code === 'EXECUTOR_REFUSED') {
      this.step = 'done';
      this.observe({ letter: 'F', dirty: false, reason: 'TaskRefused', message: error.message });
      return 0;
    }
    // The next call is a plain read: a long-poll would answer only at the next change.
    this.revision = undefined;
    const nowMs = this.tools.clock.monotonicMs();
    this.failingSinceMs ??= nowMs;
    if (!this.unreachable && nowMs - this.failingSinceMs >= UNREACHABLE_MS) {
      this.unreachable = true;
      this.tools.log.warn({ ...this.subject, error: error instanceof Error ? error.message : String(error) }, 'executor does not answer');
      if (this.stopAtMs === undefined) {
        this.observation = { letter: 'U', dirty: false };
        // News in any case: what was unknown from the beginning has not been told.
        this.tools.onNews(this);
      }
    }
    // For a moment the token may be at fault: one that was signed before the executor's start is refused too.
    if (this.unreachable && !this.unauthorized && isSandboxError(error) && error.code === 'EXECUTOR_UNAUTHORIZED') {
      this.unauthorized = true;
      this.tools.onUnauthorized(this);
    }
    return this.tools.backoff.next(this);
  }

  private observe(observed: ObservedTask): void {
    const { letter, dirty } = this.observation;
    this.observation = observed;
    if (letter !== observed.letter || dirty !== observed.dirty) this.tools.onNews(this);
  }

  private endStop(): void {
    this.step = 'stopped';
    this.tools.onNews(this);
  }
}
