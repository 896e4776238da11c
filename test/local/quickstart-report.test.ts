import { findShortfalls, type QuickstartReport } from '../../local/quickstart-report';

const GOOD: QuickstartReport = {
  delivered: 100,
  deliverMs: 14.2,
  batchWrites: 3,
  tasks: { succeeded: 100, failed: 0 },
  merged: true,
  wallMs: 12_000,
  replicas: 100,
  poolReadyMs: 8_000,
  tasksMs: 900,
  apiWrites: {},
  input: { files: 1, bytes: 10, words: 2, differentWords: 2 },
  topWords: [],
};

test.each<[string, Partial<QuickstartReport>, string[]]>([
  ['all is well', {}, []],
  ['sandboxes are missing', { delivered: 99 }, ['sandboxes: expected 100 that answer, got 99']],
  ['tasks failed', { tasks: { succeeded: 98, failed: 2 } }, ['tasks: expected 100 to succeed, got 98 (2 failed)']],
  ['counts differ', { merged: false }, ['word counts: expected the merged counts of all tasks to equal those of one process, got others']],
  ['everything is wrong', { delivered: 0, tasks: { succeeded: 0, failed: 0 }, merged: false }, [expect.any(String), expect.any(String), expect.any(String)] as string[]],
])('reports what is short when %s', (_title, change, want) => {
  expect(findShortfalls({ ...GOOD, ...change })).toEqual(want);
});
