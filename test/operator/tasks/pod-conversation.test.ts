import { ManualClock } from '../../support/manual-clock';
import { until } from '../../support/waiting';
import type { FakeExecutor, FakeExecutorBehaviour } from './fake-executor';
import { addressOf, batch, only, secret, slotTask, TrackerHarness, untilLater } from './tracker-harness';

let harness: TrackerHarness;

afterEach(() => harness.close());

/** Starts executors and a tracker for them. */
async function start(...behaviours: FakeExecutorBehaviour[]): Promise<readonly FakeExecutor[]> {
  harness = await TrackerHarness.start(behaviours);
  return harness.executors;
}

describe('sending', () => {
  test('sends a task once, follows it by long-poll and reports its end (R34, R39)', async () => {
    const executor = only(await start({}));
    harness.tracker.ensure(batch, [slotTask(0)]);
    await harness.untilLetter(0, 'R');
    executor.end(3, 'TaskTimeout');
    await harness.untilLetter(0, 'F');
    harness.tracker.ensure(batch, [slotTask(0)]);
    expect(harness.tracker.observed(batch.uid).get(0)).toEqual({ letter: 'F', dirty: false, exitCode: 3, reason: 'TaskTimeout', message: undefined });
    expect(executor.requests.map((request) => request.replace(/after=\d+/, 'after=R'))).toEqual([
      'GET /getTasks',
      'POST /setTasks',
      'GET /getTasks?after=R&wait=25',
    ]);
  });

  test('waits for the address of a pod (R33)', async () => {
    const executor = only(await start({}));
    harness.tracker.ensure(batch, [slotTask(0, { podIP: '' })]);
    expect(harness.letter(0)).toBe('P');
    harness.tracker.ensure(batch, [slotTask(0)]);
    expect(harness.letter(0)).toBe('U');
    await harness.untilLetter(0, 'R');
    expect(executor.count('POST')).toBe(1);
  });

  test('follows a pod whose address changes, without sending the task again', async () => {
    const [silent, executor] = await start({ silent: true }, {});
    harness.tracker.ensure(batch, [slotTask(0)]);
    await until(() => expect(silent?.requests).toEqual(['GET /getTasks']));
    harness.tracker.ensure(batch, [slotTask(0, { podIP: addressOf(1) })]);
    await harness.untilLetter(0, 'R');
    expect([silent?.requests.length, executor?.count('POST')]).toEqual([1, 1]);
  });

  test('repeats a task that the executor does not show (R34)', async () => {
    const executor = only(await start({ loses: 3 }));
    harness.tracker.ensure(batch, [slotTask(0)]);
    await harness.untilLetter(0, 'R');
    expect(executor.count('POST')).toBe(4);
  });

  test('keeps a task that was sent as it is when the template changes or goes away (R36)', async () => {
    const executor = only(await start({}));
    harness.tracker.ensure(batch, [slotTask(0)]);
    await harness.untilLetter(0, 'R');
    harness.tracker.ensure(batch, [slotTask(0, { task: { name: 'b-0', uid: batch.uid, process: { command: ['other'] } } })]);
    harness.tracker.ensure(batch, []);
    executor.end(0);
    await harness.untilLetter(0, 'S');
    expect(executor.count('POST')).toBe(1);
  });

  test('repeats a call until the executor is there (R34)', async () => {
    const executor = only(await start({ status: 503 }));
    harness.tracker.ensure(batch, [slotTask(0)]);
    await until(() => expect(executor.requests.length).toBeGreaterThanOrEqual(3));
    expect(harness.letter(0)).toBe('U');
    executor.behaviour.status = undefined;
    await harness.untilLetter(0, 'R');
  });

  test.each([400, 413])('fails a task that the executor refuses with %i, without a word of it', async (setStatus) => {
    await start({ setStatus });
    harness.tracker.ensure(batch, [slotTask(0)]);
    await harness.untilLetter(0, 'F');
    expect(harness.tracker.observed(batch.uid).get(0)).toEqual({
      letter: 'F',
      dirty: false,
      reason: 'TaskRefused',
      message: `executor: request: expected a request that it accepts, got status ${setStatus}`,
    });
  });

  test('reads once a second from an executor that cannot long-poll', async () => {
    const clock = new ManualClock();
    harness = await TrackerHarness.start([{ withoutRevision: true, withoutUid: true }], clock);
    const executor = only(harness.executors);
    harness.tracker.ensure(batch, [slotTask(0)]);
    await untilLater(clock, () => expect(harness.letter(0)).toBe('R'));
    executor.end(0);
    await untilLater(clock, () => expect(harness.letter(0)).toBe('S'));
    expect(executor.requests.filter((request) => request.includes('after'))).toEqual([]);
  });
});

