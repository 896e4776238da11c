import { claimantOf, compareAge, compareClaimants } from '../../operator/claimant';
import type { BatchSandboxSpec } from '../../src/schema/batch-sandbox';
import { batchOf } from '../support/builders';

const claimant = (name: string, hour: number, spec: BatchSandboxSpec = {}) => claimantOf(batchOf(name, spec, { createdAt: `2026-01-01T0${hour}:00:00Z` }));

const IN_ORDER = [
  claimant('young-but-urgent', 5, { priority: 10 }),
  claimant('z-old', 1),
  claimant('a-zero-is-the-default', 2, { priority: 0 }),
  claimant('b-of-the-same-age', 2),
  claimant('old-and-patient', 0, { priority: -1 }),
];

test('the highest priority is served first, then the oldest, then by name (R14)', () => {
  expect([...IN_ORDER].reverse().sort(compareClaimants)).toEqual(IN_ORDER);
});

test('which of two records of one pod counts is a question of age, whatever the priority (R109)', () => {
  const names = [...IN_ORDER].sort(compareAge).map(({ key }) => key);
  expect(names).toEqual(['old-and-patient', 'z-old', 'a-zero-is-the-default', 'b-of-the-same-age', 'young-but-urgent'].map((name) => `default/${name}`));
});
