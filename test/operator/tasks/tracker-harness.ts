import pino from 'pino';
import { ExecutorClient } from '../../../operator/tasks/executor-client';
import { type SlotTask, TaskTracker } from '../../../operator/tasks/task-tracker';
import { type Clock, systemClock } from '../../../src/program/clock';
import { type ManualClock, untilWith } from '../../support/manual-clock';
import { until } from '../../support/waiting';
import { FakeExecutor, type FakeExecutorBehaviour } from './fake-executor';

/** The batch whose tasks run. */
export const batch = { key: 'default/b', uid: 'batch-uid' };
/** A value in the environment of every task. */
export const secret = 'never-in-a-log';

/** Address of the executor of a slot. */
export const addressOf = (slot: number) => `127.83.${slot >> 8}.${(slot & 255) + 1}`;

/** The task of a slot in its pod. */
export function slotTask(slot: number, overrides: Partial<SlotTask> = {}): SlotTask {
  return {
    slot,
    podUID: `pod-${slot}`,
    podIP: addressOf(slot),
    task: { name: `b-${slot}`, uid: batch.uid, process: { command: ['run'], env: [{ name: 'KEY', value: secret }] } },
    recorded: '-',
    ...overrides,
  };
}

/** The first item. */
export function only<T>([first]: readonly T[]): T {
  if (first === undefined) throw new Error('list: expected an item, got none');
  return first;
}

/** Waits on a clock that moves on by 250 ms before each look. */
export function untilLater(clock: ManualClock, look: () => void): Promise<void> {
  return untilWith(clock, look, 250);
}

/** A tracker and the executors that it talks to, one for each slot, and what it tells. */
export class TrackerHarness {
  /** Keys of batches that it said had changed. */
  readonly changes: string[] = [];
  /** Keys of batches whose executors it said refuse its key. */
  readonly unauthorized: string[] = [];
  /** Lines of its log. */
  readonly logged: string[] = [];
  private connected: { readonly client: ExecutorClient; readonly tracker: TaskTracker };

  private constructor(
    readonly executors: readonly FakeExecutor[],
    private readonly clock: Clock,
  ) {
    this.connected = this.connect();
  }

  /** @param clock of the tracker and its calls; executors answer in real time in any case */
  static async start(behaviours: readonly FakeExecutorBehaviour[], clock: Clock = systemClock): Promise<TrackerHarness> {
    const executors: FakeExecutor[] = [];
    for (const behaviour of behaviours) {
      executors.push(await FakeExecutor.start(addressOf(executors.length), executors[0]?.port ?? 0, behaviour));
    }
    return new TrackerHarness(executors, clock);
  }

  get tracker(): TaskTracker {
    return this.connected.tracker;
  }

  /** A tracker that knows nothing, as after a restart of the operator. */
  async restart(): Promise<void> {
    await this.disconnect();
    this.connected = this.connect();
  }

  async close(): Promise<void> {
    await this.disconnect();
    await Promise.all(this.executors.map((executor) => executor.close()));
  }

  /** What the tracker knows of the task of a slot. */
  letter(slot: number): string | undefined {
    return this.tracker.observed(batch.uid).get(slot)?.letter;
  }

  async untilLetter(slot: number, want: string): Promise<void> {
    await until(() => expect(this.letter(slot)).toBe(want));
  }

  async untilStopped(podUID: string): Promise<void> {
    await until(() => expect(this.tracker.stopState(podUID)?.state).toBe('stopped'));
  }

  private connect() {
    const { clock } = this;
    const client = new ExecutorClient({ clock, port: this.executors[0]?.port ?? 0 });
    const log = pino({ level: 'debug' }, { write: (line) => this.logged.push(line) });
    const tracker = new TaskTracker({
      client,
      clock,
      log,
      onChange: (key) => this.changes.push(key),
      onUnauthorized: (key) => this.unauthorized.push(key),
    });
    return { client, tracker };
  }

  private async disconnect(): Promise<void> {
    await this.connected.tracker.close();
    await this.connected.client.close();
  }
}
