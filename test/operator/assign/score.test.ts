import { type AssignProfile, BUILT_IN_PROFILE } from '../../../operator/assign/profile';
import { scoreOf } from '../../../operator/assign/score';
import { offer } from './requests';

const balanced = (strategy: AssignProfile['strategy'], ...weights: number[]): AssignProfile => ({ ...BUILT_IN_PROFILE, strategy, scores: weights.map((weight) => ({ name: 'resbalance', weight })) });

test.each<[AssignProfile['strategy'], number, number, number]>([
  ['LeastAllocated', 1, 4, 0.75],
  ['LeastAllocated', 0, 4, 1],
  ['LeastAllocated', 4, 4, 0],
  ['LeastAllocated', 0, 0, 0],
  ['MostAllocated', 1, 4, 0.25],
  ['MostAllocated', 4, 4, 1],
  ['MostAllocated', 0, 0, 0],
])('resbalance, %s: %d of %d pods given out is %d (R76)', (strategy, allocated, total, score) => {
  expect(scoreOf(offer({ allocated, total }), balanced(strategy, 1))).toBe(score);
});

test('scores are weighted and added; without any, all Pools are equal (R73, R74)', () => {
  const pool = offer({ allocated: 1, total: 2 });
  expect([scoreOf(pool, BUILT_IN_PROFILE), scoreOf(pool, balanced('MostAllocated', 10, 20)), scoreOf(pool, balanced('MostAllocated'))]).toEqual([50, 15, 0]);
});
