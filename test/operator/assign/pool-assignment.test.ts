import { PoolAssignment } from '../../../operator/assign/pool-assignment';
import { BATCHES, CONFIG_MAPS } from '../../../operator/kube/resource-types';
import { ApiError } from '../../../operator/kube/api-error';
import { handMadeTemplate } from '../../support/hand-made-pods';
import { type OperatorInProcess, type OperatorInProcessOptions, pathOf, startOperator } from '../../support/operator-in-process';
import { patchedFields } from '../../support/patched-fields';
import { conditionOf } from '../../support/space';
import { until } from '../../support/waiting';

let operator: OperatorInProcess;
afterEach(() => operator.stop());

const start = async (options?: OperatorInProcessOptions) => {
  operator = await startOperator(options);
};
const waitOf = async (name: string) => conditionOf(await operator.batch(name), 'PoolAllocationPending');
const templateOf = (image: string) => ({ spec: { ...handMadeTemplate().spec, containers: [{ name: 'main', image }] } });

/** Whenever pods appear, they become Ready. */
async function untilReady(name: string, ready: number): Promise<void> {
  await until(async () => {
    await operator.makeReady();
    expect((await operator.batch(name)).status).toMatchObject({ ready });
  });
}

test('a batch with a template gets a Pool that suits it, and its pods (R73, R78)', async () => {
  await start();
  await operator.createPool('ruby', { template: templateOf('ruby') });
  await operator.createPool('python', { template: templateOf('python') });
  await operator.createBatch('b', { replicas: 2, poolRef: '*', template: templateOf('python') });
  await untilReady('b', 2);
  expect(await operator.batch('b')).toMatchObject({ spec: { poolRef: 'python', template: templateOf('python') }, status: { phase: 'Succeed', observedGeneration: 2 }, metadata: { generation: 2 } });
});

test('the choice carries the version that it was made on: an edit meanwhile wins (R73)', async () => {
  await start();
  await operator.createPool('a');
  await operator.createPool('b');
  await until(async () => expect((await operator.pool('b')).status).toBeDefined());
  const { api } = operator.manager;
  const patch = api.patch.bind(api);
  const outcomes: string[] = [];
  jest.spyOn(api, 'patch').mockImplementation(async (...call) => {
    const isChoice = call[0] === BATCHES && 'spec' in patchedFields(call[3]);
    if (isChoice) await operator.patch(pathOf('batchsandboxes', 'x'), { spec: { poolRef: 'b' } });
    return patch(...call).catch((error: unknown) => {
      if (isChoice) outcomes.push(error instanceof ApiError ? error.reason : 'another error');
      throw error;
    });
  });
  await operator.createBatch('x', { replicas: 1, poolRef: '*' });
  await untilReady('x', 1);
  expect([outcomes, (await operator.batch('x')).spec.poolRef]).toEqual([['Conflict'], 'b']);
});

test('a batch that goes while its Pool is being chosen asks that Pool for nothing (R111)', async () => {
  await start();
  await operator.createPool('p', { capacitySpec: { bufferMin: 0, bufferMax: 0, poolMin: 0, poolMax: 5 } });
  await until(async () => expect((await operator.pool('p')).status).toBeDefined());
  const { api } = operator.manager;
  const patch = api.patch.bind(api);
  jest.spyOn(api, 'patch').mockImplementation(async (...call) => {
    const answer = await patch(...call);
    if (call[0] !== BATCHES || !('spec' in patchedFields(call[3]))) return answer;
    await operator.delete(pathOf('batchsandboxes', 'brief'));
    // The watch tells things in order: what it tells of this batch comes after the end of the other.
    await operator.createBatch('later', { replicas: 0, poolRef: 'p' });
    await until(async () => expect((await operator.batch('later')).status).toBeDefined());
    return answer;
  });
  await operator.createBatch('brief', { replicas: 3, poolRef: '*' });
  const valuesOf = async (metric: string) => (await operator.manager.metrics.registry.getSingleMetric(metric)?.get())?.values ?? [];
  const failed = async () => (await valuesOf('controller_runtime_reconcile_total')).some(({ labels }) => labels['result'] === 'requeue');
  await until(async () => expect(await failed()).toBe(true)); // its pass has ended: the write of its status found no batch
  expect((await valuesOf('opensandbox_pool_unmet_slots')).map(({ value }) => value)).toEqual([0]);
});

