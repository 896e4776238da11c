import type { Clock } from '../../src/program/clock';
import type { Log } from '../log';
import { endTree } from './end-processes';
import type { Launcher } from './launch';
import { findTree, isAlive, signalProcess, type TaskTree } from './process';
import type { ExitRecord, TaskRecord } from './records';
import { listenToRunner, type RunnerListener, type WaitingRunner } from './runner';
import { RECORD_VERSION, type RunOrder } from './runner-protocol';
import type { TaskStore } from './store';
import type { HeldTask, TaskState } from './task';

/** What a follower works with. */
export interface FollowerOptions {
  readonly store: TaskStore;
  readonly launcher: Launcher;
  readonly clock: Clock;
  readonly log: Log;
  /** Time between SIGTERM and SIGKILL of a task that names none, in seconds. */
  readonly stopGraceSeconds: number;
  /** Most bytes kept on disk of each output stream of a task. */
  readonly taskLogMaxBytes: number;
}

/** Takes single tasks through their states: starts them, hears their runners, ends them. */
export class TaskFollower {
  /** @param onChange called after every visible change */
  constructor(
    private readonly options: FollowerOptions,
    private readonly onChange: () => void,
  ) {}

  /**
   * Hands a task to a runner; it is recorded with its runner before that may start it (rule 12).
   *
   * @throws the error of the file system when it cannot be recorded; nothing runs then
   */
  async start(task: HeldTask, runner: WaitingRunner): Promise<void> {
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

  /** Gives a task up that cannot be started. */
  fail(task: HeldTask, error: unknown): void {
    this.options.log.error({ task: task.record.name, err: error }, 'task not started');
    const message = `cannot be started: ${error instanceof Error ? error.message : String(error)}`;
    this.end(task, this.exitOf(task, 126, 'StartFailed', message));
  }

  /** Takes over a task that an earlier server started (rule 11). */
  async adopt(task: HeldTask): Promise<void> {
    const { directory, record } = task;
    if (directory === undefined) {
      return;
    }
    task.state = this.readState(directory, record);
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

  /** Ends all processes of a task; returns when none is left (rule 6). */
  async stop(task: HeldTask): Promise<void> {
    if (task.record.runner !== undefined) {
      signalProcess(task.record.runner, 'SIGTERM');
    }
    await task.runnerEnded;
    await endTree(this.treeOf(task), this.graceMsOf(task));
  }

  /** Ends a runner that does not end its task; {@link stop} goes on without it then. */
  killRunner({ record }: HeldTask): void {
    if (record.runner !== undefined) {
      signalProcess(record.runner, 'SIGKILL');
    }
  }

  /** Time between SIGTERM and SIGKILL of a task, in ms. */
  graceMsOf({ record }: HeldTask): number {
    return (record.process.stopGraceSeconds ?? this.options.stopGraceSeconds) * 1000;
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
    const state = this.readState(task.directory, task.record);
    if (state.kind === 'ended') {
      this.end(task, state.exit);
    } else if (task.state.kind !== 'running' && (state.kind === 'running' || state.isMainMissing === true)) {
      task.state = state;
      this.onChange();
    }
  }

  private readState(directory: string, { id }: TaskRecord): Exclude<TaskState, { readonly kind: 'waiting' }> {
    const { store } = this.options;
    const exit = store.readExit(directory, id);
    const process = exit === undefined ? store.readProcess(directory) : undefined;
    return exit !== undefined
      ? { kind: 'ended', exit }
      : process !== undefined
        ? { kind: 'running', process }
        : { kind: 'starting', isMainMissing: store.isMainMissing(directory) };
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
    this.onChange();
  }

  private exitOf(task: HeldTask, exitCode: number, reason: ExitRecord['reason'], message: string): ExitRecord {
    const startedAt = task.state.kind === 'running' ? task.state.process.startedAt : undefined;
    return { version: RECORD_VERSION, id: task.record.id, exitCode, reason, message, startedAt, finishedAt: this.options.clock.now().toISOString() };
  }

  private treeOf({ directory, record }: HeldTask): TaskTree {
    return { taskId: record.id, leader: directory === undefined ? undefined : this.options.store.readProcess(directory)?.leader };
  }
}
