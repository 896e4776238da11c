import { type BriefLives, describeBriefLives, isPaused, noteBriefLives } from '../../../operator/pool/brief-lives';
import { podOf } from '../../support/builders';

const ended = (count: number) => Array.from({ length: count }, (_, index) => podOf('p', `warm-${index}`, { live: false, ready: false, phase: 'Succeeded' }));

/** Pods that end, so many at each second; how long the pool waits after each time, in s. */
function pausesOf(ends: readonly (readonly [atS: number, count: number])[]): number[] {
  let lives: BriefLives | undefined;
  return ends.map(([atS, count]) => {
    lives = noteBriefLives(lives, ended(count), atS * 1000);
    return Math.max(0, (lives?.resumeAtMs ?? 0) / 1000 - atS);
  });
}

test.each([
  ['one or two that do not last are nothing', [[0, 1], [10, 1]], [0, 0]],
  ['three in a row are, however many at once', [[0, 1], [10, 1], [20, 1]], [0, 0, 1]],
  ['the next of the same wave change nothing', [[0, 25], [0.5, 10], [0.75, 3]], [1, 0.5, 0.25]],
  ['each wave has the pool wait twice as long, up to a minute', [[0, 9], [5, 1], [10, 1], [20, 1], [40, 1], [60, 1], [100, 1], [190, 1]], [1, 2, 4, 8, 16, 32, 60, 60]],
  ['a minute without one ends the row', [[0, 3], [5, 3], [68, 2], [70, 1]], [1, 2, 0, 1]],
] as const)('%s', (_title, ends, pauses) => {
  expect(pausesOf(ends)).toEqual(pauses);
});

test('nothing is made during a pause, and once it has grown long the pool says why, until the row ends', () => {
  let lives: BriefLives | undefined;
  for (const atS of [0, 5, 10]) lives = noteBriefLives(lives, ended(3), atS * 1000);
  expect([isPaused(lives, 13_999), isPaused(lives, 14_000)]).toEqual([true, false]);
  expect(describeBriefLives(lives)).toBeUndefined();
  lives = noteBriefLives(lives, ended(3), 15_000);
  expect(describeBriefLives(lives)).toEqual({ reason: 'PodsFailing', message: "pod 'warm-2' ended in phase Succeeded within 30 s after it was Ready, as did others before it" });
  expect(describeBriefLives(noteBriefLives(lives, [], 83_000))).toBeDefined();
  expect(noteBriefLives(lives, [], 83_001)).toBeUndefined();
});