test('without a Pool that suits a batch waits, and looks again when one is made, edited, labelled or accepted (R73)', async () => {
  await start();
  await operator.createBatch('image', { replicas: 1, poolRef: '*', template: templateOf('python') });
  await operator.createBatch('nodes', { replicas: 1, poolRef: '*', template: { spec: { ...templateOf('ruby').spec, nodeSelector: { disk: 'ssd' } } } });
  await operator.createBatch('none', { replicas: 0, poolRef: '*' });
  await until(async () => expect(await waitOf('image')).toMatchObject({ status: 'True', reason: 'NoEligiblePool', message: "no Pool in namespace 'default'" }));
  expect((await operator.batch('image')).status).toMatchObject({ phase: 'Pending', replicas: 0, allocated: 0, ready: 0 });

  await operator.createPool('p', { template: { spec: { containers: [] } } });
  await until(async () => expect(await waitOf('image')).toMatchObject({ message: "no Pool in namespace 'default' suits: 'p' (not accepted)" }));
  await operator.patch(pathOf('pools', 'p'), { spec: { template: templateOf('ruby') } });
  await until(async () => expect(await waitOf('image')).toMatchObject({ message: "no Pool in namespace 'default' suits: 'p' (no image in common)" }));
  await until(async () => expect((await operator.batch('none')).spec.poolRef).toBe('p')); // it asks for no pods, and has its Pool all the same
  await until(async () => expect(await waitOf('nodes')).toMatchObject({ message: "no Pool in namespace 'default' suits: 'p' (not for the nodes that it selects)" }));
  await operator.patch(pathOf('pools', 'p'), { metadata: { labels: { disk: 'ssd' } } });
  await untilReady('nodes', 1);
  await operator.patch(pathOf('pools', 'p'), { spec: { template: templateOf('python') } });
  await untilReady('image', 1);
  expect(await waitOf('image')).toBeUndefined();
});

test('a batch that holds pods keeps them when its manifest is applied again (R73)', async () => {
  await start();
  await operator.createPool('b');
  await operator.createBatch('x', { replicas: 1, poolRef: '*' });
  await untilReady('x', 1);
  const { allocation } = (await operator.batch('x')).status ?? {};
  await operator.createPool('a');
  await until(async () => expect((await operator.pool('a')).status).toBeDefined());
  await operator.patch(pathOf('batchsandboxes', 'x'), { spec: { poolRef: '*' } });
  await until(async () => expect(await operator.batch('x')).toMatchObject({ metadata: { generation: 4 }, spec: { poolRef: 'b' }, status: { observedGeneration: 4, ready: 1, allocation } }));
});

test('a template that no pod can be made from sets its batch aside, and no other (R124, R125)', async () => {
  await start();
  await operator.createPool('p');
  const bad = { spec: { ...handMadeTemplate().spec, affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: 'all' } } } } };
  await operator.createBatch('bad', { replicas: 1, poolRef: '*', template: bad });
  await operator.createBatch('good', { replicas: 1, poolRef: '*' });
  await untilReady('good', 1);
  await until(async () => expect(conditionOf(await operator.batch('bad'), 'Accepted')).toMatchObject({ status: 'False', reason: 'InvalidSpec', message: expect.stringContaining('nodeSelectorTerms: expected a list') }));
  expect((await operator.batch('bad')).spec.poolRef).toBe('*');
});

test('a batch whose time has passed gets no Pool (R45)', async () => {
  await start();
  await operator.createPool('p');
  await until(async () => expect((await operator.pool('p')).status).toBeDefined());
  const patch = jest.spyOn(operator.manager.api, 'patch');
  await operator.createBatch('late', { replicas: 1, poolRef: '*', expireTime: '2020-01-01T00:00:00Z' });
  await until(() => expect(operator.batch('late')).rejects.toThrow('404'));
  expect(patch.mock.calls.filter(([type]) => type === BATCHES)).toEqual([]);
});

test('a profile that appears, changes or goes is in force at once for batches that wait (R77)', async () => {
  await start({ env: { POD_NAMESPACE: 'kube-system' } });
  const ref = { namespace: 'kube-system', name: 'pool-assign-profiles' };
  const profiles = (keys: string) => JSON.stringify([{ name: 'default', plugins: { predicate: ['labelselector'] }, pluginConf: [{ name: 'labelselector', args: { keys } }] }]);
  const { api } = operator.manager;
  await api.create(CONFIG_MAPS, { metadata: ref, data: { profiles: profiles('tier') } });
  await operator.createPool('p');
  await operator.patch(pathOf('pools', 'p'), { metadata: { labels: { team: 'x' } } });
  // What is in force is seen by what a batch waits for.
  await operator.createBatch('first', { replicas: 1, poolRef: '*', template: templateOf('unknown') });
  await until(async () => expect(await waitOf('first')).toMatchObject({ message: "no Pool in namespace 'default' suits: 'p' (no label tier in common)" }));
  await api.patch(CONFIG_MAPS, ref, 'merge', { data: { profiles: profiles('team') } });
  await until(async () => expect(await waitOf('first')).toMatchObject({ message: "no Pool in namespace 'default' suits: 'p' (no label team in common)" }));
  expect(operator.manager.notReady()).toBeUndefined();
  const silence = jest.spyOn(PoolAssignment.prototype, 'ageMs', 'get').mockReturnValue(240_001); // nobody hears of an edit any more
  expect(operator.manager.notReady()).toBe('the watch of configmaps has been silent for 240 s');
  silence.mockRestore();
  await api.delete(CONFIG_MAPS, ref);
  await until(async () => expect(await waitOf('first')).toMatchObject({ message: "no Pool in namespace 'default' suits: 'p' (no image in common)" }));
});
