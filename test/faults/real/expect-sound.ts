import type { RealOutcomes } from './play-real';

/** Lines of a history that are shown of one that fails: all that was done, and the operator's deletes. */
const SHOWN_LINES = 200;
const LONGEST_LINE = 300;

/**
 * Fails, with the seeds, the rules and what was done, when a rule was broken; and when there was too little to judge.
 *
 * @param command arguments of `npm run faults` that play the same again, as far as real time allows
 */
export function expectSound({ outcomes, operatorStarts, operatorLog }: RealOutcomes, command: string): void {
  const failed = outcomes.filter(({ violations }) => violations.length > 0);
  const report = failed.map(({ seed, violations, lines }) => ({
    again: `npm run faults -- ${command} --tail ${SHOWN_LINES}`,
    broken: violations.map(({ rule, message }) => `${rule}: ${message}`),
    history: lines.slice(-SHOWN_LINES).map((line) => line.slice(0, LONGEST_LINE)),
    seed,
  }));
  // In the order of the alphabet, as a difference is shown: what was broken comes first, since a CI run shows only the beginning.
  expect({ broken: report, operatorLog: report.length === 0 ? [] : operatorLog.map((line) => line.slice(0, LONGEST_LINE)) }).toEqual({ broken: [], operatorLog: [] });
  const judged = outcomes.map(({ judged: each }) => each);
  const sumOf = (key: 'changes' | 'starts' | 'deletes') => judged.reduce((sum, each) => sum + each[key], 0);
  // A harness that sees nothing finds nothing.
  expect(sumOf('changes')).toBeGreaterThan(100);
  expect(sumOf('starts')).toBeGreaterThan(0);
  expect(sumOf('deletes')).toBeGreaterThan(0);
  expect(operatorStarts).toBeGreaterThan(1);
}
