import pino from 'pino';
import { ExecutorClient } from '../../../operator/tasks/executor-client';
import { type SlotTask, TaskTracker } from '../../../operator/tasks/task-tracker';
import { systemClock } from '../../../src/program/clock';
import { until } from '../../support/waiting';
import { FakeExecutor, type FakeExecutorBehaviour } from './fake-executor';

const batch = { key: 'default/b', uid: 'batch-uid' };
const secret = 'never-in-a-log';

let port = 0;
let executors: FakeExecutor[] = [];
let tracker: TaskTracker;
let client: ExecutorClient;
let changes: string[] = [];
let unauthorized: string[] = [];
let logged: string[] = [];

beforeEach(() => {
  port = 0;
  executors = [];
  changes = [];
  unauthorized = [];
  logged = [];
});

afterEach(async () => {
  await tracker.close();
  await client.close();
  await Promise.all(executors.map((executor) => executor.close()));
});

/** Starts executors, one address each, and a tracker for their port. */
async function start(...behaviours: FakeExecutorBehaviour[]): Promise<FakeExecutor[]> {
  for (const behaviour of behaviours) {
    const executor = await FakeExecutor.start(addressOf(executors.length), port, behaviour);
    executors.push(executor);
    port = executor.port;
  }
  restartTracker();
  return executors;
}

/** A tracker that knows nothing, as after a restart of the operator. */
function restartTracker(): void {
  client = new ExecutorClient({ clock: systemClock, port });
  const log = pino({ level: 'debug' }, { write: (line) => logged.push(line) });
  tracker = new TaskTracker({ client, clock: systemClock, log, onChange: (key) => changes.push(key), onUnauthorized: (key) => unauthorized.push(key) });
}

const addressOf = (slot: number) => `127.83.${slot >> 8}.${(slot & 255) + 1}`;

function slotTask(slot: number, overrides: Partial<SlotTask> = {}): SlotTask {
  return {
    slot,
    podUID: `pod-${slot}`,
    podIP: addressOf(slot),
    task: { name: `b-${slot}`, uid: batch.uid, process: { command: ['run'], env: [{ name: 'KEY', value: secret }] } },
    recorded: '-',
    ...overrides,
  };
}

const letter = (slot: number) => tracker.observed(batch.uid).get(slot)?.letter;
const untilLetter = (slot: number, want: string) => until(() => expect(letter(slot)).toBe(want));
const untilStopped = (podUID: string) => until(() => expect(tracker.stopState(podUID)?.state).toBe('stopped'));

function only<T>([first]: readonly T[]): T {
  if (first === undefined) throw new Error('list: expected an item, got none');
  return first;
}

