import { WorkQueue, type WorkQueueHooks } from '../../operator/work-queue';
import { ManualClock, settle } from '../support/manual-clock';

/** A queue whose work a test ends by hand. */
class Harness {
  readonly clock = new ManualClock();
  readonly started: string[] = [];
  readonly queue: WorkQueue;
  private readonly ends = new Map<string, () => void>();

  constructor(concurrency = 2, hooks?: WorkQueueHooks, start = true) {
    this.queue = new WorkQueue({ concurrency, clock: this.clock, hooks, work: (key) => this.work(key) });
    if (start) this.queue.start();
  }

  async end(key: string): Promise<void> {
    const end = this.ends.get(key);
    if (end === undefined) throw new Error(`${key} is not worked on`);
    this.ends.delete(key);
    end();
    await settle();
  }

  private work(key: string): Promise<void> {
    if (this.ends.has(key)) throw new Error(`${key} is worked on twice at once`);
    this.started.push(key);
    return new Promise((resolve) => this.ends.set(key, resolve));
  }
}

describe('WorkQueue', () => {
  test('begins before the turn of the event loop ends', async () => {
    const { queue, started } = new Harness();
    const order: string[] = [];
    setImmediate(() => order.push(`immediate after ${started.length} started`));
    process.nextTick(() => queue.add('a'));
    await settle();
    expect(order).toEqual(['immediate after 1 started']);
  });

  test('begins after the code that adds, so that its adds are one', async () => {
    const { queue, started } = new Harness();
    queue.add('a');
    queue.add('a');
    expect(started).toEqual([]);
    await settle();
    expect(started).toEqual(['a']);
  });

  test('works on as many keys as allowed, in the order they came', async () => {
    const harness = new Harness(2);
    ['a', 'b', 'c', 'd'].forEach((key) => harness.queue.add(key));
    await settle();
    expect(harness.started).toEqual(['a', 'b']);
    expect([harness.queue.depth, harness.queue.active]).toEqual([2, 2]);
    await harness.end('b');
    expect(harness.started).toEqual(['a', 'b', 'c']);
  });

  test('works once more on a key that is added while it is worked on, and only then', async () => {
    const harness = new Harness();
    harness.queue.add('a');
    await settle();
    harness.queue.add('a');
    harness.queue.add('a');
    await settle();
    expect(harness.started).toEqual(['a']);
    await harness.end('a');
    expect(harness.started).toEqual(['a', 'a']);
    await harness.end('a');
    expect(harness.started).toEqual(['a', 'a']);
  });

  test('keeps keys until it is started', async () => {
    const harness = new Harness(2, undefined, false);
    harness.queue.add('a');
    await settle();
    expect(harness.started).toEqual([]);
    harness.queue.start();
    await settle();
    expect(harness.started).toEqual(['a']);
  });

  test.each([
    ['earlier', [500, 100], 100],
    ['later', [100, 500], 100],
  ])('adds after the earliest of several delays, the %s last', async (_title, delays, want) => {
    const harness = new Harness();
    delays.forEach((ms) => harness.queue.addAfter('a', ms));
    await harness.clock.advance(want - 1);
    expect(harness.started).toEqual([]);
    await harness.clock.advance(1);
    await harness.end('a');
    await harness.clock.advance(1_000);
    expect(harness.started).toEqual(['a']);
  });

  test('sets no timer for a key that waits and is wanted at once', async () => {
    const harness = new Harness(1);
    harness.queue.add('a');
    await settle();
    harness.queue.add('b');
    harness.queue.addAfter('b', 0);
    expect(harness.clock.timerCount).toBe(0);
    harness.queue.addAfter('b', 100); // it may begin before that
    await harness.end('a');
    await harness.end('b');
    await harness.clock.advance(100);
    expect(harness.started).toEqual(['a', 'b', 'b']);
  });

  test('does not let one key that is added without end starve another', async () => {
    const harness = new Harness(1);
    harness.queue.add('a');
    await settle();
    harness.queue.add('b');
    harness.queue.add('a');
    await harness.end('a');
    expect(harness.started).toEqual(['a', 'b']);
  });

  test('forgets a key that waits, is delayed, or was asked for again', async () => {
    const harness = new Harness(1);
    harness.queue.add('a');
    await settle();
    harness.queue.add('a');
    harness.queue.add('b');
    harness.queue.addAfter('c', 3_600_000);
    for (const key of ['a', 'b', 'c']) harness.queue.forget(key);
    expect([harness.queue.depth, harness.clock.timerCount]).toEqual([0, 0]);
    await harness.end('a');
    expect(harness.started).toEqual(['a']);
    harness.queue.add('b');
    await settle();
    expect(harness.started).toEqual(['a', 'b']);
  });

  test('forgets all when it closes, and is closed when work has ended', async () => {
    const harness = new Harness(1);
    harness.queue.add('a');
    harness.queue.addAfter('c', 100);
    await settle();
    harness.queue.add('b');
    let closed = false;
    const closing = harness.queue.close().then(() => (closed = true));
    await settle();
    expect(closed).toBe(false);
    harness.queue.add('a');
    await harness.end('a');
    await closing;
    await harness.clock.advance(1_000);
    harness.queue.add('d');
    await settle();
    expect([harness.started, harness.clock.timerCount]).toEqual([['a'], 0]);
  });

  test('tells of adds, waits and work', async () => {
    const told: string[] = [];
    const harness = new Harness(1, {
      added: () => told.push('added'),
      started: (ms) => told.push(`started ${ms}`),
      finished: (ms) => told.push(`finished ${ms}`),
    });
    harness.queue.add('a');
    harness.queue.add('a');
    await settle();
    harness.queue.add('b');
    await harness.clock.advance(30);
    await harness.end('a');
    expect(told).toEqual(['added', 'started 0', 'added', 'finished 30', 'started 30']);
  });
});
