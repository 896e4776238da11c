import { randomBytes } from 'node:crypto';
import type { ExecutorTask, ExecutorTaskRequest } from '../../src/schema/executor-api';
import { SandboxError } from '../../src/schema/errors';
import type { Clock } from '../../src/program/clock';
import type { Log } from '../log';
import { Changes } from './changes';
import type { Launcher } from './launch';
import { endTree, findTree, isAlive, signalProcess, type TaskTree } from './process';
import { type ExitRecord, RECORD_VERSION, type TaskRecord } from './records';
import { listenToRunner, type RunnerListener, type RunnerPool, type WaitingRunner } from './runner';
import type { RunOrder } from './runner-protocol';
import type { StoredTask, TaskStore } from './store';
import { type HeldTask, planSet, planStarts, toExecutorTask } from './task';

/** What a supervisor works with. */
export interface SupervisorOptions {
  readonly store: TaskStore;
  readonly runners: RunnerPool;
  readonly launcher: Launcher;
  readonly clock: Clock;
  readonly log: Log;
  /** Front of every task id; the same after a restart, another for every other executor of the machine. */
  readonly scope: string;
  /** Most tasks wanted at a time, and most that run at a time. */
  readonly maxTasks: number;
  /** Time between SIGTERM and SIGKILL of a task that names none, in seconds. */
  readonly stopGraceSeconds: number;
  /** Most bytes kept on disk of each output stream of a task. */
  readonly taskLogMaxBytes: number;
}

/** A removal that takes this much longer than its grace, in ms, is called stuck. */
const STUCK_AFTER_MS = 10_000;

/** Compares what is wanted with what runs, and brings the two together. */
export class Supervisor {
  readonly changes = new Changes();
  /** In the order of the last request. */
  private wanted: HeldTask[] = [];
  /** Oldest mark first. */
  private removed: HeldTask[] = [];
  private lastChange: Promise<unknown> = Promise.resolve();
  private isResetting = false;

  constructor(private readonly options: SupervisorOptions) {}

  /** Takes over what an earlier server left: running tasks go on, ended ones show their result, nothing starts twice (rule 11). */
  async adopt(stored: readonly StoredTask[]): Promise<void> {
    const tasks = stored.map(({ record, directory, removedAt }): HeldTask => ({
      record,
      directory,
      removedAt,
      state: { kind: directory === undefined ? 'waiting' : 'starting' },
    }));
    this.wanted = tasks.filter(({ removedAt }) => removedAt === undefined);
    this.removed = tasks.filter(({ removedAt }) => removedAt !== undefined).sort((a, b) => Number(a.removedAt) - Number(b.removedAt));
    await Promise.all(tasks.map((task) => this.adoptTask(task)));
    this.removed.forEach((task) => void this.endRemoved(task));
    await this.startWaiting();
  }

  /** All tasks, wanted ones first (rule 19); one consistent state. */
  list(): readonly ExecutorTask[] {
    return this.all().map(toExecutorTask);
  }

  /** The wanted task of a name, or the one of it that is being removed. */
  find(name: string): HeldTask | undefined {
    return this.all().find((task) => task.record.name === name);
  }

  /** Problems that /health reports: removals that do not end. */
  problems(): readonly string[] {
    return this.removed.flatMap(({ record, stuck }) => (stuck === undefined ? [] : [`task '${record.name}': ${stuck}`]));
  }

  /**
   * Makes `requests` the wanted tasks: starts new ones, ends those that are absent, replaces changed ones. Waits for no process.
   *
   * @throws SandboxError TASK_INVALID when there are too many, TASK_CONFLICT during a reset; nothing is changed then
   */
  set(requests: readonly ExecutorTaskRequest[]): Promise<void> {
    return this.change(async () => {
      if (requests.length > this.options.maxTasks) {
        throw new SandboxError('TASK_INVALID', `expected at most ${this.options.maxTasks} tasks (--max-tasks), got ${requests.length}`, {
          details: { reason: 'TooManyTasks' },
        });
      }
      const plan = planSet(this.wanted, requests);
      const wanted = plan.wanted.map(({ request, held }) => held ?? this.accept(request));
      await this.replace(wanted, plan.removed);
    });
  }

  /**
   * Adds one task.
   *
   * @throws SandboxError TASK_CONFLICT when the name is taken, when all slots are, or during a reset
   */
  add(request: ExecutorTaskRequest): Promise<HeldTask> {
    return this.change(async () => {
      if (this.wanted.some((task) => task.record.name === request.name)) {
        throw conflict('DuplicateName', `task '${request.name}': expected a new name, got one that is held; POST /setTasks replaces`);
      }
      if (this.wanted.filter(({ state }) => state.kind !== 'ended').length >= this.options.maxTasks) {
        throw conflict('Busy', `task '${request.name}': expected fewer than ${this.options.maxTasks} unfinished tasks (--max-tasks)`);
      }
      const task = this.accept(request);
      await this.replace([...this.wanted, task], []);
      return task;
    });
  }

