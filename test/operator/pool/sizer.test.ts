import { ApiError } from '../../../operator/kube/api-error';
import { PODS } from '../../../operator/kube/resource-types';
import { templateRevision } from '../../../operator/pool/template';
import type { Pod, PodStatus, PodTemplateSpec } from '../../../src/schema/kubernetes';
import { API_VERSION, Label } from '../../../src/schema/names';
import type { PoolSpec } from '../../../src/schema/pool';
import { handMadeTemplate } from '../../support/hand-made-pods';
import { ManualClock, untilWith } from '../../support/manual-clock';
import { type OperatorInProcess, pathOf, startOperator } from '../../support/operator-in-process';

let clock: ManualClock;
let operator: OperatorInProcess;

beforeEach(() => {
  clock = new ManualClock();
});
afterEach(async () => {
  let stopped = false;
  const stopping = operator.stop().then(() => (stopped = true));
  await untilWith(clock, () => expect(stopped).toBe(true)); // what is still to be sent has a time limit
  await stopping;
});

const capacity = (bufferMin: number, bufferMax: number, poolMin: number, poolMax: number): Pick<PoolSpec, 'capacitySpec'> => ({
  capacitySpec: { bufferMin, bufferMax, poolMin, poolMax },
});
const colored = (color: string): PodTemplateSpec => ({ ...handMadeTemplate(), metadata: { labels: { color } } });
const uidsOf = (pods: readonly Pod[]) => pods.map(({ metadata }) => metadata.uid ?? '').sort();
const ofColor = async (color: string) => (await operator.pods()).filter(({ metadata }) => metadata.labels?.['color'] === color);
const blockOf = async () => (await operator.pool('warm')).status?.conditions?.find(({ type }) => type === 'ScaleBlocked');
const seen = <T>(look: () => T | Promise<T>) => untilWith(clock, look);
const untilStatus = (status: object) => seen(async () => expect((await operator.pool('warm')).status).toMatchObject(status));
const untilPods = (count: number) => seen(async () => expect(await operator.pods()).toHaveLength(count));

async function untilReady(status: object): Promise<void> {
  await seen(async () => {
    await operator.makeReady();
    expect((await operator.pool('warm')).status).toMatchObject(status);
  });
}

/** Lets time pass, with a look of every controller at each second, and returns how many pods were created and deleted in it. */
async function changesWithin(seconds: number): Promise<{ created: number; deleted: number }> {
  const { api } = operator.manager;
  const [create, remove] = [jest.spyOn(api, 'create'), jest.spyOn(api, 'delete')];
  const counts = () => [create.mock.calls, remove.mock.calls].map((calls) => calls.filter(([type]) => type === PODS).length);
  const [created = 0, deleted = 0] = counts();
  for (let second = 0; second < seconds; second += 1) await clock.advance(1000);
  const [createdNow = 0, deletedNow = 0] = counts();
  return { created: createdNow - created, deleted: deletedNow - deleted };
}

/** Makes the API server refuse pods until the returned function is called. */
function refusePods(): () => void {
  const { api } = operator.manager;
  const create = api.create.bind(api);
  let refusing = true;
  jest.spyOn(api, 'create').mockImplementation((type, object, options) =>
    type === PODS && refusing ? Promise.reject(new ApiError(403, 'Forbidden', 'exceeded quota')) : create(type, object, options),
  );
  return () => {
    refusing = false;
  };
}

const PULL: PodStatus = { phase: 'Pending', containerStatuses: [{ name: 'main', state: { waiting: { reason: 'ErrImagePull', message: 'no such image' } } }] };
const NO_NODE: PodStatus = { phase: 'Pending', conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: '0/3 nodes are available' }] };

async function failPods(pods: readonly Pod[], status: PodStatus): Promise<void> {
  for (const { metadata } of pods) await operator.patch(`${pathOf('pods', metadata.name)}/status`, { status });
}

