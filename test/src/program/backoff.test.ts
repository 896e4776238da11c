import { Backoff } from '../../../src/program/backoff';

describe('Backoff', () => {
  test('doubles from 50 ms to 5 s, each key for itself', () => {
    const backoff = new Backoff({ random: () => 0 });
    expect(Array.from({ length: 9 }, () => backoff.next('a'))).toEqual([50, 100, 200, 400, 800, 1600, 3200, 5000, 5000]);
    expect(backoff.next('b')).toBe(50);
  });

  test('shortens a delay by a fifth at most', () => {
    expect(new Backoff({ random: () => 0.999999 }).next('a')).toBeCloseTo(40, 2);
  });

  test('begins anew after a reset', () => {
    const backoff = new Backoff({ random: () => 0 });
    backoff.next('a');
    backoff.next('a');
    expect(backoff.failures('a')).toBe(2);
    backoff.reset('a');
    expect([backoff.failures('a'), backoff.next('a')]).toEqual([0, 50]);
  });
});
