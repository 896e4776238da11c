import { ApiError, TransportError } from '../../../operator/kube/api-error';
import { PODS, POOLS } from '../../../operator/kube/resource-types';
import { handMadeTemplate } from '../../support/hand-made-pods';
import { type OperatorInProcess, pathOf, startOperator } from '../../support/operator-in-process';
import { until } from '../../support/waiting';

let operator: OperatorInProcess;

beforeEach(async () => {
  operator = await startOperator();
});
afterEach(() => operator.stop());

const livePods = async () => (await operator.pods()).filter(({ metadata, status }) => metadata.deletionTimestamp === undefined && status?.phase !== 'Failed');

async function poolAtRest(size: number): Promise<void> {
  await operator.createPool('warm', { capacitySpec: { bufferMin: size, bufferMax: size, poolMin: size, poolMax: 10 } });
  await until(async () => expect(await livePods()).toHaveLength(size));
  await operator.makeReady();
  await until(async () => expect((await operator.pool('warm')).status).toMatchObject({ available: size }));
}

test('a status write does not take in an edit that no pass has seen (R97)', async () => {
  await poolAtRest(1);
  const { api } = operator.manager;
  const patch = api.patch.bind(api);
  const outcomes: string[] = [];
  let isEdited = false;
  jest.spyOn(api, 'patch').mockImplementation(async (...call) => {
    if (isEdited || call[0] !== POOLS || call[4]?.subresource !== 'status') return patch(...call);
    isEdited = true;
    await operator.patch(pathOf('pools', 'warm'), { metadata: { labels: { edited: 'yes' } } });
    return patch(...call).catch((error: unknown) => {
      outcomes.push(error instanceof ApiError ? error.reason : 'another error');
      throw error;
    });
  });
  const [pod] = await operator.pods();
  await operator.patch(`${pathOf('pods', pod?.metadata.name ?? '')}/status`, { status: { conditions: [{ type: 'Ready', status: 'False' }] } });
  await until(async () => expect((await operator.pool('warm')).status).toMatchObject({ available: 0 }));
  expect(outcomes).toEqual(['Conflict']);
});

test('a create that arrives after it was given up makes no second pod (R61, R117)', async () => {
  const { api } = operator.manager;
  const create = api.create.bind(api);
  const counts: number[] = [];
  let arrive: () => Promise<unknown> = () => Promise.resolve();
  let tries = 0;
  jest.spyOn(api, 'create').mockImplementation(async (...call) => {
    tries += call[0] === PODS ? 1 : 0;
    if (call[0] !== PODS || tries > 2) return create(...call);
    if (tries === 1) {
      arrive = () => create(...call);
      throw new TransportError('no answer');
    }
    await arrive();
    return create(...call).finally(async () => counts.push((await operator.pods()).length));
  });
  await operator.createPool('warm', { capacitySpec: { bufferMin: 1, bufferMax: 1, poolMin: 1, poolMax: 1 } });
  await until(async () => expect((await operator.pool('warm')).status).toMatchObject({ total: 1 }));
  await operator.makeReady();
  await until(async () => expect((await operator.pool('warm')).status).toMatchObject({ available: 1 }));
  expect(counts).toEqual([1]);
});

test('a pod whose delete is refused keeps no other from being made (R126)', async () => {
  await poolAtRest(2);
  const name = (await operator.pods())[0]?.metadata.name ?? '';
  const { api } = operator.manager;
  const remove = api.delete.bind(api);
  jest.spyOn(api, 'delete').mockImplementation((type, ref, options) =>
    type === PODS && ref.name === name ? Promise.reject(new ApiError(403, 'Forbidden', 'refused')) : remove(type, ref, options),
  );
  await operator.patch(`${pathOf('pods', name)}/status`, { status: { phase: 'Failed' } });
  await until(async () => expect(await livePods()).toHaveLength(2));
  expect((await operator.pods()).map((pod) => pod.metadata.name)).toContain(name);
});

test('a pool that is deleted while a batch holds its pods goes on to show its counts (R120)', async () => {
  await poolAtRest(2);
  await operator.createBatch('holder', { replicas: 1, poolRef: 'warm' });
  await until(async () => expect((await operator.batch('holder')).status).toMatchObject({ ready: 1 }));
  await operator.makeReady();
  await operator.delete(pathOf('pools', 'warm'));
  await until(async () => expect((await operator.pool('warm')).status).toMatchObject({ total: 1, allocated: 1, available: 0 }));
  expect((await operator.pool('warm')).metadata.deletionTimestamp).toEqual(expect.any(String));
});

test('an idle pod that ends too soon to be given out is deleted, and another takes its place (S23)', async () => {
  const { spec } = handMadeTemplate();
  await operator.createPool('warm', { template: { spec: { ...spec, activeDeadlineSeconds: 600 } }, minRemainingLifetimeSeconds: 60 });
  await until(async () => expect(await livePods()).toHaveLength(1));
  await operator.makeReady();
  const [old] = await livePods();
  const startTime = `${new Date(Date.now() - 560_000).toISOString().slice(0, 19)}Z`;
  await operator.patch(`${pathOf('pods', old?.metadata.name ?? '')}/status`, { status: { startTime } });
  await until(async () => {
    const names = (await livePods()).map(({ metadata }) => metadata.name);
    expect(names).toHaveLength(1);
    expect(names).not.toContain(old?.metadata.name);
  });
});
