import { type CacheChange, ObjectCache } from '../../../operator/kube/cache';
import { deepFreeze } from '../../support/freeze';
import { settle } from '../../support/manual-clock';
import { type Thing, thing } from './things';

/** A cache with what its listener was told, as `before>after`. */
function cacheWith(items: readonly Thing[] = [], read: (key: string) => Promise<Thing | undefined> = () => Promise.reject(new Error('not expected'))) {
  const cache = new ObjectCache<Thing>({ read, trim: deepFreeze });
  cache.replace(cache.beginList(true), items);
  const told: string[] = [];
  const show = (object: Thing | undefined) => object?.label ?? '-';
  cache.onChange(({ before, after }: CacheChange<Thing>) => told.push(`${show(before)}>${show(after)}`));
  return { cache, told, shown: () => cache.get('ns/a')?.label };
}

describe('ObjectCache', () => {
  test('follows list and watch', () => {
    const { cache, told } = cacheWith([thing('1')]);
    cache.apply('MODIFIED', thing('2'));
    cache.apply('ADDED', thing('3', { name: 'b' }));
    cache.apply('DELETED', thing('4'));
    expect(told).toEqual(['1>2', '->3', '2>-']);
    expect([...cache.values()].map(({ label }) => label)).toEqual(['3']);
  });

  test('tells nobody of an event that repeats what is shown', () => {
    const { cache, told } = cacheWith([thing('1')]);
    cache.apply('MODIFIED', thing('1'));
    expect(told).toEqual([]);
  });

  test('drops what a list no longer shows, in its namespace only', () => {
    const elsewhere = { metadata: { namespace: 'other', name: 'a', resourceVersion: '9' } };
    const { cache } = cacheWith([thing('1'), elsewhere]);
    cache.replace(cache.beginList(true), [], 'ns');
    expect([...cache.values()]).toEqual([elsewhere]);
  });

  test('tells of changes after the whole list is stored', () => {
    const { cache } = cacheWith();
    const sizes: number[] = [];
    cache.onChange(() => sizes.push(cache.size));
    cache.replace(cache.beginList(true), [thing('1'), thing('2', { name: 'b' })]);
    expect(sizes).toEqual([2, 2]);
  });

  test('stores objects trimmed', () => {
    const cache = new ObjectCache<Thing>({ read: () => Promise.resolve(undefined), trim: ({ metadata }) => ({ metadata }) });
    cache.apply('ADDED', thing('1'));
    expect(cache.get('ns/a')).toEqual({ metadata: thing('1').metadata });
  });

  test('ends the calls to a listener', () => {
    const { cache, told } = cacheWith();
    const more: string[] = [];
    cache.onChange(({ key }) => more.push(key))();
    cache.apply('ADDED', thing('1'));
    expect([told, more]).toEqual([['->1'], []]);
  });
});

