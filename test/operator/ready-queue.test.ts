import { ReadyQueue } from '../../operator/ready-queue';
import { podOf } from '../support/builders';

const pod = (name: string, second: number) => podOf('pool', name, { readySince: `2026-01-01T00:00:0${second}Z` });

describe('ReadyQueue', () => {
  test('a pod that was not Ready for a while stands behind those that were', () => {
    const queue = new ReadyQueue();
    queue.add(pod('flapping', 1));
    queue.add(pod('steady', 2));
    queue.delete('uid-flapping');
    queue.add(pod('flapping', 3));
    expect(queue.take(2).map(({ name }) => name)).toEqual(['steady', 'flapping']);
  });

  test('a pod that comes and goes is given out once and counted once', () => {
    const queue = new ReadyQueue();
    for (let i = 0; i < 5_000; i++) {
      queue.delete('uid-flapping');
      queue.add(pod('flapping', i % 10));
    }
    expect(queue.size).toBe(1);
    expect(queue.take(3)).toHaveLength(1);
    expect(queue.size).toBe(0);
  });
});