describe('size', () => {
  beforeEach(async () => {
    operator = await startOperator({ clock });
  });

  test.each([
    ['that is met', capacity(2, 10, 5, 20), 7, { allocated: 7 }],
    ['that the pool cannot meet', capacity(1, 3, 2, 6), 8, { allocated: 6, total: 6 }],
    ['of nobody', capacity(0, 0, 3, 6), 0, { allocated: 0, total: 3 }],
  ])('with constant demand %s no pod comes or goes (R64)', async (_name, bounds, replicas, rest) => {
    await operator.createPool('warm', { ...bounds, scaleStrategy: undefined });
    await operator.createBatch('constant', { replicas, poolRef: 'warm' });
    await untilReady(rest);
    await changesWithin(30);
    await untilReady(rest);
    await changesWithin(1);
    expect(await changesWithin(60)).toEqual({ created: 0, deleted: 0 });
  });

  test('a pool with unmet demand is looked at every 5 s (R63)', async () => {
    await operator.createPool('warm', capacity(0, 0, 0, 1));
    await operator.createBatch('large', { replicas: 2, poolRef: 'warm' });
    await untilReady({ allocated: 1, total: 1 });
    const passes = async () => {
      const metric = await operator.manager.metrics.registry.getSingleMetric('controller_runtime_reconcile_total')?.get();
      const ofPools = metric?.values.filter(({ labels }) => labels['controller'] === 'pool') ?? [];
      return ofPools.reduce((sum, { value }) => sum + value, 0);
    };
    const before = await passes();
    await changesWithin(20);
    expect((await passes()) - before).toBeGreaterThanOrEqual(4);
  });

  test('a pool tells of the pods that it made, and of those that were refused (R63)', async () => {
    const allowPods = refusePods();
    await operator.createPool('warm', capacity(2, 2, 2, 2));
    const reasons = async () => (await operator.events()).filter(({ involvedObject }) => involvedObject.name === 'warm').map(({ type, reason }) => `${type} ${reason}`);
    await seen(async () => expect(await reasons()).toContain('Warning FailedCreate'));
    allowPods();
    await seen(async () => expect(await reasons()).toContain('Normal SuccessfulCreate'));
  });

  test('growth that the API server refuses shows after 30 s, until pods are made (R65)', async () => {
    const allowPods = refusePods();
    await operator.createPool('warm', capacity(2, 2, 2, 2));
    await untilStatus({ total: 0 });
    expect(await blockOf()).toBeUndefined();
    await changesWithin(30);
    await seen(async () => expect(await blockOf()).toMatchObject({ reason: 'CreateFailed', message: 'exceeded quota' }));
    allowPods();
    await untilReady({ total: 2 });
    await seen(async () => expect(await blockOf()).toBeUndefined());
  });

  test.each([
    ['NotReadyPods', capacity(2, 2, 2, 4), 0],
    ['PoolMax', capacity(0, 0, 0, 2), 3],
  ])('growth that is held back shows as %s after 30 s (R65)', async (reason, bounds, replicas) => {
    await operator.createPool('warm', { ...bounds, scaleStrategy: { maxUnavailable: 1 } });
    await operator.createBatch('waiting', { replicas, poolRef: 'warm' });
    if (reason === 'PoolMax') await untilReady({ total: 2, allocated: 2 });
    else await untilPods(1);
    expect(await blockOf()).toBeUndefined();
    await changesWithin(35);
    await seen(async () => expect(await blockOf()).toMatchObject({ reason }));
    await operator.patch(pathOf('pools', 'warm'), { spec: capacity(0, 2, 0, 10) });
    await untilReady({ available: reason === 'PoolMax' ? expect.any(Number) : 1 });
    await seen(async () => expect(await blockOf()).toBeUndefined());
  });

  test('a pod that ended is replaced although its batch holds it (R114)', async () => {
    await operator.createPool('warm', capacity(0, 0, 2, 2));
    await operator.createBatch('holder', { replicas: 2, poolRef: 'warm' });
    await untilReady({ allocated: 2 });
    const [pod] = await operator.pods();
    await operator.patch(`${pathOf('pods', pod?.metadata.name ?? '')}/status`, { status: { phase: 'Failed' } });
    await untilReady({ allocated: 2, total: 2 });
    await seen(async () => expect(uidsOf(await operator.pods())).not.toContain(pod?.metadata.uid));
    await seen(async () => expect((await operator.batch('holder')).status).toMatchObject({ ready: 2 }));
  });
});

