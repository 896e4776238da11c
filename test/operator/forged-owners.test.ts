import { API_VERSION, Label } from '../../src/schema/names';
import { handMadeTemplate } from '../support/hand-made-pods';
import { type OperatorInProcess, pathOf, startOperator } from '../support/operator-in-process';
import { conditionOf, endpointsOf, recordedUIDsOf } from '../support/space';
import { until } from '../support/waiting';

// Whoever may make pods in a namespace of his own may name any owner there, also a Pool or a batch of another namespace.
const ELSEWHERE = 'kube-public';
const FOREIGN_IP = '198.18.9.9';
const COUNTS = { replicas: 1, allocated: 1, ready: 1, taskRunning: 0, taskSucceed: 0, taskFailed: 0, taskPending: 0, taskUnknown: 0 };

let operator: OperatorInProcess;
beforeEach(async () => (operator = await startOperator()));
afterEach(() => operator.stop());

const foreignPath = (name: string) => `/api/v1/namespaces/${ELSEWHERE}/pods/${name}`;

/** A Ready pod of another namespace with these labels and this owner. */
async function createForeign(name: string, labels: Readonly<Record<string, string>>, owner?: { readonly kind: string; readonly name: string; readonly uid?: string }): Promise<void> {
  await operator.createPod({ ...handMadeTemplate(), metadata: { name, namespace: ELSEWHERE } });
  const now = `${new Date().toISOString().slice(0, 19)}Z`;
  await operator.patch(`${foreignPath(name)}/status`, { status: { phase: 'Running', podIP: FOREIGN_IP, conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: now }] } });
  await operator.patch(foreignPath(name), { metadata: { labels, ownerReferences: owner && [{ apiVersion: API_VERSION, controller: true, ...owner }] } });
}

test('a Ready pod of another namespace that names a Pool as its owner is given to no batch and counts for nothing (R11, R105)', async () => {
  await operator.createPool('warm', { capacitySpec: { bufferMin: 0, bufferMax: 0, poolMin: 0, poolMax: 1 } });
  await until(async () => expect((await operator.pool('warm')).status?.total).toBe(0));
  const { uid } = (await operator.pool('warm')).metadata;
  await createForeign('warm-fffff', { [Label.poolName]: 'warm' }, { kind: 'Pool', name: 'warm', uid });
  await operator.createBatch('asking', { replicas: 2, poolRef: 'warm' });
  await until(async () => expect(await operator.pods()).toHaveLength(1));
  await operator.makeReady();
  await until(async () => {
    const batch = await operator.batch('asking');
    expect(conditionOf(batch, 'PoolAllocationPending')).toMatchObject({ reason: 'PoolExhausted' });
    expect([batch.status?.ready, endpointsOf(batch)]).toEqual([1, ['198.18.0.1', '']]);
    expect((await operator.pool('warm')).status).toMatchObject({ total: 1, allocated: 1 });
  });
  expect(recordedUIDsOf(await operator.batch('asking'))).toEqual([(await operator.pods())[0]?.metadata.uid]);
});

test('a pod of another namespace that names a batch as its owner takes no slot of it (R7, R105)', async () => {
  await operator.createBatch('own', { replicas: 1, template: handMadeTemplate() });
  await until(async () => expect(await operator.pods()).toHaveLength(1));
  const { uid } = (await operator.batch('own')).metadata;
  await createForeign('own-0', { [Label.batchName]: 'own', [Label.podIndex]: '0' }, { kind: 'BatchSandbox', name: 'own', uid });
  await createForeign('own-1', { [Label.batchName]: 'own', [Label.podIndex]: '1' }, { kind: 'BatchSandbox', name: 'own', uid });
  await operator.patch(pathOf('batchsandboxes', 'own'), { spec: { replicas: 2 } });
  await until(async () => expect(await operator.pods()).toHaveLength(2));
  await operator.makeReady();
  await until(async () => expect(endpointsOf(await operator.batch('own'))).toEqual(['198.18.0.1', '198.18.0.1']));
});

test('a record that names a pod of another namespace, whoever wrote it, gives no access to that pod (R105)', async () => {
  await operator.createPool('warm', { capacitySpec: { bufferMin: 0, bufferMax: 0, poolMin: 1, poolMax: 1 } });
  await until(async () => expect(await operator.pods()).toHaveLength(1));
  await operator.makeReady();
  const { uid: poolUID } = (await operator.pool('warm')).metadata;
  await createForeign('victim-0', { [Label.poolName]: 'theirs' });
  const foreign = await operator.podAt(foreignPath('victim-0'));
  await operator.createBatch('thief', { replicas: 0, poolRef: 'warm' });
  await operator.patch(`${pathOf('batchsandboxes', 'thief')}/status`, { status: { ...COUNTS, allocation: { poolName: 'warm', poolUID, podPrefix: '', slots: [`victim-0/${foreign.metadata.uid ?? ''}`] } } });
  await operator.patch(pathOf('batchsandboxes', 'thief'), { spec: { replicas: 1 } });
  const [own] = await operator.pods();
  await until(async () => {
    const batch = await operator.batch('thief');
    expect([endpointsOf(batch), recordedUIDsOf(batch)]).toEqual([['198.18.0.1'], [own?.metadata.uid]]);
  });
  const { uid, deletionTimestamp } = (await operator.podAt(foreignPath('victim-0'))).metadata;
  expect([uid, deletionTimestamp]).toEqual([foreign.metadata.uid, undefined]);
});