describe('adopting', () => {
  test('follows a task that an earlier operator sent, without sending it again (R37, R99)', async () => {
    const executor = only(await start({}));
    harness.tracker.ensure(batch, [slotTask(0)]);
    await harness.untilLetter(0, 'R');
    await harness.restart();
    harness.tracker.ensure(batch, [slotTask(0, { recorded: 'R' })]);
    expect(harness.letter(0)).toBe('R');
    executor.end(0);
    await harness.untilLetter(0, 'S');
    expect(executor.count('POST')).toBe(1);
  });

  test.each([
    ['another name', { name: 'other-0', uid: 'other' }],
    ['the same name of another batch', { name: 'b-0', uid: 'other' }],
  ])('calls a pod dirty that holds a task of %s, and leaves it alone (R35)', async (_, held) => {
    const executor = only(await start({}));
    executor.tasks = [{ ...held, process: { command: ['x'] } }];
    harness.tracker.ensure(batch, [slotTask(0)]);
    await until(() => expect(harness.tracker.observed(batch.uid).get(0)?.dirty).toBe(true));
    await until(() => expect(harness.changes).toEqual([batch.key]));
    expect([harness.letter(0), executor.count('POST')]).toEqual(['U', 0]);
  });
});

describe('stopping', () => {
  test('is confirmed only by an empty set (R48)', async () => {
    const executor = only(await start({ slowStop: true }));
    harness.tracker.ensure(batch, [slotTask(0)]);
    await harness.untilLetter(0, 'R');
    harness.tracker.stop(batch, [slotTask(0)]);
    await until(() => expect(executor.count('GET /getTasks?after')).toBe(2));
    expect(harness.tracker.stopState('pod-0')?.state).toBe('stopping');
    executor.drop();
    await harness.untilStopped('pod-0');
    expect(executor.bodies.filter((body) => body !== '').at(-1)).toBe('[]');
  });

  test('comes after a send that is under way, never before it', async () => {
    const executor = only(await start({}));
    let letGo: () => void = () => undefined;
    executor.behaviour.beforeSet = new Promise((resolve) => (letGo = resolve));
    harness.tracker.ensure(batch, [slotTask(0)]);
    await until(() => expect(executor.count('POST')).toBe(1));
    harness.tracker.stop(batch, [slotTask(0)]);
    letGo();
    await harness.untilStopped('pod-0');
    expect([executor.count('POST'), executor.tasks]).toEqual([2, []]);
  });

  test('is not confirmed by an executor that fails, and goes on (R48)', async () => {
    const executor = only(await start({ status: 500 }));
    harness.tracker.stop(batch, [slotTask(0)]);
    await until(() => expect(executor.count('POST')).toBeGreaterThanOrEqual(3));
    expect(harness.tracker.stopState('pod-0')?.state).toBe('stopping');
    executor.behaviour.status = undefined;
    await harness.untilStopped('pod-0');
  });

  test('needs no call to a pod that never had an address', async () => {
    await start({});
    harness.tracker.stop(batch, [slotTask(0, { podIP: '' })]);
    expect(harness.tracker.stopState('pod-0')?.state).toBe('stopped');
    await until(() => expect(harness.changes).toEqual([batch.key]));
  });
});

test('an executor that stops answering makes a running task unknown, and running when it is back, and the log tells no secret (R38, R135)', async () => {
  const clock = new ManualClock();
  harness = await TrackerHarness.start([{}], clock);
  const executor = only(harness.executors);
  harness.tracker.ensure(batch, [slotTask(0)]);
  await untilLater(clock, () => expect(harness.letter(0)).toBe('R'));
  executor.behaviour.status = 500;
  executor.report({ running: { startedAt: '2026-01-01T00:00:00Z' } });
  await untilLater(clock, () => expect(harness.letter(0)).toBe('U'));
  executor.behaviour.status = undefined;
  await untilLater(clock, () => expect(harness.letter(0)).toBe('R'));
  expect(harness.logged.map((line) => (JSON.parse(line) as { msg: string }).msg)).toEqual(['executor does not answer', 'executor answers again']);
  expect(harness.logged.join()).not.toContain('secret');
  expect(harness.logged.join()).not.toContain(secret);
});

test('an executor that refuses the key is told of once, until it has answered', async () => {
  const clock = new ManualClock();
  harness = await TrackerHarness.start([{ status: 401 }], clock);
  const executor = only(harness.executors);
  harness.tracker.ensure(batch, [slotTask(0)]);
  await untilLater(clock, () => expect(harness.letter(0)).toBe('U'));
  await untilLater(clock, () => expect(harness.unauthorized).toEqual([batch.key]));
  const asked = executor.count('GET /getTasks');
  await untilLater(clock, () => expect(executor.count('GET /getTasks')).toBeGreaterThan(asked));
  expect(harness.unauthorized).toEqual([batch.key]);
  executor.behaviour.status = undefined;
  await untilLater(clock, () => expect(harness.letter(0)).toBe('R'));
  executor.behaviour.status = 401;
  executor.report({ running: { startedAt: '2026-01-01T00:00:00Z' } });
  await untilLater(clock, () => expect(harness.unauthorized).toEqual([batch.key, batch.key]));
});