describe('sending', () => {
  test('sends a task once, follows it by long-poll and reports its end', async () => {
    const executor = only(await start({}));
    tracker.ensure(batch, [slotTask(0)]);
    await untilLetter(0, 'R');
    executor.end(3, 'TaskTimeout');
    await untilLetter(0, 'F');
    tracker.ensure(batch, [slotTask(0)]);
    expect(tracker.observed(batch.uid).get(0)).toEqual({ letter: 'F', dirty: false, exitCode: 3, reason: 'TaskTimeout', message: undefined });
    expect(executor.requests.map((request) => request.replace(/after=\d+/, 'after=R'))).toEqual([
      'GET /getTasks',
      'POST /setTasks',
      'GET /getTasks?after=R&wait=25',
    ]);
  });

  test('waits for the address of a pod', async () => {
    const executor = only(await start({}));
    tracker.ensure(batch, [slotTask(0, { podIP: '' })]);
    expect(letter(0)).toBe('P');
    tracker.ensure(batch, [slotTask(0)]);
    expect(letter(0)).toBe('U');
    await untilLetter(0, 'R');
    expect(executor.count('POST')).toBe(1);
  });

  test('follows a pod whose address changes, without sending the task again', async () => {
    const [silent, executor] = await start({ silent: true }, {});
    tracker.ensure(batch, [slotTask(0)]);
    await until(() => expect(silent?.requests).toEqual(['GET /getTasks']));
    tracker.ensure(batch, [slotTask(0, { podIP: addressOf(1) })]);
    await untilLetter(0, 'R');
    expect([silent?.requests.length, executor?.count('POST')]).toEqual([1, 1]);
  });

  test('repeats a task that the executor does not show', async () => {
    const executor = only(await start({ loses: 3 }));
    tracker.ensure(batch, [slotTask(0)]);
    await untilLetter(0, 'R');
    expect(executor.count('POST')).toBe(4);
  });

  test.each(['S', 'F'] as const)('sends nothing to a slot whose recorded letter is %s', async (recorded) => {
    const [ended, other] = await start({}, {});
    tracker.ensure(batch, [slotTask(0, { recorded }), slotTask(1)]);
    await untilLetter(1, 'R');
    expect([ended?.requests, other?.count('POST'), letter(0)]).toEqual([[], 1, undefined]);
  });

  test('keeps a task that was sent as it is when the template changes or goes away', async () => {
    const executor = only(await start({}));
    tracker.ensure(batch, [slotTask(0)]);
    await untilLetter(0, 'R');
    tracker.ensure(batch, [slotTask(0, { task: { name: 'b-0', uid: batch.uid, process: { command: ['other'] } } })]);
    tracker.ensure(batch, []);
    executor.end(0);
    await untilLetter(0, 'S');
    expect(executor.count('POST')).toBe(1);
  });

  test('takes back a task that was not sent yet', async () => {
    await start({});
    tracker.ensure(batch, [slotTask(0, { podIP: '' })]);
    tracker.ensure(batch, []);
    expect(tracker.observed(batch.uid).size).toBe(0);
  });

  test('repeats a call until the executor is there', async () => {
    const executor = only(await start({ status: 503 }));
    tracker.ensure(batch, [slotTask(0)]);
    await until(() => expect(executor.requests.length).toBeGreaterThanOrEqual(3));
    expect(letter(0)).toBe('U');
    executor.behaviour.status = undefined;
    await untilLetter(0, 'R');
  });

  test.each([400, 413])('fails a task that the executor refuses with %i, without a word of it', async (setStatus) => {
    await start({ setStatus });
    tracker.ensure(batch, [slotTask(0)]);
    await untilLetter(0, 'F');
    expect(tracker.observed(batch.uid).get(0)).toEqual({
      letter: 'F',
      dirty: false,
      reason: 'TaskRefused',
      message: `executor: request: expected a request that it accepts, got status ${setStatus}`,
    });
  });

  test('reads once a second from an executor that cannot long-poll', async () => {
    const executor = only(await start({ withoutRevision: true, withoutUid: true }));
    tracker.ensure(batch, [slotTask(0)]);
    await untilLetter(0, 'R');
    executor.end(0);
    await untilLetter(0, 'S');
    expect(executor.requests.filter((request) => request.includes('after'))).toEqual([]);
  });
});

describe('adopting', () => {
  test('follows a task that an earlier operator sent, without sending it again', async () => {
    const executor = only(await start({}));
    tracker.ensure(batch, [slotTask(0)]);
    await untilLetter(0, 'R');
    await tracker.close();
    await client.close();

    restartTracker();
    tracker.ensure(batch, [slotTask(0, { recorded: 'R' })]);
    expect(letter(0)).toBe('R');
    executor.end(0);
    await untilLetter(0, 'S');
    expect(executor.count('POST')).toBe(1);
  });

  test.each([
    ['another name', { name: 'other-0', uid: 'other' }],
    ['the same name of another batch', { name: 'b-0', uid: 'other' }],
  ])('calls a pod dirty that holds a task of %s, and leaves it alone', async (_, held) => {
    const executor = only(await start({}));
    executor.tasks = [{ ...held, process: { command: ['x'] } }];
    tracker.ensure(batch, [slotTask(0)]);
    await until(() => expect(tracker.observed(batch.uid).get(0)?.dirty).toBe(true));
    await until(() => expect(changes).toEqual([batch.key]));
    expect([letter(0), executor.count('POST')]).toEqual(['U', 0]);
  });
});

