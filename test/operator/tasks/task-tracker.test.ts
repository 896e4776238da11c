import { ManualClock } from '../../support/manual-clock';
import { until } from '../../support/waiting';
import type { FakeExecutor, FakeExecutorBehaviour } from './fake-executor';
import { batch, only, slotTask, TrackerHarness, untilLater } from './tracker-harness';

let harness: TrackerHarness;

afterEach(() => harness.close());

/** Starts executors and a tracker for them. */
async function start(...behaviours: FakeExecutorBehaviour[]): Promise<readonly FakeExecutor[]> {
  harness = await TrackerHarness.start(behaviours);
  return harness.executors;
}

describe('ensuring', () => {
  test.each(['S', 'F'] as const)('sends nothing to a slot whose recorded letter is %s (R34, R37)', async (recorded) => {
    const [ended, other] = await start({}, {});
    harness.tracker.ensure(batch, [slotTask(0, { recorded }), slotTask(1)]);
    await harness.untilLetter(1, 'R');
    expect([ended?.requests, other?.count('POST'), harness.letter(0)]).toEqual([[], 1, undefined]);
  });

  test('takes back a task that was not sent yet', async () => {
    await start({});
    harness.tracker.ensure(batch, [slotTask(0, { podIP: '' })]);
    harness.tracker.ensure(batch, []);
    expect(harness.tracker.observed(batch.uid).size).toBe(0);
  });
});

describe('stopping', () => {
  test('goes on when another batch that lost the pod forgets it', async () => {
    const executor = only(await start({}));
    executor.behaviour.status = 500;
    harness.tracker.stop(batch, [slotTask(0)]);
    harness.tracker.forgetPod('another-batch', 'pod-0');
    expect(harness.tracker.stopState('pod-0')?.state).toBe('stopping');
    executor.behaviour.status = undefined;
    await harness.untilStopped('pod-0');
  });

  test('is final for its pod until the pod is forgotten', async () => {
    const executor = only(await start({}));
    harness.tracker.stop(batch, [slotTask(0)]);
    await harness.untilStopped('pod-0');
    harness.tracker.ensure(batch, [slotTask(0)]);
    harness.tracker.stop(batch, [slotTask(0)]);
    expect([harness.letter(0), harness.tracker.stopState('pod-0')?.state]).toEqual([undefined, 'stopped']);
    harness.tracker.forgetPod(batch.uid, 'pod-0');
    expect(harness.tracker.stopState('pod-0')).toBeUndefined();
    harness.tracker.ensure(batch, [slotTask(0)]);
    await harness.untilLetter(0, 'R');
    expect(executor.count('POST')).toBe(2);
  });

  test('of another batch says nothing about a pod that was given again', async () => {
    await start({});
    harness.tracker.stop({ key: 'default/old', uid: 'old' }, [slotTask(0)]);
    await harness.untilStopped('pod-0');
    harness.tracker.ensure(batch, [slotTask(0)]);
    expect(harness.tracker.stopState('pod-0')).toBeUndefined();
    await harness.untilLetter(0, 'R');
  });
});

describe('resetting', () => {
  test.each([
    ['true on 200', {}, true],
    ['false when not proved empty', { status: 500 }, false],
    ['false when there is no such call', { status: 404 }, false],
  ])('gives %s', async (_, behaviour, want) => {
    await start(behaviour);
    await expect(harness.tracker.reset(slotTask(0), new AbortController().signal)).resolves.toBe(want);
  });
});