describe('rolling update', () => {
  beforeEach(async () => {
    operator = await startOperator({ clock });
  });

  async function poolOfTwelve(more: Partial<PoolSpec> = {}): Promise<Pod[]> {
    await operator.createPool('warm', { ...capacity(2, 8, 12, 20), template: colored('red'), recycleStrategy: { type: 'Noop' }, ...more });
    await untilReady({ total: 12, available: 12 });
    await operator.createBatch('holder', { replicas: 4, poolRef: 'warm' });
    await untilStatus({ total: 12, allocated: 4, available: 8 });
    const slots = (await operator.batch('holder')).status?.allocation?.slots ?? [];
    const held = new Set(slots.map((slot) => slot.split('/')[1]));
    return (await operator.pods()).filter(({ metadata }) => held.has(metadata.uid));
  }

  test('replaces idle pods in waves, leaves held ones, and replaces those when they come back (R67, R68, R70)', async () => {
    const held = await poolOfTwelve();
    await operator.patch(pathOf('pools', 'warm'), { spec: { template: colored('blue') } });
    await seen(async () => expect(await ofColor('blue')).toHaveLength(3));
    expect(await changesWithin(10)).toEqual({ created: 0, deleted: 0 });
    expect(await ofColor('red')).toHaveLength(9);

    await untilReady({ total: 12, allocated: 4, available: 8, updated: 8 });
    expect(uidsOf(await ofColor('red'))).toEqual(uidsOf(held));
    await operator.delete(pathOf('batchsandboxes', 'holder'));
    await untilReady({ total: 12, allocated: 0, available: 12, updated: 12 });
    expect(await ofColor('red')).toEqual([]);
  });

  test('goes at the pace of maxUnavailable, and not on before new pods are Ready (R68)', async () => {
    await poolOfTwelve({ updateStrategy: { maxUnavailable: 1 } });
    await operator.patch(pathOf('pools', 'warm'), { spec: { template: colored('blue') } });
    await seen(async () => expect(await ofColor('blue')).toHaveLength(1));
    expect(await changesWithin(20)).toEqual({ created: 0, deleted: 0 });
    await untilReady({ updated: 8 });
  });

  test('serves batches meanwhile (R70)', async () => {
    await poolOfTwelve();
    await operator.patch(pathOf('pools', 'warm'), { spec: { template: colored('blue') } });
    await seen(async () => expect(await ofColor('blue')).toHaveLength(3));
    await operator.createBatch('guest', { replicas: 6, poolRef: 'warm' });
    await seen(async () => {
      await operator.makeReady();
      expect((await operator.batch('guest')).status).toMatchObject({ allocated: 6, ready: 6 });
    });
    for (const name of ['holder', 'guest']) await operator.delete(pathOf('batchsandboxes', name));
    await seen(async () => {
      await operator.makeReady();
      const { status } = await operator.pool('warm');
      expect(status).toMatchObject({ allocated: 0, updated: status?.total, available: status?.total });
    });
  });

  test('does nothing for another order of the keys (R66)', async () => {
    await poolOfTwelve();
    const { metadata, spec } = colored('red');
    const before = uidsOf(await operator.pods());
    await operator.patch(pathOf('pools', 'warm'), { spec: { template: null } });
    await seen(async () => expect((await operator.pool('warm')).status?.conditions).toMatchObject([{ type: 'Accepted', status: 'False' }]));
    await operator.patch(pathOf('pools', 'warm'), { spec: { template: { spec: Object.fromEntries(Object.entries(spec ?? {}).reverse()), metadata } } });
    await untilStatus({ updated: 12, revision: templateRevision(colored('red')) });
    await changesWithin(10);
    expect(uidsOf(await operator.pods())).toEqual(before);
  });

  test('new pods carry the new revision (R66)', async () => {
    await operator.createPool('warm', { ...capacity(1, 1, 1, 4), template: colored('red') });
    await untilReady({ available: 1 });
    await operator.patch(pathOf('pools', 'warm'), { spec: { template: colored('blue') } });
    await untilReady({ total: 1, available: 1, updated: 1, revision: templateRevision(colored('blue')) });
    expect((await operator.pods()).map(({ metadata }) => metadata.labels?.[Label.poolRevision])).toEqual([templateRevision(colored('blue'))]);
  });

  test('replaces pods that are near to their end at the same pace', async () => {
    const template: PodTemplateSpec = { spec: { ...handMadeTemplate().spec, activeDeadlineSeconds: 1000 } };
    await operator.createPool('warm', { ...capacity(4, 4, 4, 8), template });
    await untilReady({ available: 4 });
    const before = uidsOf(await operator.pods());
    const startTime = new Date(clock.now().getTime() - 920_000).toISOString();
    for (const { metadata } of await operator.pods()) await operator.patch(`${pathOf('pods', metadata.name)}/status`, { status: { startTime } });
    await seen(async () => expect(uidsOf(await operator.pods()).filter((uid) => before.includes(uid))).toHaveLength(3));
    expect(await changesWithin(3)).toEqual({ created: 0, deleted: 0 });
    await untilReady({ total: 4, available: 4 });
    await seen(async () => {
      await operator.makeReady();
      expect(uidsOf(await operator.pods()).filter((uid) => before.includes(uid))).toEqual([]);
    });
  });

  test('gives up no Ready pod for a template whose pods do not start (R68)', async () => {
    await poolOfTwelve();
    await operator.patch(pathOf('pools', 'warm'), { spec: { template: colored('broken') } });
    await seen(async () => expect(await ofColor('broken')).toHaveLength(3));
    await failPods(await ofColor('broken'), PULL);
    await changesWithin(35);
    await seen(async () => expect(await blockOf()).toMatchObject({ reason: 'ImagePull' }));
    await changesWithin(120);
    expect(await ofColor('red')).toHaveLength(9);
    await operator.patch(pathOf('pools', 'warm'), { spec: { template: colored('blue') } });
    await untilReady({ total: 12, available: 8, updated: 8 });
    expect(await blockOf()).toBeUndefined();
  });
});

