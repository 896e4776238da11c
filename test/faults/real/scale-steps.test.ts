import type { Step } from '../operations';
import { scaleSteps } from './scale-steps';

const capacity = { bufferMin: 1, bufferMax: 3, poolMin: 0, poolMax: 7 };
const rank = { priority: 5, allOrNothing: true, tier: 'fast' } as const;
const task = { seconds: 40, exitCode: 1, manner: 'polite' } as const;

const TABLE: Readonly<Record<string, { readonly given: Step; readonly want: Step }>> = {
  'waits and durations are shorter': { given: { do: 'freeze operator', at: 0.5, afterMs: 1_000, forMs: 40_000 }, want: { do: 'freeze operator', at: 0.5, afterMs: 250, forMs: 10_000 } },
  'no number of pods becomes nothing': { given: { do: 'resize pool', pool: 'red', capacity, afterMs: 0 }, want: { do: 'resize pool', pool: 'red', capacity: { bufferMin: 1, bufferMax: 2, poolMin: 0, poolMax: 4 }, afterMs: 0 } },
  'a task runs for less time, and ends as it did': {
    given: { do: 'create batch', batch: 'b7', pool: undefined, replicas: 5, task, policy: 'Retain', expireInMs: -4_000, image: 'good', ...rank, afterMs: 4 },
    want: { do: 'create batch', batch: 'b3', pool: undefined, replicas: 3, task: { ...task, seconds: 10 }, policy: 'Retain', expireInMs: -1_000, image: 'good', ...rank, afterMs: 1 },
  },
  'a slot stays the one that it was': { given: { do: 'release pod', batch: 'b2', slot: 3, afterMs: 0 }, want: { do: 'release pod', batch: 'b2', slot: 3, afterMs: 0 } },
};

test.each(Object.entries(TABLE))('%s', (_, { given, want }) => {
  expect(scaleSteps([given], 0.25, 0.5)).toEqual([want]);
});
