import { RateLimiter } from '../../../operator/kube/rate-limiter';
import { ManualClock } from '../../support/manual-clock';

const never = new AbortController().signal;

describe('RateLimiter', () => {
  const passed = (limiter: RateLimiter, calls: number, signal = never) => {
    const order: number[] = [];
    for (let i = 0; i < calls; i++) void limiter.take(signal).then(() => order.push(i));
    return order;
  };

  test('lets a burst pass and then the rate, in order', async () => {
    const clock = new ManualClock();
    const order = passed(new RateLimiter(clock, 10, 3), 6);
    await clock.advance(0);
    expect(order).toEqual([0, 1, 2]);
    await clock.advance(100);
    expect(order).toEqual([0, 1, 2, 3]);
    await clock.advance(200);
    expect(order).toEqual([0, 1, 2, 3, 4, 5]);
  });

  test('fills up to the burst and no further', async () => {
    const clock = new ManualClock();
    const limiter = new RateLimiter(clock, 10, 2);
    await clock.advance(60_000);
    const order = passed(limiter, 3);
    await clock.advance(0);
    expect(order).toEqual([0, 1]);
  });

  test('gives the place of a caller that gave up to others', async () => {
    const clock = new ManualClock();
    const limiter = new RateLimiter(clock, 10, 1);
    const stop = new AbortController();
    passed(limiter, 3, stop.signal);
    await clock.advance(0);
    stop.abort();
    await clock.advance(0);
    const order = passed(limiter, 1);
    await clock.advance(100);
    expect(order).toEqual([0]);
  });

  test('is no limit at 0', async () => {
    const clock = new ManualClock();
    const order = passed(new RateLimiter(clock, 0, 0), 1_000);
    await clock.advance(0);
    expect(order).toHaveLength(1_000);
  });
});