describe('circuit breaker', () => {
  beforeEach(async () => {
    operator = await startOperator({ clock });
  });

  async function failingPool(size: number, status: PodStatus): Promise<void> {
    await operator.createPool('warm', capacity(size, size, size, 10));
    await untilPods(size);
    await failPods(await operator.pods(), status);
  }

  test('a pool whose pods do not start keeps one of them, says why, and tries one at a time until it starts', async () => {
    await failingPool(4, PULL);
    await changesWithin(35);
    await untilPods(1);
    const [sample] = await operator.pods();
    await seen(async () => expect(await blockOf()).toMatchObject({ reason: 'ImagePull', message: `pod '${sample?.metadata.name ?? ''}': container 'main': no such image` }));

    await seen(async () => expect(uidsOf(await operator.pods())).not.toContain(sample?.metadata.uid));
    await untilPods(1);
    expect(await changesWithin(25)).toEqual({ created: 0, deleted: 0 });
    await operator.makeReady();
    await untilPods(4);
    await untilReady({ total: 4, available: 4 });
    expect(await blockOf()).toBeUndefined();
  });

  test('pods that end at once are not made again and again', async () => {
    await failingPool(3, { phase: 'Failed', containerStatuses: [{ name: 'main', state: { terminated: { exitCode: 1 } } }] });
    await seen(async () => expect(await blockOf()).toMatchObject({ reason: 'PodsFailing' }));
    await untilPods(1);
    expect((await blockOf())?.message).toMatch(/^pod 'warm-.....': it ended in phase Failed: container 'main' ended with exit code 1$/);
    expect(await changesWithin(25)).toEqual({ created: 0, deleted: 0 });
  });

  test('a pod that no node takes stays, and no more are made until a node takes it', async () => {
    await failingPool(2, NO_NODE);
    const before = uidsOf(await operator.pods());
    await changesWithin(35);
    await seen(async () => expect(await blockOf()).toMatchObject({ reason: 'Unschedulable', message: expect.stringContaining('0/3 nodes are available') }));
    await operator.patch(pathOf('pools', 'warm'), { spec: capacity(6, 6, 6, 10) });
    await changesWithin(60);
    expect(uidsOf(await operator.pods())).toEqual(before);
    await operator.makeReady();
    await untilReady({ total: 6, available: 6 });
    expect(await blockOf()).toBeUndefined();
  });

  test('another template is tried at once', async () => {
    await failingPool(3, PULL);
    await changesWithin(35);
    await seen(async () => expect(await blockOf()).toMatchObject({ reason: 'ImagePull' }));
    await operator.patch(pathOf('pools', 'warm'), { spec: { template: colored('blue') } });
    await seen(async () => expect(await ofColor('blue')).toHaveLength(3));
    await seen(async () => expect(await blockOf()).toBeUndefined());
  });
});