describe('own writes', () => {
  test('are shown at once, hold back older events, and their echo is no change (R97, R107)', () => {
    const { cache, told, shown } = cacheWith([thing('1')]);
    cache.beginWrite('ns/a').stored(thing('3'));
    expect(shown()).toBe('3');
    cache.apply('MODIFIED', thing('2'));
    expect(shown()).toBe('3');
    cache.apply('MODIFIED', thing('3'));
    cache.apply('MODIFIED', thing('4'));
    expect(told).toEqual(['1>3', '3>4']);
  });

  test('do not bring back what the watch has already passed', () => {
    const { cache, told, shown } = cacheWith([thing('1')]);
    const write = cache.beginWrite('ns/a');
    cache.apply('MODIFIED', thing('2'));
    cache.apply('MODIFIED', thing('3'));
    write.stored(thing('2'));
    expect(shown()).toBe('3');
    expect(told).toEqual(['1>2', '2>3']);
  });

  test('do not bring back what has been deleted meanwhile', () => {
    const { cache, shown } = cacheWith([thing('1')]);
    const write = cache.beginWrite('ns/a');
    cache.apply('DELETED', thing('3'));
    write.stored(thing('2'));
    expect(shown()).toBeUndefined();
  });

  test('that changed nothing hold nothing back', () => {
    const { cache, shown } = cacheWith([thing('1')]);
    cache.beginWrite('ns/a').stored(thing('1'));
    cache.apply('MODIFIED', thing('2'));
    expect(shown()).toBe('2');
  });

  test('that failed leave the object to the watch', async () => {
    const { cache, shown } = cacheWith([thing('1')]);
    await expect(cache.write('ns/a', () => Promise.reject(new Error('refused')))).rejects.toThrow('refused');
    cache.apply('MODIFIED', thing('2'));
    expect(shown()).toBe('2');
  });

  test('of a new object survive the deletion of its predecessor', () => {
    const { cache, shown } = cacheWith([thing('1', { uid: 'old' })]);
    cache.beginWrite('ns/a').stored(thing('3', { uid: 'new' }));
    cache.apply('DELETED', thing('2', { uid: 'old' }));
    expect(shown()).toBe('3');
    cache.apply('ADDED', thing('3', { uid: 'new' }));
    cache.apply('MODIFIED', thing('4', { uid: 'new' }));
    expect(shown()).toBe('4');
  });

  test('end with the deletion of the object (R117)', () => {
    const { cache, shown } = cacheWith([thing('1')]);
    cache.beginWrite('ns/a').stored(thing('2'));
    cache.apply('DELETED', thing('5'));
    expect(shown()).toBeUndefined();
  });

  test('end with a list that was asked for after the answer (R117)', () => {
    const { cache, shown } = cacheWith([thing('1')]);
    cache.beginWrite('ns/a').stored(thing('2'));
    cache.replace(cache.beginList(true), [thing('3')]);
    expect(shown()).toBe('3');
  });

  test('are settled by a read when a list under way may be older or newer', async () => {
    const { cache, shown } = cacheWith([thing('1')], () => Promise.resolve(thing('3')));
    const token = cache.beginList(true);
    cache.beginWrite('ns/a').stored(thing('2'));
    cache.replace(token, [thing('3')]);
    expect(shown()).toBe('2');
    await settle();
    expect(shown()).toBe('3');
    cache.apply('MODIFIED', thing('4'));
    expect(shown()).toBe('4');
  });

  test('give up to the watch when that read fails', async () => {
    const { cache, shown } = cacheWith([thing('1')]);
    const token = cache.beginList(true);
    cache.beginWrite('ns/a').stored(thing('2'));
    cache.replace(token, [thing('3')]);
    await settle();
    expect(shown()).toBe('3');
  });
});

describe('own deletes', () => {
  test('hide the object until the watch has passed its deletion', async () => {
    const { cache, told, shown } = cacheWith([thing('1')]);
    await cache.remove('ns/a', 'u1', () => Promise.resolve(undefined));
    cache.apply('MODIFIED', thing('2'));
    expect(shown()).toBeUndefined();
    cache.apply('DELETED', thing('3'));
    cache.apply('ADDED', thing('4', { uid: 'u2' }));
    expect(told).toEqual(['1>-', '->4']);
  });

  test('show an object that stays for a while', async () => {
    const { cache, shown } = cacheWith([thing('1')]);
    const { metadata } = thing('2');
    await cache.remove('ns/a', 'u1', () => Promise.resolve({ label: 'terminating', metadata: { ...metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } }));
    expect(shown()).toBe('terminating');
  });

  test('hide an object whose last state is the answer', async () => {
    const { cache, shown } = cacheWith([thing('1')]);
    await cache.remove('ns/a', 'u1', () => Promise.resolve(thing('1')));
    expect(shown()).toBeUndefined();
  });

  test('hide an object whose last finalizer was removed, though the answer has the version of before', async () => {
    const terminating = { deletionTimestamp: '2026-01-01T00:00:00Z', deletionGracePeriodSeconds: 0 };
    const held = { metadata: { ...thing('1').metadata, ...terminating, finalizers: ['a.b/c'] } };
    const { cache, shown } = cacheWith([held]);
    await cache.write('ns/a', () => Promise.resolve({ metadata: { ...held.metadata, finalizers: undefined } }));
    expect(cache.get('ns/a')).toBeUndefined();
    cache.apply('DELETED', thing('2'));
    cache.apply('ADDED', thing('3', { uid: 'u2' }));
    expect(shown()).toBe('3');
  });

  test('hide nothing when the deletion has passed already', () => {
    const { cache, shown } = cacheWith([thing('1')]);
    const write = cache.beginWrite('ns/a');
    cache.apply('DELETED', thing('2'));
    cache.apply('ADDED', thing('3', { uid: 'u2' }));
    write.removed('u1');
    expect(shown()).toBe('3');
  });
});
