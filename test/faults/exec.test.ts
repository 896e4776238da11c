import type { Pod } from '../../src/schema/kubernetes';
import { BadWorld } from './checks/bad-world';
import type { Fate } from './exchange';
import { simulatedExec } from './exec';
import { Random } from './random';
import { SimulatedProcess } from './simulated-process';

/** One command in a pod that runs; how it ended, and whether the container did. */
async function run(fate: Partial<Fate>, seed: string, act: (process: SimulatedProcess) => void = () => undefined, mayWrite = true) {
  const bad = await BadWorld.make();
  const { world } = bad;
  await bad.pod('x', await bad.pool('p'));
  await bad.wait(10_000);
  const process = new SimulatedProcess(world.clock);
  const exec = simulatedExec({ ...world, name: 'operator', process, random: new Random(seed), fateOf: () => ({ thereMs: 5, backMs: () => 5, ...fate }), mayWrite: () => mayWrite });
  let end = 'nothing yet';
  exec({ namespace: 'default', pod: 'x', container: 'main', command: ['kill', '1'], timeoutMs: 10_000, signal: new AbortController().signal }).then(
    () => (end = 'done'),
    (error: unknown) => (end = String(error)),
  );
  act(process);
  await bad.wait(20_000);
  const [container] = (world.pod('x') as Pod).status?.containerStatuses ?? [];
  return { end: end.replace(/.*: /, ''), restarts: container?.restartCount };
}

test.each<[string, Partial<Fate>, { end: string; restarts: number }]>([
  ['restarts its container', {}, { end: 'done', restarts: 1 }],
  ['is refused', { refusal: 503 }, { end: 'status 503', restarts: 0 }],
  ['cannot be sent', { trouble: 'refused' }, { end: 'connection refused', restarts: 0 }],
  ['is carried out, and its answer is lost', { trouble: 'lost answer' }, { end: 'socket hang up', restarts: 1 }],
  ['is carried out in silence', { trouble: 'silence after' }, { end: 'no end in time', restarts: 1 }],
  ['vanishes', { trouble: 'silence' }, { end: 'no end in time', restarts: 0 }],
])('a command %s', async (_, fate, want) => {
  expect(await run(fate, '1')).toEqual(want);
});

test('a container may have no handler for the signal', async () => {
  expect(await run({}, '2')).toEqual({ end: 'done', restarts: 0 });
});

test('an operator without the lease sends none, and one that is killed learns nothing', async () => {
  expect(await run({}, '1', undefined, false)).toEqual({ end: 'not sent', restarts: 0 });
  expect((await run({}, '1', (process) => process.kill())).end).toBe('nothing yet');
});
