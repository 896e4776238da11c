import { type ExecutorProcess, type ExecutorTask, type ExecutorTaskRequest, REVISION_HEADER } from '../../src/schema/executor-api';
import type { Clock } from '../../src/program/clock';
import type { Responder, Server, SimulatedRequest } from './exchange';
import type { Random } from './random';

/** How a simulated task meets its end when it is told to stop: within a second, by SIGKILL after 10 s, or never. */
export const STOP_MANNERS = ['polite', 'stubborn', 'unkillable'] as const;
export type StopManner = (typeof STOP_MANNERS)[number];

/** Command of a simulated task; `seconds` 0 runs until it is stopped. */
export function taskCommand(seconds: number, exitCode: number, manner: StopManner): string[] {
  return ['run', String(seconds), String(exitCode), manner];
}

/** One run of a task on one pod. */
export interface Run {
  readonly podUID: string;
  /** Of the task: the UID of its batch. */
  readonly batchUID: string;
  /** Of the task, such as `b1-0`. */
  readonly name: string;
  readonly startedAtMs: number;
  /** When the process was over, whatever ended it; undefined while it runs. */
  endedAtMs: number | undefined;
  /** Exit code of a process that ended by itself; -1 of one that was killed. */
  exitCode: number | undefined;
  /** Who has had it started, and dropped; absent where that is not known. */
  readonly startedBy?: string;
  droppedBy?: string;
}

interface HeldTask {
  task: ExecutorTask;
  readonly run: Run;
  readonly manner: StopManner;
  /** Cancels what would end the process. */
  cancelEnd: () => void;
}

/** Who may ask an executor: makes the checks of the executor of a pod, from its start on. */
export type ExecutorGuard = (podUID: string) => (request: SimulatedRequest) => Promise<boolean>;

/** Longest time that a reset waits for processes to end, in ms. */
const LONGEST_RESET_MS = 25_000;

/** One pod's executor. Its records outlive its restart, and so do the processes that it started. */
class SimulatedExecutor {
  readonly held = new Map<string, HeldTask>();
  isDown = false;
  /** Whether it answers a request; a new server of it has new checks. */
  isAllowed: (request: SimulatedRequest) => Promise<boolean> = () => Promise.resolve(true);
  private revision: number;
  private readonly polls = new Set<() => void>();

  constructor(
    readonly podUID: string,
    private readonly clock: Clock,
    private readonly random: Random,
    private readonly onStart: (run: Run) => void,
    private readonly onEnd: (run: Run) => void,
    private readonly onDrop: (run: Run) => void,
    private readonly onForget: (run: Run) => void,
  ) {
    this.revision = random.whole(1, 1_000_000);
  }

  answer(request: SimulatedRequest, responder: Responder): void {
    const url = new URL(request.path, 'http://executor');
    if (url.pathname === '/reset') {
      this.reset(responder, request.client);
      return;
    }
    if (url.pathname === '/setTasks') this.set(JSON.parse(request.body) as ExecutorTaskRequest[], request.client);
    else if (url.searchParams.get('after') === String(this.revision)) {
      this.poll(responder, Number(url.searchParams.get('wait')) * 1000);
      return;
    }
    this.tell(responder);
  }

  /** The processes die with their pod. */
  kill(): void {
    for (const held of this.held.values()) {
      held.cancelEnd();
      this.end(held, -1);
    }
    this.polls.clear();
  }

  /** Long-polls under way break; the tasks run on. */
  goDown(): void {
    this.isDown = true;
    for (const poll of [...this.polls]) poll();
  }

  private tell(responder: Responder): void {
    responder.start(200, { 'content-type': 'application/json', [REVISION_HEADER]: String(this.revision) });
    responder.data(JSON.stringify([...this.held.values()].map(({ task }) => task)));
    responder.end();
  }

  private poll(responder: Responder, waitMs: number): void {
    const answer = () => {
      if (!this.polls.delete(answer)) return;
      cancel();
      if (this.isDown) responder.fail('socket hang up');
      else this.tell(responder);
    };
    const cancel = this.clock.setTimer(waitMs, answer);
    this.polls.add(answer);
    responder.onClose(() => {
      this.polls.delete(answer);
      cancel();
    });
  }

  private set(wanted: readonly ExecutorTaskRequest[], client: string | undefined): void {
    const keys = new Set(wanted.map(keyOf));
    for (const [key, held] of this.held) if (!keys.has(key)) this.drop(key, held, client);
    for (const task of wanted) if (!this.held.has(keyOf(task))) this.start(task, client);
  }

  private start(request: ExecutorTaskRequest, client: string | undefined): void {
    const [seconds = 0, exitCode = 0, manner = 'polite'] = readCommand(request.process);
    const nowMs = this.clock.monotonicMs();
    const run: Run = { podUID: this.podUID, batchUID: request.uid ?? '', name: request.name, startedAtMs: nowMs, endedAtMs: undefined, exitCode: undefined, ...(client !== undefined && { startedBy: client }) };
    const task: ExecutorTask = { ...request, processStatus: { running: { startedAt: this.clock.now().toISOString() } } };
    const held: HeldTask = { task, run, manner, cancelEnd: () => undefined };
    if (seconds > 0) held.cancelEnd = this.clock.setTimer(seconds * 1000, () => this.end(held, exitCode));
    this.held.set(keyOf(request), held);
    this.onStart(run);
    this.change();
  }

  private end(held: HeldTask, exitCode: number): void {
    if (held.run.endedAtMs !== undefined) return;
    held.run.endedAtMs = this.clock.monotonicMs();
    held.run.exitCode = exitCode;
    this.onEnd(held.run);
    const reason = exitCode === 0 ? 'Succeeded' : exitCode < 0 ? 'Stopped' : 'Failed';
    held.task = { ...held.task, processStatus: { terminated: { exitCode, reason, finishedAt: this.clock.now().toISOString() } } };
    this.change();
  }

