import { ApiError } from '../../../operator/kube/api-error';
import { EventRecorder } from '../../../operator/kube/events';
import { PODS } from '../../../operator/kube/resource-types';
import { handMadeTemplate } from '../../support/hand-made-pods';
import { type OperatorInProcess, pathOf, startOperator } from '../../support/operator-in-process';
import { QUOTA_REFUSAL, refusePods } from '../../support/refuse-pods';
import { endpointsOf } from '../../support/space';
import { until } from '../../support/waiting';

let operator: OperatorInProcess;

beforeEach(async () => {
  operator = await startOperator();
});
afterEach(() => operator.stop());

const podNames = async () => (await operator.pods()).map(({ metadata }) => metadata.name).sort();

test('a batch that leaves its pool while it waits takes nothing from the batches behind it', async () => {
  await operator.createPool('warm', { capacitySpec: { bufferMin: 0, bufferMax: 0, poolMin: 0, poolMax: 2 } });
  await operator.createBatch('first', { replicas: 2, poolRef: 'warm' });
  await until(async () => expect(await operator.pods()).toHaveLength(2));
  await operator.patch(pathOf('batchsandboxes', 'first'), { spec: { poolRef: null, template: handMadeTemplate() } });
  await until(async () => expect(await podNames()).toEqual(expect.arrayContaining(['first-0', 'first-1'])));
  await operator.createBatch('second', { replicas: 2, poolRef: 'warm' });
  await until(async () => {
    await operator.makeReady();
    expect((await operator.batch('second')).status).toMatchObject({ ready: 2 });
  });
});

test('a batch made again under the name of one whose pods still terminate has its own as soon as they are gone (R3, R111)', async () => {
  const template = { ...handMadeTemplate(), metadata: { finalizers: ['test.example/hold'] } };
  await operator.createBatch('again', { replicas: 1, template });
  await until(async () => expect(await operator.pods()).toHaveLength(1));
  await operator.delete(pathOf('batchsandboxes', 'again'));
  await until(async () => expect((await operator.pods())[0]?.metadata.deletionTimestamp).toEqual(expect.any(String)));
  const earlier = (await operator.pods())[0]?.metadata.uid;
  const create = jest.spyOn(operator.manager.api, 'create');
  await operator.createBatch('again', { replicas: 1, template: handMadeTemplate() });
  await until(async () => expect((await operator.batch('again')).status?.observedGeneration).toBe(1));
  await operator.patch(pathOf('pods', 'again-0'), { metadata: { finalizers: null } });
  await until(async () => expect((await operator.pods()).filter(({ metadata }) => metadata.uid !== earlier)).toHaveLength(1));
  expect(create.mock.calls.filter(([type]) => type === PODS)).toHaveLength(1);
});

test('a pod whose delete is refused keeps no other slot of its batch from being served (R126)', async () => {
  await operator.createBatch('mixed', { replicas: 2, template: handMadeTemplate() });
  await until(async () => expect(await podNames()).toEqual(['mixed-0', 'mixed-1']));
  jest.spyOn(operator.manager.api, 'delete').mockRejectedValue(new ApiError(403, 'Forbidden', 'refused'));
  await operator.patch(`${pathOf('pods', 'mixed-0')}/status`, { status: { phase: 'Failed' } });
  await operator.patch(pathOf('batchsandboxes', 'mixed'), { spec: { replicas: 3 } });
  await until(async () => expect(await podNames()).toEqual(['mixed-0', 'mixed-1', 'mixed-2']));
  await until(async () => expect((await operator.batch('mixed')).status).toMatchObject({ observedGeneration: 2, replicas: 2 }));
});

test('a patch that makes no pod is told of once for an edit, however its other slots change (R31)', async () => {
  const record = jest.spyOn(EventRecorder.prototype, 'record');
  const told = () => record.mock.calls.filter(([, , reason]) => reason === 'InvalidShardPatch').map(([, , , message]) => message);
  await operator.createBatch('partly', { replicas: 2, template: handMadeTemplate(), shardPatches: [null, { spec: { containers: [{ image: 'without a name' }] } }] });
  await until(async () => {
    await operator.makeReady();
    expect((await operator.batch('partly')).status).toMatchObject({ observedGeneration: 1, ready: 1 });
  });
  await operator.patch(`${pathOf('pods', 'partly-0')}/status`, { status: { podIP: '198.18.0.9' } });
  await until(async () => expect(endpointsOf(await operator.batch('partly'))).toEqual(['198.18.0.9', '']));
  expect(told()).toEqual([expect.stringContaining('shardPatches[1]')]);
  record.mockRestore();
});

test('a quota that refused a slot is told of no longer once an edit leaves nothing to make of it (R31)', async () => {
  const reasons = async () => (await operator.batch('refused')).status?.conditions?.map(({ reason }) => reason);
  refusePods(operator.manager.api, QUOTA_REFUSAL);
  await operator.createBatch('refused', { replicas: 1, template: handMadeTemplate() });
  await until(async () => expect(await reasons()).toContain('QuotaExceeded'));
  await operator.patch(pathOf('batchsandboxes', 'refused'), { spec: { shardPatches: [{ spec: { containers: [{ image: 'without a name' }] } }] } });
  await until(async () => {
    expect((await operator.batch('refused')).status).toMatchObject({ observedGeneration: 2 });
    expect(await reasons()).not.toContain('QuotaExceeded');
  });
});