describe('stopping', () => {
  test('is confirmed only by an empty set', async () => {
    const executor = only(await start({ slowStop: true }));
    tracker.ensure(batch, [slotTask(0)]);
    await untilLetter(0, 'R');
    tracker.stop(batch, [slotTask(0)]);
    await until(() => expect(executor.count('GET /getTasks?after')).toBe(2));
    expect(tracker.stopState('pod-0')?.state).toBe('stopping');
    executor.drop();
    await untilStopped('pod-0');
    expect(executor.bodies.filter((body) => body !== '').at(-1)).toBe('[]');
  });

  test('comes after a send that is under way, never before it', async () => {
    const executor = only(await start({}));
    let letGo: () => void = () => undefined;
    executor.behaviour.beforeSet = new Promise((resolve) => (letGo = resolve));
    tracker.ensure(batch, [slotTask(0)]);
    await until(() => expect(executor.count('POST')).toBe(1));
    tracker.stop(batch, [slotTask(0)]);
    letGo();
    await untilStopped('pod-0');
    expect([executor.count('POST'), executor.tasks]).toEqual([2, []]);
  });

  test('is not confirmed by an executor that fails, and goes on', async () => {
    const executor = only(await start({ status: 500 }));
    tracker.stop(batch, [slotTask(0)]);
    await until(() => expect(executor.count('POST')).toBeGreaterThanOrEqual(3));
    expect(tracker.stopState('pod-0')?.state).toBe('stopping');
    executor.behaviour.status = undefined;
    await untilStopped('pod-0');
  });

  test('goes on when another batch that lost the pod forgets it', async () => {
    const executor = only(await start({}));
    executor.behaviour.status = 500;
    tracker.stop(batch, [slotTask(0)]);
    tracker.forgetPod('another-batch', 'pod-0');
    expect(tracker.stopState('pod-0')?.state).toBe('stopping');
    executor.behaviour.status = undefined;
    await untilStopped('pod-0');
  });

  test('is final for its pod until the pod is forgotten', async () => {
    const executor = only(await start({}));
    tracker.stop(batch, [slotTask(0)]);
    await untilStopped('pod-0');
    tracker.ensure(batch, [slotTask(0)]);
    tracker.stop(batch, [slotTask(0)]);
    expect([letter(0), tracker.stopState('pod-0')?.state]).toEqual([undefined, 'stopped']);
    tracker.forgetPod(batch.uid, 'pod-0');
    expect(tracker.stopState('pod-0')).toBeUndefined();
    tracker.ensure(batch, [slotTask(0)]);
    await untilLetter(0, 'R');
    expect(executor.count('POST')).toBe(2);
  });

  test('needs no call to a pod that never had an address', async () => {
    await start({});
    tracker.stop(batch, [slotTask(0, { podIP: '' })]);
    expect(tracker.stopState('pod-0')?.state).toBe('stopped');
    await until(() => expect(changes).toEqual([batch.key]));
  });

  test('of another batch says nothing about a pod that was given again', async () => {
    await start({});
    tracker.stop({ key: 'default/old', uid: 'old' }, [slotTask(0)]);
    await untilStopped('pod-0');
    tracker.ensure(batch, [slotTask(0)]);
    expect(tracker.stopState('pod-0')).toBeUndefined();
    await untilLetter(0, 'R');
  });
});

describe('resetting', () => {
  test.each([
    ['true on 200', {}, true],
    ['false when not proved empty', { status: 500 }, false],
    ['false when there is no such call', { status: 404 }, false],
  ])('gives %s', async (_, behaviour, want) => {
    await start(behaviour);
    await expect(tracker.reset(slotTask(0))).resolves.toBe(want);
  });
});

