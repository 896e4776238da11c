import { ApiError } from '../../../operator/kube/api-error';
import { PODS } from '../../../operator/kube/resource-types';
import { handMadeTemplate } from '../../support/hand-made-pods';
import { pathOf } from '../../support/operator-in-process';
import { until } from '../../support/waiting';
import { capacity, PoolHarness, uidsOf } from './pool-harness';

let pools: PoolHarness;

beforeEach(async () => {
  pools = await PoolHarness.start();
});
afterEach(() => pools.stop());

test.each([
  ['that is met', capacity(2, 10, 5, 20), 7, { allocated: 7 }],
  ['that the pool cannot meet', capacity(1, 3, 2, 6), 8, { allocated: 6, total: 6 }],
  ['of nobody', capacity(0, 0, 3, 6), 0, { allocated: 0, total: 3 }],
])('with constant demand %s no pod comes or goes (R64)', async (_name, bounds, replicas, rest) => {
  await pools.operator.createPool('warm', { ...bounds, scaleStrategy: undefined });
  await pools.operator.createBatch('constant', { replicas, poolRef: 'warm' });
  await pools.untilReady(rest);
  await pools.changesWithin(30);
  await pools.untilReady(rest);
  await pools.changesWithin(1);
  expect(await pools.changesWithin(60)).toEqual({ created: 0, deleted: 0 });
});

test('a pool with unmet demand is looked at every 5 s (R63)', async () => {
  await pools.operator.createPool('warm', capacity(0, 0, 0, 1));
  await pools.operator.createBatch('large', { replicas: 2, poolRef: 'warm' });
  await pools.untilReady({ allocated: 1, total: 1 });
  const passes = async () => {
    const metric = await pools.operator.manager.metrics.registry.getSingleMetric('controller_runtime_reconcile_total')?.get();
    const ofPools = metric?.values.filter(({ labels }) => labels['controller'] === 'pool') ?? [];
    return ofPools.reduce((sum, { value }) => sum + value, 0);
  };
  const before = await passes();
  await pools.changesWithin(20);
  expect((await passes()) - before).toBeGreaterThanOrEqual(4);
});

test('a pool tells of the pods that it made, and of those that were refused (R63)', async () => {
  const allowPods = pools.refusePods();
  await pools.operator.createPool('warm', capacity(2, 2, 2, 2));
  const reasons = async () => (await pools.operator.events()).filter(({ involvedObject }) => involvedObject.name === 'warm').map(({ type, reason }) => `${type} ${reason}`);
  await pools.until(async () => expect(await reasons()).toContain('Warning FailedCreate'));
  allowPods();
  await pools.until(async () => expect(await reasons()).toContain('Normal SuccessfulCreate'));
});

test('in a namespace that is being deleted a pod is asked for once a minute, nothing is told, and all that is there can go', async () => {
  const { operator } = pools;
  await operator.createPool('warm', capacity(2, 2, 2, 2));
  await operator.createBatch('user', { replicas: 2, poolRef: 'warm' });
  await operator.createBatch('own', { replicas: 2, template: handMadeTemplate() });
  await pools.untilReady({ allocated: 2, total: 2 });
  const allowPods = pools.refusePods(new ApiError(403, 'Forbidden', 'no new content', { causes: [{ reason: 'NamespaceTerminating' }] }));
  await operator.delete(pathOf('batchsandboxes', 'user'));
  await operator.delete(pathOf('pods', 'own-0'));
  await pools.until(() => expect(operator.batch('user')).rejects.toThrow('404'));
  await pools.untilStatus({ allocated: 0, total: 0 });

  const { created } = await pools.changesWithin(125);
  expect(created).toBeGreaterThanOrEqual(2);
  expect(created).toBeLessThanOrEqual(6); // pool and batch may ask at the same time
  expect((await operator.events()).filter(({ reason }) => reason === 'FailedCreate')).toEqual([]);

  // A new object tells that the namespace is another one: nobody waits for time to pass, neither pool nor batch.
  allowPods();
  const count = pools.countChanges();
  await operator.createBatch('next', { replicas: 0, template: handMadeTemplate() });
  await until(() => expect(count().created).toBe(3));
  await pools.untilReady({ total: 2 });
  await pools.untilPods(4);
});

test('a pool whose pods are refused by a namespace that has opened meanwhile asks again', async () => {
  const { operator, clock } = pools;
  const refusal = new ApiError(403, 'Forbidden', 'no new content', { causes: [{ reason: 'NamespaceTerminating' }] });
  const { api } = operator.manager;
  const create = api.create.bind(api);
  jest.spyOn(api, 'create').mockImplementation(async (type, object, options) => {
    if (type !== PODS) return create(type, object, options);
    await operator.createBatch('news', { replicas: 0, template: handMadeTemplate() });
    await until(async () => expect((await operator.batch('news')).status?.phase).toBe('Pending'));
    throw refusal;
  });
  await operator.createPool('warm', capacity(1, 1, 1, 1));
  await until(async () => expect(await pools.status()).toMatchObject({ total: 0 }));
  jest.mocked(api.create).mockImplementation(create);
  await clock.advance(1_000);
  await until(async () => expect(await operator.pods()).toHaveLength(1));
});

test('growth that the API server refuses shows after 30 s, until pods are made (R65)', async () => {
  const allowPods = pools.refusePods();
  await pools.operator.createPool('warm', capacity(2, 2, 2, 2));
  await pools.untilStatus({ total: 0 });
  expect(await pools.block()).toBeUndefined();
  await pools.changesWithin(30);
  await pools.until(async () => expect(await pools.block()).toMatchObject({ reason: 'CreateFailed', message: 'denied by a policy' }));
  allowPods();
  await pools.untilReady({ total: 2 });
  await pools.until(async () => expect(await pools.block()).toBeUndefined());
});

test.each([
  ['NotReadyPods', capacity(2, 2, 2, 4), 0],
  ['PoolMax', capacity(0, 0, 0, 2), 3],
])('growth that is held back shows as %s after 30 s (R65)', async (reason, bounds, replicas) => {
  await pools.operator.createPool('warm', { ...bounds, scaleStrategy: { maxUnavailable: 1 } });
  await pools.operator.createBatch('waiting', { replicas, poolRef: 'warm' });
  if (reason === 'PoolMax') await pools.untilReady({ total: 2, allocated: 2 });
  else await pools.untilPods(1);
  expect(await pools.block()).toBeUndefined();
  await pools.changesWithin(35);
  await pools.until(async () => expect(await pools.block()).toMatchObject({ reason }));
  await pools.edit(capacity(0, 2, 0, 10));
  await pools.untilReady({ available: reason === 'PoolMax' ? expect.any(Number) : 1 });
  await pools.until(async () => expect(await pools.block()).toBeUndefined());
});

test('a pod that ended is replaced although its batch holds it (R114)', async () => {
  await pools.operator.createPool('warm', capacity(0, 0, 2, 2));
  await pools.operator.createBatch('holder', { replicas: 2, poolRef: 'warm' });
  await pools.untilReady({ allocated: 2 });
  const [pod] = await pools.operator.pods();
  await pools.operator.patch(`${pathOf('pods', pod?.metadata.name ?? '')}/status`, { status: { phase: 'Failed' } });
  await pools.untilReady({ allocated: 2, total: 2 });
  await pools.until(async () => expect(uidsOf(await pools.operator.pods())).not.toContain(pod?.metadata.uid));
  await pools.until(async () => expect((await pools.operator.batch('holder')).status).toMatchObject({ ready: 2 }));
});
