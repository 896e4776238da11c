import type { BatchSandbox } from '../../../src/schema/batch-sandbox';
import { neglected } from './line';

interface Given {
  readonly replicas?: number;
  readonly held?: number;
  readonly priority?: number;
  readonly whole?: boolean;
}

/** Batches `0`, `1` and so on, each a second younger than the one before. */
function batchesOf(given: readonly Given[]): BatchSandbox[] {
  return given.map(({ replicas = 1, held = 0, priority, whole = false }, index) => ({
    metadata: { name: String(index), creationTimestamp: `2026-01-01T00:00:0${index}Z` },
    spec: { replicas, priority, allocationPolicy: whole ? 'AllOrNothing' : 'Partial' },
    status: {
      ...{ replicas: held, allocated: held, ready: held, taskRunning: 0, taskSucceed: 0, taskFailed: 0, taskPending: 0, taskUnknown: 0 },
      allocation: { slots: Array.from({ length: replicas }, (_, slot) => (slot < held ? `x/${index}-${slot}` : '')) },
    },
  }));
}

test.each<[string, readonly Given[], number, string | undefined]>([
  ['nobody when nothing is available', [{}, { whole: true }], 0, undefined],
  ['the oldest', [{}, {}], 1, '0'],
  ['the one of the highest priority', [{}, { priority: 1 }], 1, '1'],
  ['nobody when all have what they want', [{ held: 1 }, { replicas: 3, held: 3 }], 4, undefined],
  ['one that gets all it wants at once', [{ replicas: 3, whole: true }], 3, '0'],
  ['nobody behind one for whom pods are kept', [{ replicas: 3, whole: true }, {}], 2, undefined],
  ['those behind one that the pool cannot hold', [{ replicas: 9, whole: true }, {}], 2, '1'],
  ['those behind one that the pool cannot hold beside those before it', [{ held: 1 }, { replicas: 5, whole: true }, {}], 2, '2'],
])('should have pods by now: %s', (_, given, available, want) => {
  expect(neglected(batchesOf(given), available, 5)?.metadata.name).toBe(want);
});
