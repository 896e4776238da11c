import { PassThrough } from 'node:stream';
import { OpenCalls } from '../../../executor/execd/open-calls';
import { ManualClock } from '../../support/manual-clock';

test('the end waits for what is done for callers, and not for ever', async () => {
  const clock = new ManualClock();
  const calls = new OpenCalls(clock);
  const connection = new PassThrough();
  let endWork = () => {};
  const followed = calls.follow(connection, new Promise((resolve) => (endWork = resolve)));
  let left: number | undefined;
  const end = calls.end().then((count) => (left = count));
  await clock.advance(9_999);
  expect([connection.destroyed, left]).toEqual([true, undefined]);
  await clock.advance(1);
  expect(await end).toBe(1);
  const last = calls.end();
  endWork();
  await followed;
  expect([await last, await calls.end(), clock.timerCount]).toEqual([0, 0, 0]);
});
