import { VirtualClock } from './virtual-clock';

async function fireAll(clock: VirtualClock, untilMs: number): Promise<void> {
  while (await clock.step(untilMs));
}

test('fires timers in the order of their time, and of their setting when they are due together', async () => {
  const clock = new VirtualClock();
  const fired: string[] = [];
  for (const [name, ms] of [['c', 30], ['a', 10], ['b1', 20], ['b2', 20], ['b3', 20], ['late', 99]] as const) {
    clock.setTimer(ms, () => fired.push(`${name} at ${clock.monotonicMs()}`));
  }
  await fireAll(clock, 50);
  expect(fired).toEqual(['a at 10', 'b1 at 20', 'b2 at 20', 'b3 at 20', 'c at 30']);
  expect(clock.monotonicMs()).toBe(50);
});

test('keeps the order of a thousand timers', async () => {
  const clock = new VirtualClock();
  const fired: number[] = [];
  for (let i = 0; i < 1000; i++) clock.setTimer((i * 7919) % 1000, () => fired.push(clock.monotonicMs()));
  await fireAll(clock, 1000);
  expect(fired).toEqual(Array.from({ length: 1000 }, (_, i) => i));
});

test('a cancelled timer does not fire', async () => {
  const clock = new VirtualClock();
  const fired: string[] = [];
  const cancel = clock.setTimer(10, () => fired.push('cancelled'));
  clock.setTimer(5, cancel);
  clock.setTimer(20, () => fired.push('kept'));
  await fireAll(clock, 100);
  expect(fired).toEqual(['kept']);
});

test('what a timer starts runs to its end before the next one fires', async () => {
  const clock = new VirtualClock();
  const seen: string[] = [];
  clock.setTimer(1, () => {
    void (async () => {
      for (let i = 0; i < 100; i++) await Promise.resolve();
      seen.push('work of the first');
    })();
  });
  clock.setTimer(1, () => seen.push('second'));
  await fireAll(clock, 1);
  expect(seen).toEqual(['work of the first', 'second']);
});

test('time stands still while something is held', async () => {
  const clock = new VirtualClock();
  const seen: string[] = [];
  clock.setTimer(1, () => {
    void clock.hold(new Promise((resolve) => setImmediate(() => setImmediate(resolve)))).then(() => seen.push('held'));
  });
  clock.setTimer(2, () => seen.push('next'));
  await fireAll(clock, 2);
  expect(seen).toEqual(['held', 'next']);
});
