import { randomBytes } from 'node:crypto';
import type { ExecutorTask, ExecutorTaskRequest } from '../../src/schema/executor-api';
import { SandboxError } from '../../src/schema/errors';
import { Changes } from './changes';
import { type FollowerOptions, TaskFollower } from './follower';
import type { RunnerPool, WaitingRunner } from './runner';
import { RECORD_VERSION } from './runner-protocol';
import type { StoredTask } from './store';
import { type HeldTask, planSet, planStarts, toExecutorTask } from './task';

/** What a supervisor works with. */
export interface SupervisorOptions extends FollowerOptions {
  readonly runners: RunnerPool;
  /** Front of every task id; the same after a restart, another for every other executor of the machine. */
  readonly scope: string;
  /** Most tasks wanted at a time, and most that run at a time. */
  readonly maxTasks: number;
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
  private lastSequence = 0;
  private lastChange: Promise<unknown> = Promise.resolve();
  private isResetting = false;
  private hasBegunToEnd = false;

  private readonly follower: TaskFollower;

  constructor(private readonly options: SupervisorOptions) {
    this.follower = new TaskFollower(options, () => this.onTaskChange());
  }

  /** Whether {@link endTasks} has begun: what there is to see of tasks from then on is for nobody. */
  get isEnding(): boolean {
    return this.hasBegunToEnd;
  }