describe('an operator that starts', () => {
  const blocked = {
    revision: templateRevision(handMadeTemplate()),
    ...{ total: 0, allocated: 0, available: 0 },
    conditions: [{ type: 'ScaleBlocked', status: 'True', reason: 'ImagePull', message: "pod 'warm-aaaaa': no such image" }],
  };

  async function blockedPool(bounds: Pick<PoolSpec, 'capacitySpec'>): Promise<void> {
    operator = await startOperator({ clock, acting: false });
    await operator.createPool('warm', bounds);
    await operator.patch(`${pathOf('pools', 'warm')}/status`, { status: blocked });
  }

  test('goes on with what the status says of pods that do not start', async () => {
    await blockedPool(capacity(4, 4, 4, 4));
    await operator.manager.act(new AbortController().signal);
    await untilStatus({ observedGeneration: 1, conditions: [{ reason: 'ImagePull' }] });
    expect(await operator.pods()).toEqual([]);
    await changesWithin(10);
    await untilPods(1);
  });

  test('gives up one Ready pod at most for a template whose pods did not start, when it tries again (R68)', async () => {
    await blockedPool(capacity(0, 4, 0, 4));
    const { uid = '' } = (await operator.pool('warm')).metadata;
    const ownerReferences = [{ apiVersion: API_VERSION, kind: 'Pool', name: 'warm', uid, controller: true }];
    for (const name of ['warm-b', 'warm-c']) {
      const labels = { [Label.poolName]: 'warm', [Label.poolRevision]: 'old' };
      await operator.createPod({ ...handMadeTemplate(), metadata: { name, labels, ownerReferences } });
    }
    await operator.makeReady();
    await operator.manager.act(new AbortController().signal);
    await untilStatus({ observedGeneration: 1, available: 2, updated: 0 });
    expect(await changesWithin(1)).toEqual({ created: 0, deleted: 0 });
    const old = async () => (await operator.pods()).filter(({ metadata }) => metadata.labels?.[Label.poolRevision] === 'old');
    await seen(async () => expect(await old()).toHaveLength(1));
    await untilPods(2);
    expect(await changesWithin(60)).toEqual({ created: 0, deleted: 0 });
    await untilReady({ available: 2, updated: 2 });
  });
});