  /** Stops a task; it stays listed until its process is gone. */
  private drop(key: string, held: HeldTask, client: string | undefined): void {
    if (held.task.deletionTimestamp !== undefined) return;
    if (client !== undefined) held.run.droppedBy = client;
    if (held.run.endedAtMs !== undefined) this.onDrop(held.run);
    held.task = { ...held.task, deletionTimestamp: this.clock.now().toISOString() };
    const running = held.run.endedAtMs === undefined;
    const goneInMs: Record<StopManner, number> = { polite: this.random.between(1, 1_000), stubborn: 10_000, unkillable: Infinity };
    const ms = running ? goneInMs[held.manner] : 0;
    const remove = () => {
      this.end(held, -1);
      this.held.delete(key);
      this.onForget(held.run);
      this.change();
    };
    if (ms === 0) remove();
    else if (ms !== Infinity) held.cancelEnd = withBoth(held.cancelEnd, this.clock.setTimer(ms, remove));
    else this.change();
  }

  private reset(responder: Responder, client: string | undefined): void {
    for (const [key, held] of this.held) this.drop(key, held, client);
    const endMs = this.clock.monotonicMs() + LONGEST_RESET_MS;
    const look = () => {
      const isEmpty = this.held.size === 0;
      if (this.isDown) responder.fail('socket hang up');
      else if (!isEmpty && this.clock.monotonicMs() < endMs) this.clock.setTimer(200, look);
      else {
        responder.start(isEmpty ? 200 : 500, { 'content-type': 'application/json' });
        responder.data(JSON.stringify(isEmpty ? { empty: true, killed: 0, revision: String(this.revision) } : { empty: false }));
        responder.end();
      }
    };
    look();
  }

  private change(): void {
    this.revision += 1;
    for (const poll of [...this.polls]) poll();
  }
}

/** All executors of the simulated world, by the address of their pod. */
export class SimulatedExecutors {
  /** Every run that ever began, in order. */
  readonly runs: Run[] = [];
  /** Told when a process starts, before the answer to the request that started it. */
  onStart: (run: Run) => void = () => undefined;
  /** Told when a process is over. */
  onEnd: (run: Run) => void = () => undefined;
  /** Told when an executor is to forget a task whose process had ended by itself. */
  onDrop: (run: Run) => void = () => undefined;
  /** Told of every request, to whatever address. */
  onRequest: (request: SimulatedRequest) => void = () => undefined;
  /** Told when an executor holds a task no more. */
  onForget: (run: Run) => void = () => undefined;
  private readonly byAddress = new Map<string, SimulatedExecutor>();

  constructor(
    private readonly clock: Clock,
    private readonly random: Random,
    private readonly guard: ExecutorGuard = () => () => Promise.resolve(true),
  ) {}

  /** A pod with an executor runs. */
  add(podUID: string, ip: string): void {
    const note = (run: Run) => {
      this.runs.push(run);
      this.onStart(run);
    };
    const executor = new SimulatedExecutor(podUID, this.clock, this.random, note, (run) => this.onEnd(run), (run) => this.onDrop(run), (run) => this.onForget(run));
    executor.isAllowed = this.guard(podUID);
    this.byAddress.set(ip, executor);
  }

  /** All processes of a pod are dead. */
  remove(podUID: string): void {
    for (const [ip, executor] of this.byAddress) {
      if (executor.podUID !== podUID) continue;
      executor.kill();
      this.byAddress.delete(ip);
    }
  }

  /** The executor of a pod is dead for a while; what it has started runs on. */
  restart(podUID: string, downMs: number): void {
    const executor = this.find(podUID);
    if (executor === undefined || executor.isDown) return;
    executor.goDown();
    this.clock.setTimer(downMs, () => {
      executor.isDown = false;
      executor.isAllowed = this.guard(podUID);
    });
  }

  has(podUID: string): boolean {
    return this.find(podUID) !== undefined;
  }

  /** Tasks that an executor holds, ended ones too. */
  tasksOf(podUID: string): readonly ExecutorTask[] {
    return [...(this.find(podUID)?.held.values() ?? [])].map(({ task }) => task);
  }

  /** Takes requests to all of them; nobody answers where there is none. */
  readonly server: Server = (request, responder) => {
    this.onRequest(request);
    const executor = this.byAddress.get(new URL(request.origin).hostname);
    if (executor === undefined) return;
    if (executor.isDown) responder.fail('connection refused');
    else {
      void executor.isAllowed(request).then((isAllowed) => {
        if (isAllowed) executor.answer(request, responder);
        else refuse(responder);
      });
    }
  };

  private find(podUID: string): SimulatedExecutor | undefined {
    return [...this.byAddress.values()].find((executor) => executor.podUID === podUID);
  }
}

function refuse(responder: Responder): void {
  responder.start(401, { 'content-type': 'application/json' });
  responder.data('{}');
  responder.end();
}

function keyOf({ name, uid = '' }: Pick<ExecutorTask, 'name' | 'uid'>): string {
  return `${name}/${uid}`;
}

function readCommand({ command }: ExecutorProcess): [seconds: number, exitCode: number, manner: StopManner] {
  const [, seconds, exitCode, manner] = command ?? [];
  return [Number(seconds), Number(exitCode), STOP_MANNERS.find((known) => known === manner) ?? 'polite'];
}

function withBoth(first: () => void, second: () => void): () => void {
  return () => {
    first();
    second();
  };
}
