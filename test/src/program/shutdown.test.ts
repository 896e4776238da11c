import { createLogger } from '../../../src/program/log';
import { aborted, closeInOrder, listenForStop } from '../../../src/program/shutdown';
import { ManualClock, settle } from '../../support/manual-clock';

const log = createLogger('test', 'error', { write: () => undefined });

describe('listenForStop', () => {
  test('aborts on the first signal and leaves the second to the system', () => {
    const before = process.listenerCount('SIGTERM');
    const stop = listenForStop();
    expect(process.listenerCount('SIGTERM')).toBe(before + 1);
    process.emit('SIGTERM');
    expect(stop.signal.aborted).toBe(true);
    expect(process.listenerCount('SIGTERM')).toBe(before);
    expect(process.listenerCount('SIGINT')).toBe(before);
  });
});

test('aborted waits until the signal aborts, and not at all when it has', async () => {
  const stop = new AbortController();
  let over = false;
  const waiting = aborted(stop.signal).then(() => (over = true));
  await settle();
  expect(over).toBe(false);
  stop.abort();
  await waiting;
  await expect(aborted(stop.signal)).resolves.toBeUndefined();
});

describe('closeInOrder', () => {
  test('closes one after another, past one that fails', async () => {
    const closed: string[] = [];
    const steps = [
      { name: 'a', close: async () => void closed.push('a') },
      { name: 'b', close: () => Promise.reject(new Error('stuck')) },
      { name: 'c', close: () => void closed.push('c') },
    ];
    expect(await closeInOrder(steps, 1_000, new ManualClock(), log)).toBe(false);
    expect(closed).toEqual(['a', 'c']);
  });

  test('gives up at the deadline', async () => {
    const clock = new ManualClock();
    const closed: string[] = [];
    const steps = [
      { name: 'a', close: () => new Promise<void>(() => undefined) },
      { name: 'b', close: () => void closed.push('b') },
    ];
    const done = closeInOrder(steps, 1_000, clock, log);
    await clock.advance(1_000);
    expect(await done).toBe(false);
    expect(closed).toEqual([]);
  });

  test('leaves no timer behind', async () => {
    const clock = new ManualClock();
    expect(await closeInOrder([], 1_000, clock, log)).toBe(true);
    expect(clock.timerCount).toBe(0);
  });
});