describe('forgetting', () => {
  test('ends the calls to a pod that is gone (R116)', async () => {
    const executor = only(await start({}));
    harness.tracker.ensure(batch, [slotTask(0)]);
    await harness.untilLetter(0, 'R');
    harness.tracker.forgetPod(batch.uid, 'pod-0');
    expect(harness.tracker.observed(batch.uid).size).toBe(0);
    harness.tracker.ensure(batch, [slotTask(0, { podUID: 'pod-new' })]);
    await harness.untilLetter(0, 'R');
    expect(executor.count('POST')).toBe(1);
  });

  test('keeps the end of a pod that is gone until it is on record, and asks that pod nothing more, also when it was to stop (R37, R116)', async () => {
    const executor = only(await start({}));
    harness.tracker.ensure(batch, [slotTask(0)]);
    await harness.untilLetter(0, 'R');
    executor.end(1);
    await harness.untilLetter(0, 'F');
    executor.behaviour.status = 500;
    harness.tracker.stop(batch, [slotTask(0)]);
    await until(() => expect(executor.count('POST')).toBe(2));
    harness.tracker.forgetPod(batch.uid, 'pod-0', true);
    expect([harness.letter(0), harness.tracker.stopState('pod-0')]).toEqual(['F', undefined]);
    harness.tracker.forgetEnds(batch.uid);
    expect(harness.letter(0)).toBeUndefined();
  });

  test('keeps no end that was not seen, and none of a pod that took the slot over', async () => {
    const executor = only(await start({}));
    harness.tracker.ensure(batch, [slotTask(0)]);
    await harness.untilLetter(0, 'R');
    harness.tracker.forgetPod(batch.uid, 'pod-0', true);
    expect(harness.letter(0)).toBeUndefined();
    harness.tracker.ensure(batch, [slotTask(0)]);
    executor.end(0);
    await harness.untilLetter(0, 'S');
    harness.tracker.forgetPod(batch.uid, 'pod-0', true);
    harness.tracker.ensure(batch, [slotTask(0, { podUID: 'pod-new' })]);
    harness.tracker.forgetEnds(batch.uid);
    expect(harness.letter(0)).not.toBeUndefined();
  });

  test('keeps no end by a signal that came with the end of the pod: the task was lost, and runs again (R37, R113)', async () => {
    const executor = only(await start({}));
    harness.tracker.ensure(batch, [slotTask(0)]);
    await harness.untilLetter(0, 'R');
    executor.report({ terminated: { exitCode: 137, signal: 9, reason: 'Failed', finishedAt: '2026-01-01T00:00:00Z' } });
    await harness.untilLetter(0, 'F');
    harness.tracker.forgetPod(batch.uid, 'pod-0', true);
    expect(harness.letter(0)).toBeUndefined();
  });

  test('ends the calls to all pods of a batch that are gone (R116)', async () => {
    const [first, second] = await start({}, {});
    harness.tracker.ensure(batch, [slotTask(0), slotTask(1)]);
    await harness.untilLetter(0, 'R');
    await harness.untilLetter(1, 'R');
    first?.end(0);
    await harness.untilLetter(0, 'S');
    harness.tracker.stop(batch, [slotTask(1)]);
    await harness.untilStopped('pod-1');
    harness.tracker.forgetGone(batch.uid, () => true, 2);
    expect(harness.letter(1)).toBe('R');
    harness.tracker.forgetGone(batch.uid, () => false, 1);
    expect([harness.letter(0), harness.letter(1), harness.tracker.stopState('pod-1'), second?.tasks]).toEqual(['S', undefined, undefined, []]);
  });

  test('of a batch leaves other batches alone', async () => {
    const [, second] = await start({}, {});
    const other = { key: 'default/other', uid: 'other' };
    harness.tracker.ensure(batch, [slotTask(0)]);
    harness.tracker.ensure(other, [slotTask(1, { task: { name: 'other-1', uid: 'other', process: { command: ['x'] } } })]);
    await until(() => expect(harness.tracker.observed('other').get(1)?.letter).toBe('R'));
    harness.tracker.forgetBatch(batch.uid);
    second?.end(0);
    await until(() => expect(harness.tracker.observed('other').get(1)?.letter).toBe('S'));
    expect(harness.tracker.observed(batch.uid).size).toBe(0);
  });
});

describe('many pods', () => {
  test('one hundred tasks are reported in few calls (R133)', async () => {
    // Time stands still but for what is told, which is gathered for a while: how long the answers take to come says nothing.
    const clock = new ManualClock();
    harness = await TrackerHarness.start(Array.from({ length: 100 }, () => ({})), clock);
    const slots = harness.executors.map((_, slot) => slotTask(slot));
    harness.tracker.ensure(batch, slots);
    const untilAll = (want: string) => until(() => expect(slots.filter(({ slot }) => harness.letter(slot) !== want)).toEqual([]));
    await untilAll('R');
    for (const executor of harness.executors) executor.end(0);
    await untilAll('S');
    await untilLater(clock, () => expect(harness.changes).toContain(batch.key));
    expect(harness.changes.length).toBeLessThanOrEqual(10);
    expect(harness.executors.map((executor) => executor.count('POST'))).toEqual(slots.map(() => 1));
  });

  test('dead pods delay no living one (R39)', async () => {
    const clock = new ManualClock();
    const dead = Array.from({ length: 80 }, () => ({ silent: true }));
    harness = await TrackerHarness.start([...dead, {}], clock);
    harness.tracker.ensure(batch, harness.executors.map((_, slot) => slotTask(slot)));
    const asked = () => harness.executors.filter(({ requests }) => requests.length > 0).length;
    await until(() => expect(asked()).toBe(64));
    // From now on time stands still: no call ends at its deadline.
    await clock.advance(100);
    await harness.untilLetter(80, 'R');
  });
});
