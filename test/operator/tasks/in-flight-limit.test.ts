import { InFlightLimit } from '../../../operator/tasks/in-flight-limit';
import { ManualClock, settle } from '../../support/manual-clock';

/** Calls through a limit that end when told. */
function calls(limit: InFlightLimit, count: number) {
  const started: number[] = [];
  const ends: ((error?: Error) => void)[] = [];
  const results = Array.from({ length: count }, (_, index) =>
    limit.run(async () => {
      started.push(index);
      const error = await new Promise<Error | undefined>((resolve) => (ends[index] = resolve));
      if (error) throw error;
      return index;
    }),
  );
  return { started, ends, results };
}

test('runs as many as there are places, the rest in order as places are given back', async () => {
  const { started, ends, results } = calls(new InFlightLimit(2, new ManualClock()), 4);
  await settle();
  expect(started).toEqual([0, 1]);
  ends[1]?.();
  await settle();
  expect(started).toEqual([0, 1, 2]);
  ends[0]?.(new Error('failed'));
  await expect(results[0]).rejects.toThrow('failed');
  await settle();
  expect(started).toEqual([0, 1, 2, 3]);
});

test('a call that does not end gives its place back after 100 ms, and only once', async () => {
  const clock = new ManualClock();
  const { started, ends, results } = calls(new InFlightLimit(1, clock), 3);
  await clock.advance(99);
  expect(started).toEqual([0]);
  await clock.advance(1);
  expect(started).toEqual([0, 1]);
  ends[0]?.();
  await expect(results[0]).resolves.toBe(0);
  await settle();
  expect(started).toEqual([0, 1]);
});

test('leaves no timer behind', async () => {
  const clock = new ManualClock();
  const { ends, results } = calls(new InFlightLimit(1, clock), 1);
  await settle();
  ends[0]?.();
  await results[0];
  expect(clock.timerCount).toBe(0);
});
