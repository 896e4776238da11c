import { PoolChooser, sameOffer } from '../../../operator/assign/pool-chooser';
import { type AssignProfile, BUILT_IN_PROFILE } from '../../../operator/assign/profile';
import { ObjectCache } from '../../../operator/kube/cache';
import { Ledger } from '../../../operator/ledger';
import type { PodTemplateSpec } from '../../../src/schema/kubernetes';
import type { Pool } from '../../../src/schema/pool';
import { batchOf, podOf, statusHolding } from '../../support/builders';

const templateOf = (image: string): PodTemplateSpec => ({ spec: { containers: [{ name: 'main', image }] } });

function poolOf(name: string, { metadata = {}, spec = {}, status }: { metadata?: Partial<Pool['metadata']>; spec?: Partial<Pool['spec']>; status?: object } = {}): Pool {
  return {
    metadata: { name, namespace: 'default', uid: `pool-${name}`, resourceVersion: '1', generation: 1, ...metadata },
    spec: { template: templateOf('python'), capacitySpec: { bufferMin: 0, bufferMax: 1, poolMin: 0, poolMax: 1 }, ...spec },
    ...(status !== undefined && { status: status as Pool['status'] }),
  };
}

const notAccepted = { conditions: [{ type: 'Accepted', status: 'False' }] };

function chooserOf(pools: readonly Pool[], profile: AssignProfile | undefined = BUILT_IN_PROFILE) {
  const cache = new ObjectCache<Pool>({ read: () => Promise.resolve(undefined) });
  for (const pool of pools) cache.apply('ADDED', pool);
  const ledger = new Ledger({ poolChanged: () => undefined, heldPodChanged: () => undefined, demandChanged: () => undefined });
  return { cache, ledger, chooser: new PoolChooser({ pools: cache, ledger, profile: () => profile }) };
}

const any = batchOf('b', { poolRef: '*' });

test.each<[string, Pool, string]>([
  ['one that is being deleted', poolOf('p', { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } }), "'p' (being deleted)"],
  ['one that is not accepted', poolOf('p', { status: notAccepted }), "'p' (not accepted)"],
  ['one that will not be accepted, before its status says so', poolOf('p', { spec: { template: { spec: { containers: [] } } } }), "'p' (not accepted)"],
  ['one without a template', poolOf('p', { spec: { template: undefined } }), "'p' (not accepted)"],
  ['one with a name that no pod can carry', poolOf('p'.repeat(64)), `'${'p'.repeat(64)}' (not accepted)`],
])('%s is no candidate (R73)', (_, pool, reason) => {
  expect(chooserOf([pool]).chooser.choose(any)).toEqual({ message: `no Pool in namespace 'default' suits: ${reason}` });
});

test('Pools of other namespaces are no candidates (R73)', () => {
  expect(chooserOf([poolOf('p', { metadata: { namespace: 'other' } })]).chooser.choose(any)).toEqual({ message: "no Pool in namespace 'default'" });
});

test('the template of the batch counts, and its labels (R75)', () => {
  const { chooser } = chooserOf([poolOf('a', { spec: { template: templateOf('ruby') } }), poolOf('b')]);
  expect(chooser.choose(batchOf('b', { poolRef: '*', template: templateOf('python') })).poolName).toBe('b');
  const labelled = chooserOf([poolOf('a', { metadata: { labels: { tier: '1' } } }), poolOf('b', { metadata: { labels: { tier: '2' } } })], { ...BUILT_IN_PROFILE, predicates: ['labelselector'], labelKeys: ['tier'] });
  expect(labelled.chooser.choose({ ...any, metadata: { ...any.metadata, labels: { tier: '2' } } }).poolName).toBe('b');
});

test('pods that batches hold count as given out at once (R76)', () => {
  const { chooser, ledger } = chooserOf([poolOf('a'), poolOf('b')]);
  const pods = ['a', 'b'].flatMap((pool) => [1, 2].map((index) => podOf(`pool-${pool}`, `${pool}-${index}`)));
  for (const pod of pods) ledger.podChanged(pod.uid, pod);
  expect(chooser.choose(any).poolName).toBe('a');
  ledger.batchChanged(undefined, batchOf('holder', { poolRef: 'a' }, { status: statusHolding('a', pods.slice(0, 1)) }));
  expect(chooser.choose(any).poolName).toBe('b');
});