  /** Ends and forgets the wanted task of a name, if there is one. */
  remove(name: string): Promise<void> {
    return this.change(async () => {
      const gone = this.wanted.filter((task) => task.record.name === name);
      await this.replace(this.wanted.filter((task) => !gone.includes(task)), gone);
    });
  }

  /**
   * Runs `wipe` once every task is gone; nothing can be added meanwhile.
   *
   * @param deadline ends the wait for tasks that do not end
   * @throws SandboxError TASK_CONFLICT when a reset runs already
   */
  async reset<T>(deadline: AbortSignal, wipe: () => Promise<T>): Promise<T> {
    const result = this.change(async () => {
      await this.replace([], this.wanted);
      for (let seen = this.changes.revision; this.removed.length > 0 && !deadline.aborted; seen = this.changes.revision) {
        await this.changes.wait(seen, STUCK_AFTER_MS, deadline);
      }
      return wipe();
    });
    this.isResetting = true;
    try {
      return await result;
    } finally {
      this.isResetting = false;
    }
  }

  private all(): readonly HeldTask[] {
    return [...this.wanted, ...this.removed];
  }

  /** One change after the other, so that each sees what the one before it made. */
  private change<T>(run: () => Promise<T>): Promise<T> {
    if (this.isResetting) {
      return Promise.reject(conflict('ResetInProgress', 'expected no reset to run, got one'));
    }
    return this.inTurn(run);
  }

  private inTurn<T>(run: () => Promise<T>): Promise<T> {
    const turn = this.lastChange.then(run);
    this.lastChange = turn.catch(() => undefined);
    return turn;
  }

  private accept({ name, uid, process }: ExecutorTaskRequest): HeldTask {
    const { scope, clock } = this.options;
    const id = `${scope}.${randomBytes(8).toString('hex')}`;
    const acceptedAt = clock.now().toISOString();
    const variables = process.env?.map((variable) => ({ name: variable.name, value: variable.value ?? '' }));
    return { record: { version: RECORD_VERSION, id, name, uid, process: { ...process, env: variables }, acceptedAt }, state: { kind: 'waiting' } };
  }

  /** Writes down everything that is new before anything is shown or started, so that an error changes nothing (rule 16). */
  private async replace(wanted: readonly HeldTask[], removed: readonly HeldTask[]): Promise<void> {
    const removedAt = this.options.clock.now();
    const fresh = wanted.filter((task) => !this.wanted.includes(task));
    const after = [...wanted, ...this.removed, ...removed.map((task) => ({ ...task, removedAt }))];
    const runners = await this.prepare(fresh, after);
    for (const task of removed) {
      task.directory = task.directory && this.options.store.markRemoved(task.directory, removedAt);
    }
    await this.options.store.sync();
    const unstarted = removed.filter(({ directory }) => directory === undefined);
    await Promise.all(unstarted.map((task) => this.options.store.dropWaiting(task.record)));
    const leaving = removed.filter((task) => !unstarted.includes(task));
    leaving.forEach((task) => (task.removedAt = removedAt));
    this.removed.push(...leaving);
    const starts = await Promise.allSettled([...runners].map(([task, runner]) => this.start(task, runner)));
    this.wanted = wanted.filter((task) => task.directory !== undefined || !runners.has(task));
    if (fresh.length + removed.length > 0) {
      this.changes.announce();
    }
    leaving.forEach((task) => void this.endRemoved(task));
    throwFirst(starts);
  }

  /** A runner for each task that can start at once, a note on disk for each other. */
  private async prepare(fresh: readonly HeldTask[], all: readonly HeldTask[]): Promise<ReadonlyMap<HeldTask, WaitingRunner>> {
    const runners = new Map<HeldTask, WaitingRunner>();
    const startable = planStarts(all, this.options.maxTasks);
    const results = await Promise.allSettled(
      fresh.map(async (task) => {
        if (startable.includes(task)) {
          runners.set(task, await this.options.runners.take());
        } else {
          await this.options.store.saveWaiting(task.record);
        }
      }),
    );
    if (results.some(({ status }) => status === 'rejected')) {
      await Promise.allSettled([...runners.values()].map((runner) => runner.discard()));
      await Promise.allSettled(fresh.map((task) => this.options.store.dropWaiting(task.record)));
    }
    throwFirst(results);
    return runners;
  }

  private async start(task: HeldTask, runner: WaitingRunner): Promise<void> {
    try {
      const record = { ...task.record, runner: runner.identity };
      task.directory = await this.options.store.saveStarting(record, runner.directory);
      task.record = record;
      task.state = { kind: 'starting' };
    } catch (error) {
      await runner.discard();
      throw error;
    }
    void runner.release(this.orderOf(task.record), this.listenerOf(task));
  }

  private orderOf(record: TaskRecord): RunOrder {
    const { stopGraceSeconds, taskLogMaxBytes, launcher } = this.options;
    return {
      ...launcher.plan(record),
      taskId: record.id,
      timeoutSeconds: record.process.timeoutSeconds,
      stopGraceSeconds: record.process.stopGraceSeconds ?? stopGraceSeconds,
      logMaxBytes: taskLogMaxBytes,
    };
  }

