import { SimulatedProcess } from './simulated-process';
import { VirtualClock } from './virtual-clock';

async function pass(clock: VirtualClock, ms: number): Promise<void> {
  const untilMs = clock.monotonicMs() + ms;
  while (await clock.step(untilMs));
}

test('a frozen process takes what came meanwhile, in order, once it is thawed', async () => {
  const clock = new VirtualClock();
  const process = new SimulatedProcess(clock);
  const seen: string[] = [];
  process.setTimer(10, () => seen.push(`first at ${process.monotonicMs()}`));
  process.setTimer(20, () => seen.push(`second at ${process.monotonicMs()}`));
  const cancel = process.setTimer(30, () => seen.push('cancelled'));
  process.freeze();
  await pass(clock, 100);
  expect(seen).toEqual([]);
  cancel();
  process.thaw();
  await pass(clock, 1);
  expect(seen).toEqual(['first at 100', 'second at 100']);
});

test('a dead process takes nothing any more', async () => {
  const clock = new VirtualClock();
  const process = new SimulatedProcess(clock);
  const seen: string[] = [];
  process.setTimer(10, () => seen.push('timer'));
  process.kill();
  process.take(() => seen.push('answer'));
  process.thaw();
  await pass(clock, 100);
  expect(seen).toEqual([]);
});