describe('forgetting', () => {
  test('ends the calls to a pod that is gone', async () => {
    const executor = only(await start({}));
    tracker.ensure(batch, [slotTask(0)]);
    await untilLetter(0, 'R');
    tracker.forgetPod(batch.uid, 'pod-0');
    expect(tracker.observed(batch.uid).size).toBe(0);
    tracker.ensure(batch, [slotTask(0, { podUID: 'pod-new' })]);
    await untilLetter(0, 'R');
    expect(executor.count('POST')).toBe(1);
  });

  test('of a batch leaves other batches alone', async () => {
    const [, second] = await start({}, {});
    const other = { key: 'default/other', uid: 'other' };
    tracker.ensure(batch, [slotTask(0)]);
    tracker.ensure(other, [slotTask(1, { task: { name: 'other-1', uid: 'other', process: { command: ['x'] } } })]);
    await until(() => expect(tracker.observed('other').get(1)?.letter).toBe('R'));
    tracker.forgetBatch(batch.uid);
    second?.end(0);
    await until(() => expect(tracker.observed('other').get(1)?.letter).toBe('S'));
    expect(tracker.observed(batch.uid).size).toBe(0);
  });
});

describe('many pods', () => {
  test('one hundred tasks are reported in few calls', async () => {
    await start(...Array.from({ length: 100 }, () => ({})));
    const slots = executors.map((_, slot) => slotTask(slot));
    tracker.ensure(batch, slots);
    const untilAll = (want: string) => until(() => expect(slots.filter(({ slot }) => letter(slot) !== want)).toEqual([]));
    await untilAll('R');
    for (const executor of executors) executor.end(0);
    await untilAll('S');
    await until(() => expect(changes).toContain(batch.key));
    expect(changes.length).toBeLessThanOrEqual(10);
    expect(executors.map((executor) => executor.count('POST'))).toEqual(slots.map(() => 1));
  });

  test('dead pods delay no living one', async () => {
    const dead = Array.from({ length: 80 }, () => ({ silent: true }));
    await start(...dead, {});
    const startedAtMs = performance.now();
    tracker.ensure(batch, executors.map((_, slot) => slotTask(slot)));
    await untilLetter(80, 'R');
    expect(performance.now() - startedAtMs).toBeLessThan(2_000);
  });
});

test('an executor that stops answering makes a running task unknown, and running when it is back, and the log tells no secret', async () => {
  const executor = only(await start({}));
  tracker.ensure(batch, [slotTask(0)]);
  await untilLetter(0, 'R');
  executor.behaviour.status = 500;
  executor.report({ running: { startedAt: '2026-01-01T00:00:00Z' } });
  await untilLetter(0, 'U');
  executor.behaviour.status = undefined;
  await untilLetter(0, 'R');
  expect(logged.map((line) => (JSON.parse(line) as { msg: string }).msg)).toEqual(['executor does not answer', 'executor answers again']);
  expect(logged.join()).not.toContain('secret');
  expect(logged.join()).not.toContain(secret);
});

test('an executor that refuses the key is told of once, until it has answered', async () => {
  const executor = only(await start({ status: 401 }));
  tracker.ensure(batch, [slotTask(0)]);
  await untilLetter(0, 'U');
  await until(() => expect(unauthorized).toEqual([batch.key]));
  const asked = executor.count('GET /getTasks');
  await until(() => expect(executor.count('GET /getTasks')).toBeGreaterThan(asked));
  expect(unauthorized).toEqual([batch.key]);
  executor.behaviour.status = undefined;
  await untilLetter(0, 'R');
  executor.behaviour.status = 401;
  executor.report({ running: { startedAt: '2026-01-01T00:00:00Z' } });
  await until(() => expect(unauthorized).toEqual([batch.key, batch.key]));
});