  private async startWaiting(): Promise<void> {
    for (const task of planStarts(this.all(), this.options.maxTasks)) {
      try {
        await this.start(task, await this.options.runners.take());
      } catch (error) {
        this.options.log.error({ task: task.record.name, err: error }, 'task not started');
        const message = `cannot be started: ${error instanceof Error ? error.message : String(error)}`;
        task.state = { kind: 'ended', exit: this.exitOf(task, 126, 'StartFailed', message) };
      }
      this.changes.announce();
    }
  }

  private async adoptTask(task: HeldTask): Promise<void> {
    const { directory, record } = task;
    if (directory === undefined) {
      return;
    }
    const [exit, process] = [this.options.store.readExit(directory, record.id), this.options.store.readProcess(directory)];
    task.state = exit !== undefined ? { kind: 'ended', exit } : process !== undefined ? { kind: 'running', process } : { kind: 'starting' };
    if (record.runner !== undefined && isAlive(record.runner)) {
      listenToRunner(record.runner, directory, this.listenerOf(task));
      return;
    }
    this.listenerOf(task).onEnd();
    // Without processes the result is known in a moment, and the first answer of this server has it.
    if (findTree(this.treeOf(task)).length === 0) {
      await task.runnerEnded;
    }
  }

  private listenerOf(task: HeldTask): RunnerListener {
    let onEnd = () => {};
    task.runnerEnded = new Promise<void>((resolve) => (onEnd = resolve))
      .then(() => this.settle(task))
      .finally(() => (task.runnerEnded = undefined));
    return { onEvent: () => this.refresh(task), onEnd };
  }

  /** Takes over what the runner has written. */
  private refresh(task: HeldTask): void {
    if (task.directory === undefined || task.state.kind === 'ended') {
      return;
    }
    const exit = this.options.store.readExit(task.directory, task.record.id);
    const process = exit === undefined && task.state.kind !== 'running' ? this.options.store.readProcess(task.directory) : undefined;
    if (exit !== undefined) {
      this.end(task, exit);
    } else if (process !== undefined) {
      task.state = { kind: 'running', process };
      this.changes.announce();
    }
  }

  /** The runner has ended: without a whole record of the result the task is lost, and what is left of it ends now (rule 2). */
  private async settle(task: HeldTask): Promise<void> {
    this.refresh(task);
    if (task.directory === undefined || task.state.kind === 'ended') {
      return;
    }
    await endTree(this.treeOf(task), this.graceMsOf(task));
    const exit = this.exitOf(task, 137, 'ProcessCrashed', 'its runner ended without a whole record of the result');
    try {
      await this.options.store.writeExit(task.directory, exit);
    } catch (error) {
      this.options.log.error({ task: task.record.name, err: error }, 'result not recorded');
    }
    this.end(task, exit);
  }

  private end(task: HeldTask, exit: ExitRecord): void {
    task.state = { kind: 'ended', exit };
    this.options.log.info({ task: task.record.name, exitCode: exit.exitCode, signal: exit.signal, reason: exit.reason }, 'task ended');
    this.changes.announce();
  }

  private exitOf(task: HeldTask, exitCode: number, reason: ExitRecord['reason'], message: string): ExitRecord {
    const startedAt = task.state.kind === 'running' ? task.state.process.startedAt : undefined;
    return { version: RECORD_VERSION, id: task.record.id, exitCode, reason, message, startedAt, finishedAt: this.options.clock.now().toISOString() };
  }

  /** Ends a marked task and forgets it when its last process is gone (rules 6 and 9). */
  private async endRemoved(task: HeldTask): Promise<void> {
    const { clock, runners, store, log } = this.options;
    const graceMs = this.graceMsOf(task);
    const cancelTimer = clock.setTimer(graceMs + STUCK_AFTER_MS, () => {
      task.stuck = `has processes that survive SIGKILL for ${STUCK_AFTER_MS / 1000} s`;
      this.changes.announce();
    });
    if (task.record.runner !== undefined) {
      signalProcess(task.record.runner, 'SIGTERM');
    }
    await task.runnerEnded;
    await endTree(this.treeOf(task), graceMs);
    cancelTimer();
    if (task.directory !== undefined) {
      await store.discard(task.directory).catch((error: unknown) => log.error({ task: task.record.name, err: error }, 'directory not deleted'));
    }
    this.removed = this.removed.filter((other) => other !== task);
    this.changes.announce();
    await this.inTurn(() => this.startWaiting());
    runners.refill();
  }

  private treeOf({ directory, record }: HeldTask): TaskTree {
    return { taskId: record.id, leader: directory === undefined ? undefined : this.options.store.readProcess(directory)?.leader };
  }

  private readonly graceMsOf = ({ record }: HeldTask): number => (record.process.stopGraceSeconds ?? this.options.stopGraceSeconds) * 1000;
}

function throwFirst(results: readonly PromiseSettledResult<unknown>[]): void {
  const failed = results.find((result) => result.status === 'rejected');
  if (failed !== undefined) {
    throw failed.reason;
  }
}

const conflict = (reason: string, message: string) => new SandboxError('TASK_CONFLICT', message, { details: { reason } });