test('an edit of a Pool counts at once (R73)', () => {
  const { cache, chooser } = chooserOf([poolOf('p', { spec: { template: undefined } })]);
  expect(chooser.choose(any).poolName).toBeUndefined();
  cache.apply('MODIFIED', poolOf('p', { metadata: { generation: 2, resourceVersion: '2' } }));
  expect(chooser.choose(any).poolName).toBe('p');
});

test('a Pool that was made again under its name is another (R111)', () => {
  const { cache, chooser } = chooserOf([poolOf('p', { spec: { template: undefined } })]);
  expect(chooser.choose(any).poolName).toBeUndefined();
  cache.apply('DELETED', poolOf('p', { spec: { template: undefined } }));
  cache.apply('ADDED', poolOf('p', { metadata: { uid: 'second', resourceVersion: '3' } }));
  expect(chooser.choose(any).poolName).toBe('p');
});

test('a batch that holds pods keeps their Pool, as long as that exists (R73)', () => {
  const pod = podOf('pool-full', 'full-1');
  const holder = batchOf('b', { poolRef: '*' }, { status: statusHolding('full', [pod]) });
  const pools = [poolOf('empty'), poolOf('full', { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } })];
  expect(chooserOf(pools).chooser.choose(holder).poolName).toBe('full');
  expect(chooserOf(pools.slice(0, 1)).chooser.choose(holder).poolName).toBe('empty');
  expect(chooserOf([poolOf('empty'), poolOf('full', { metadata: { uid: 'second', deletionTimestamp: '2026-01-01T00:00:00Z' } })]).chooser.choose(holder).poolName).toBe('empty');
});

test('a batch whose tasks have ended keeps the Pool whose pods it gave back, so that they do not run again (R42, R73)', () => {
  const status = statusHolding('full', []);
  const finished = batchOf('b', { poolRef: '*' }, { status: { ...status, allocation: { ...status.allocation, slots: ['-'] } } });
  const waiting = batchOf('b', { poolRef: '*' }, { status: { ...status, allocation: { ...status.allocation, slots: [''] } } });
  const { chooser } = chooserOf([poolOf('empty'), poolOf('full')]);
  expect([finished, waiting].map((batch) => chooser.choose(batch).poolName)).toEqual(['full', 'empty']);
});

test('nobody guesses while it is not known how Pools are to be chosen (R77)', () => {
  const { cache, ledger } = chooserOf([poolOf('p')]);
  const chooser = new PoolChooser({ pools: cache, ledger, profile: () => undefined });
  expect(chooser.choose(any)).toEqual({ message: expect.stringContaining("not read yet how Pools are to be chosen: ConfigMap 'pool-assign-profiles'") });
});

const before = poolOf('p', { metadata: { labels: { a: '1' } }, status: { total: 1 } });
test.each<[string, Pool | undefined, Pool | undefined, boolean]>([
  ['a new Pool', undefined, before, false],
  ['a Pool that is gone', before, undefined, false],
  ['another spec', before, { ...before, metadata: { ...before.metadata, generation: 2 } }, false],
  ['other labels', before, { ...before, metadata: { ...before.metadata, labels: { a: '2' } } }, false],
  ['a deletion', before, { ...before, metadata: { ...before.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } }, false],
  ['a Pool made again', before, { ...before, metadata: { ...before.metadata, uid: 'second' } }, false],
  ['a spec that is not accepted', before, { ...before, status: notAccepted as Pool['status'] }, false],
  ['other counts', before, { ...before, status: { ...before.status, total: 2 } as Pool['status'] }, true],
  ['annotations', before, { ...before, metadata: { ...before.metadata, annotations: { a: '1' } } }, true],
])('%s: the same offer? (R73)', (_, a, b, same) => {
  expect(sameOffer(a, b)).toBe(same);
});
