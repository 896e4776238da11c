import type { PodFacts } from '../../operator/pod-facts';
import { PoolBook, type PodUse } from '../../operator/pool-book';
import type { StartProblem } from '../../operator/start-problem';
import { podOf } from '../support/builders';

const PULL: StartProblem = { reason: 'ImagePull', message: 'no image' };
const NO_NODE: StartProblem = { reason: 'Unschedulable', message: 'no node' };

function bookOf(revision = 'r1') {
  const book = new PoolBook();
  book.setRevision(revision);
  const set = (name: string, facts: Partial<PodFacts> = {}, use: PodUse = 'idle') => book.set(`uid-${name}`, podOf('p', name, facts), use);
  return { book, set, pending: (name: string, facts: Partial<PodFacts> = {}) => set(name, { ready: false, readySince: '', phase: 'Pending', ...facts }) };
}
const namesOf = (pods: readonly PodFacts[]) => pods.map(({ name }) => name);

describe('pods of an old revision', () => {
  test('are those that nobody holds, evicts or deletes (R67)', () => {
    const { book, set } = bookOf();
    set('new');
    set('old', { revision: 'r0' });
    set('held', { revision: 'r0' }, 'held');
    set('returning', { revision: 'r0' }, 'returning');
    set('doomed', { revision: 'r0' }, 'doomed');
    set('evicted', { revision: 'r0', evict: true });
    set('dead', { revision: 'r0', live: false });
    expect(namesOf(book.outdatedPods())).toEqual(['old']);
    set('held', { revision: 'r0' });
    expect(namesOf(book.outdatedPods())).toEqual(['old', 'held']);
  });

  test('follow the revision', () => {
    const { book, set } = bookOf('r0');
    set('first', { revision: 'r0' });
    set('second', { revision: 'r1' });
    book.setRevision('r1');
    expect(namesOf(book.outdatedPods())).toEqual(['first']);
  });
});

describe('starts', () => {
  test('succeed with the first time that a pod of the current revision is Ready', () => {
    const { book, set, pending } = bookOf();
    pending('a');
    expect(book.takeStarts()).toMatchObject({ succeeded: false, unready: [{ facts: { name: 'a' }, wasReady: false }] });
    set('a');
    expect(book.takeStarts()).toEqual({ succeeded: true, died: [], brief: [], unready: [] });
    pending('a');
    set('a');
    pending('old', { revision: 'r0' });
    set('old', { revision: 'r0' });
    set('seen first when Ready');
    expect(book.takeStarts()).toEqual({ succeeded: false, died: [], brief: [], unready: [] });
  });

  test('fail when a pod ends that was never Ready', () => {
    const { book, set, pending } = bookOf();
    const end: Partial<PodFacts> = { live: false, ready: false, phase: 'Failed' };
    pending('a');
    set('a', end);
    pending('deleted');
    set('deleted', { ...end, terminating: true });
    set('was-ready');
    set('was-ready', end);
    expect(book.endedCount).toBe(1);
    book.set('uid-a', undefined, 'idle');
    expect(namesOf(book.takeStarts().died)).toEqual(['a']);
    expect(book.takeStarts().died).toEqual([]);
  });

  test('are no use when a pod that nobody has ends by itself within 30 s after it was Ready', () => {
    const { book, set, pending } = bookOf();
    const endAt = (unreadySince: string): Partial<PodFacts> => ({ live: false, ready: false, readySince: '', phase: 'Succeeded', unreadySince });
    for (const name of ['brief', 'lasting', 'held', 'deleted', 'old']) pending(name);
    for (const name of ['brief', 'lasting', 'deleted']) set(name);
    set('old', { revision: 'r0' });
    set('held', {}, 'held');
    pending('brief'); // it is not Ready for a moment before its end is known
    set('brief', endAt('2026-01-01T00:00:29Z'));
    set('lasting', endAt('2026-01-01T00:00:30Z'));
    set('held', endAt('2026-01-01T00:00:01Z'), 'held');
    set('deleted', { ...endAt('2026-01-01T00:00:01Z'), terminating: true });
    set('old', { ...endAt('2026-01-01T00:00:01Z'), revision: 'r0' });
    expect(book.endedCount).toBe(1);
    expect(book.takeStarts()).toMatchObject({ succeeded: true, died: [], brief: [{ name: 'brief' }] });
    expect(book.takeStarts().brief).toEqual([]);
  });

  test('keep what a container said until the pod is Ready, and what the scheduler said until it says something else', () => {
    const { book, set, pending } = bookOf();
    pending('pulls', { problem: PULL });
    pending('pulls');
    pending('waits', { problem: NO_NODE });
    pending('waits');
    expect(book.takeStarts().unready.map(({ problem }) => problem)).toEqual([PULL, undefined]);
    set('pulls');
    pending('pulls');
    expect(book.takeStarts().unready.find(({ facts }) => facts.name === 'pulls')).toMatchObject({ wasReady: true, problem: undefined });
  });

  test('are those of idle pods of the current revision', () => {
    const { book, set, pending } = bookOf();
    const unready = { ready: false, readySince: '' };
    set('held', unready, 'held');
    set('doomed', unready, 'doomed');
    pending('evicted', { evict: true });
    pending('old', { revision: 'r0' });
    expect(book.takeStarts().unready).toEqual([]);
  });
});

test('counts all that exist, live ones without the evicted, and idle ones that are not Ready (R59)', () => {
  const { book, set, pending } = bookOf();
  set('idle');
  pending('starting');
  set('held', { ready: false }, 'held');
  set('returning', {}, 'returning');
  set('evicted', { evict: true });
  set('doomed', {}, 'doomed');
  set('terminating', { live: false, terminating: true, ready: false });
  expect(book.counts()).toEqual({ existing: 7, total: 6, live: 4, allocated: 2, available: 1, idleNotReady: 1, updated: 6 });
});

test('a dead pod leaves the live and the allocated ones at once, held or not (R114)', () => {
  const { book, set } = bookOf();
  set('held', {}, 'held');
  set('idle');
  expect(book.counts()).toMatchObject({ live: 2, allocated: 1, available: 1 });
  set('held', { live: false, ready: false, phase: 'Failed' }, 'held');
  set('idle', { live: false, ready: false, phase: 'Failed' });
  expect(book.counts()).toMatchObject({ live: 0, allocated: 0, available: 0, idleNotReady: 0 });
  expect(namesOf(book.removable().dead)).toEqual(['held', 'idle']);
});

test('terminating pods and held ones are not evicted (R72)', () => {
  const { book, set } = bookOf();
  set('terminating', { evict: true, live: false, terminating: true, ready: false });
  set('held', { evict: true }, 'held');
  set('idle', { evict: true });
  expect(namesOf(book.removable().evicted)).toEqual(['idle']);
  expect(book.counts()).toMatchObject({ live: 1, allocated: 1, available: 0 });
  set('held', { evict: true });
  expect(namesOf(book.removable().evicted)).toEqual(['idle', 'held']);
});

test('is empty when it has no pods and its pool is forgotten', () => {
  const { book, set } = bookOf();
  set('a');
  book.set('uid-a', undefined, 'idle');
  expect(book.isEmpty()).toBe(false);
  book.setRevision('');
  expect(book.isEmpty()).toBe(true);
});
