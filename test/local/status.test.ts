import { toStatusText } from '../../local/status';
import { toAge, toTable } from '../../local/table';
import type { BatchSandboxStatus } from '../../src/schema/batch-sandbox';

const NOW = new Date('2026-01-01T01:00:00Z');

test('shows pools and batches by namespace and name, and what has no status yet', () => {
  const capacitySpec = { bufferMin: 1, bufferMax: 1, poolMin: 1, poolMax: 1 };
  const status: BatchSandboxStatus = { replicas: 3, allocated: 3, ready: 2, taskRunning: 1, taskSucceed: 1, taskFailed: 0, taskPending: 0, taskUnknown: 0, phase: 'Succeed' };
  const text = toStatusText(
    [
      { metadata: { namespace: 'b', name: 'new' }, spec: { capacitySpec } },
      { metadata: { namespace: 'a', name: 'warm', creationTimestamp: '2026-01-01T00:59:00Z' }, spec: { capacitySpec }, status: { revision: 'r', total: 10, allocated: 3, available: 7, updated: 10 } },
    ],
    [{ metadata: { namespace: 'a', name: 'words', creationTimestamp: '2026-01-01T00:59:50Z' }, spec: { replicas: 3, poolRef: 'warm' }, status }],
    NOW,
  );
  expect(text).toBe(
    [
      'NAMESPACE   POOL   TOTAL   ALLOCATED   AVAILABLE   UPDATED   AGE',
      'a           warm   10      3           7           10        60s',
      'b           new    -       -           -           -         <unknown>',
      '',
      'NAMESPACE   BATCH   POOL   DESIRED   ALLOCATED   READY   RUNNING   SUCCEEDED   FAILED   PHASE     AGE',
      'a           words   warm   3         3           2       1         1           0        Succeed   10s',
    ].join('\n'),
  );
});

test('a table without rows is its header', () => {
  expect(toTable(['A', 'B'], [])).toBe('A   B');
});

test.each([
  [0, '0s'],
  [119, '119s'],
  [120, '2m'],
  [7_199, '119m'],
  [7_200, '2h'],
  [172_799, '47h'],
  [172_800, '2d'],
])('an age of %i s is %s', (seconds, want) => {
  expect(toAge(new Date(NOW.getTime() - seconds * 1000).toISOString(), NOW)).toBe(want);
});