  /** Takes over what an earlier server left: running tasks go on, ended ones show their result, nothing starts twice (rule 11). */
  async adopt(stored: readonly StoredTask[]): Promise<void> {
    const tasks = stored.map(({ record, directory, removedAt }): HeldTask => ({
      record,
      directory,
      removedAt,
      state: { kind: directory === undefined ? 'waiting' : 'starting' },
    }));
    this.lastSequence = Math.max(0, ...tasks.map(({ record }) => record.sequence));
    this.wanted = tasks.filter(({ removedAt }) => removedAt === undefined);
    this.removed = tasks.filter(({ removedAt }) => removedAt !== undefined).sort((a, b) => Number(a.removedAt) - Number(b.removedAt));
    await Promise.all(tasks.map((task) => this.follower.adopt(task)));
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

  /** Pids of the runners of all tasks, also of ended ones. */
  runnerPids(): readonly number[] {
    return this.all().flatMap(({ record }) => record.runner?.pid ?? []);
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
   * @param endOthers ends processes that belong to no task that is held; beside the tasks and not after them, so that one deadline has room for
   *   the grace of both
   * @throws SandboxError TASK_CONFLICT when a reset runs already, or when the executor ends; nothing is ended then
   */
  async reset<T>(deadline: AbortSignal, endOthers: () => Promise<unknown>, wipe: () => Promise<T>): Promise<T> {
    this.assertOpen();
    this.isResetting = true;
    try {
      return await this.inTurn(async () => {
        throwFirst(await Promise.allSettled([endOthers(), this.endAll(deadline)]));
        return wipe();
      });
    } finally {
      this.isResetting = false;
    }
  }

  /** Ends every task and keeps its result; none starts any more (rule 14). */
  async endTasks(): Promise<void> {
    this.hasBegunToEnd = true;
    await this.lastChange;
    await Promise.all(this.all().map((task) => this.follower.stop(task)));
  }

  private onTaskChange(): void {
    this.changes.announce();
    // A wanted task waits for another wanted one when an earlier server died while it replaced one by the other.
    if (planStarts(this.all(), this.options.maxTasks).length > 0) {
      void this.inTurn(() => this.startWaiting());
    }
  }

  private all(): readonly HeldTask[] {
    return [...this.wanted, ...this.removed];
  }

  /** Removes every task, and waits until all are gone or the deadline is over. */
  private async endAll(deadline: AbortSignal): Promise<void> {
    await this.replace([], this.wanted);
    for (let seen = this.changes.revision; this.removed.length > 0 && !deadline.aborted; seen = this.changes.revision) {
      await this.changes.wait(seen, STUCK_AFTER_MS, deadline);
    }
  }

  /** One change after the other, so that each sees what the one before it made. */
  private async change<T>(run: () => Promise<T>): Promise<T> {
    this.assertOpen();
    return this.inTurn(run);
  }

  private assertOpen(): void {
    if (this.isResetting) {
      throw conflict('ResetInProgress', 'expected no reset to run, got one');
    }
    if (this.hasBegunToEnd) {
      throw conflict('ShuttingDown', 'expected the executor to go on, got its end');
    }
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
    this.lastSequence += 1;
    const record = { version: RECORD_VERSION, id, name, uid, process: { ...process, env: variables }, acceptedAt, sequence: this.lastSequence } as const;
    return { record, state: { kind: 'waiting' } };
  }

  /** Writes down everything that is new before anything is marked or started, so that an error until then changes nothing (rule 16). */
  private async replace(wanted: readonly HeldTask[], removed: readonly HeldTask[]): Promise<void> {
    if (removed.length === 0 && wanted.length === this.wanted.length && wanted.every((task) => this.wanted.includes(task))) {
      this.wanted = [...wanted];
      return;
    }
    const removedAt = this.options.clock.now();
    const fresh = wanted.filter((task) => !this.wanted.includes(task));
    const runners = await this.prepare(fresh, [...wanted, ...this.removed, ...removed.map((task) => ({ ...task, removedAt }))]);
    const marked = await Promise.allSettled(removed.map((task) => this.mark(task, removedAt)));
    removed.forEach((task) => (task.removedAt = removedAt));
    const leaving = removed.filter(({ directory }) => directory !== undefined);
    this.removed.push(...leaving);
    this.wanted = wanted.filter((task) => !runners.has(task));
    const started = await Promise.allSettled([...runners].map(([task, runner]) => this.follower.start(task, runner)));
    this.wanted = wanted.filter((task) => task.directory !== undefined || !runners.has(task));
    this.changes.announce();
    leaving.forEach((task) => void this.endRemoved(task));
    throwFirst([...marked, ...started]);
  }

  /** Makes the removal of a task durable; one that never started is gone with that. */
  private async mark(task: HeldTask, removedAt: Date): Promise<void> {
    if (task.directory === undefined) {
      await this.options.store.dropWaiting(task.record);
    } else {
      task.directory = this.options.store.markRemoved(task.directory, removedAt);
      await this.options.store.sync();
    }
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

  private async startWaiting(): Promise<void> {
    if (this.hasBegunToEnd) {
      return;
    }
    for (const task of planStarts(this.all(), this.options.maxTasks)) {
      try {
        await this.follower.start(task, await this.options.runners.take());
        this.changes.announce();
      } catch (error) {
        this.follower.fail(task, error);
      }
    }
  }

  /** Ends a marked task and forgets it when its last process is gone (rules 6 and 9). */
  private async endRemoved(task: HeldTask): Promise<void> {
    const { clock, runners, store, log } = this.options;
    const cancelTimer = clock.setTimer(this.follower.graceMsOf(task) + STUCK_AFTER_MS, () => {
      task.stuck = `has processes that survive SIGKILL for ${STUCK_AFTER_MS / 1000} s`;
      this.changes.announce();
      this.follower.killRunner(task); // it may hang, as one that somebody has stopped
    });
    await this.follower.stop(task);
    cancelTimer();
    if (task.directory !== undefined) {
      await store.discard(task.directory).catch((error: unknown) => log.error({ task: task.record.name, err: error }, 'directory not deleted'));
    }
    this.removed = this.removed.filter((other) => other !== task);
    this.changes.announce();
    await this.inTurn(() => this.startWaiting());
    runners.refill();
  }
}

function throwFirst(results: readonly PromiseSettledResult<unknown>[]): void {
  const failed = results.find((result) => result.status === 'rejected');
  if (failed !== undefined) {
    throw failed.reason;
  }
}

const conflict = (reason: string, message: string) => new SandboxError('TASK_CONFLICT', message, { details: { reason } });
