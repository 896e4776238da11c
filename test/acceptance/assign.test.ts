import type { PodTemplateSpec } from '../../src/schema/kubernetes';
import { API_VERSION, ASSIGN_PROFILES, Label } from '../../src/schema/names';
import { useCluster } from '../targets/cluster-under-test';
import { handMadeTemplate } from '../support/hand-made-pods';
import { elasticPool, fixedPool } from '../support/pool-spec';
import { conditionOf, recordedUIDsOf, type Space } from '../support/space';

const cluster = useCluster();

/** A template of this cluster with requests and further fields of the spec. */
function templateOf(requests: Readonly<Record<string, string>>, more: object = {}): PodTemplateSpec {
  const template = handMadeTemplate();
  const [main, ...others] = template.spec?.containers ?? [];
  return { ...template, spec: { ...template.spec, ...more, containers: [{ name: 'main', ...main, resources: { requests } }, ...others] } };
}

/** A pool that has no pods and makes none. */
const nothing = (template: PodTemplateSpec) => elasticPool({ bufferMin: 0, bufferMax: 0, poolMin: 0, poolMax: 0 }, template);
const otherImage: PodTemplateSpec = { spec: { containers: [{ name: 'main', image: 'other' }] } };

const createLabelled = (space: Space, name: string, labels: Readonly<Record<string, string>>, spec: object) =>
  cluster.target.request('POST', space.path('BatchSandbox'), { apiVersion: API_VERSION, kind: 'BatchSandbox', metadata: { name, labels }, spec });

const untilWaits = (space: Space, name: string, message: string) =>
  space.until('BatchSandbox', name, (batch) => expect(conditionOf(batch, 'PoolAllocationPending')).toMatchObject({ status: 'True', reason: 'NoEligiblePool', message }));

test('of several pools a batch gets the one that suits its template, and becomes Ready (R12, R73, R74, R75, R78)', async () => {
  const space = await cluster.newSimulatedSpace();
  await space.create('Pool', 'a-other-image', nothing(otherImage));
  await space.create('Pool', 'b-too-small', nothing(templateOf({ memory: '1Mi' })));
  await space.create('Pool', 'c-no-cpu', nothing(templateOf({ memory: '8Mi' })));
  await space.create('Pool', 'd-other-nodes', nothing(templateOf({ cpu: '20m', memory: '8Mi' })));
  await space.create('Pool', 'e-right', fixedPool(2, templateOf({ cpu: '0.02', memory: '8Mi' })));
  await space.patch('Pool', 'd-other-nodes', { metadata: { labels: { disk: 'hdd' } } });
  await space.patch('Pool', 'e-right', { metadata: { labels: { disk: 'ssd' } } });
  await space.untilWarm('e-right', 2);
  const template = templateOf({ cpu: '20m', memory: '2Mi' }, { nodeSelector: { disk: 'ssd' } });
  await space.create('BatchSandbox', 'fleet', { replicas: 2, poolRef: '*', template, shardPatches: [{ metadata: { labels: { a: 'b' } } }] });
  const batch = await space.untilDelivered('fleet');
  expect(batch.spec).toMatchObject({ poolRef: 'e-right', template });
  expect(batch.metadata.generation).toBe(2); // the choice is the only write of the spec
  expect(conditionOf(batch, 'PoolAllocationPending')).toBeUndefined();
  expect((await space.list('Pod')).map(({ metadata }) => metadata.labels?.[Label.poolName])).toEqual(['e-right', 'e-right']);
  await space.expectEvent('fleet', 'PoolAssigned');
  await space.expectEvent('fleet', 'ShardPatchesIgnored');
});

test('the pool with the smaller part given out is chosen, of equals the first by name (R73, R76)', async () => {
  const space = await cluster.newSimulatedSpace();
  const template = handMadeTemplate();
  await space.create('Pool', 'b', fixedPool(2, template));
  await space.create('Pool', 'a', fixedPool(2, template));
  await space.untilWarm('a', 2);
  await space.untilWarm('b', 2);
  for (const [name, pool] of [['first', 'a'], ['second', 'b'], ['third', 'a']] as const) {
    await space.create('BatchSandbox', name, { replicas: 1, poolRef: '*' });
    expect((await space.untilDelivered(name)).spec.poolRef).toBe(pool);
  }
});

test('a batch that no pool suits waits and says why, and is served when one appears (R15, R73)', async () => {
  const space = await cluster.newSimulatedSpace();
  await space.create('BatchSandbox', 'waiting', { replicas: 2, poolRef: '*', template: handMadeTemplate() });
  await untilWaits(space, 'waiting', `no Pool in namespace '${space.namespace}'`);
  expect((await space.get('BatchSandbox', 'waiting')).status).toMatchObject({ phase: 'Pending', replicas: 0, allocated: 0, ready: 0 });
  await space.create('Pool', 'other', nothing(otherImage));
  await untilWaits(space, 'waiting', `no Pool in namespace '${space.namespace}' suits: 'other' (no image in common)`);
  await space.create('Pool', 'right', fixedPool(2, handMadeTemplate()));
  const batch = await space.untilDelivered('waiting');
  expect([batch.spec.poolRef, conditionOf(batch, 'PoolAllocationPending')]).toEqual(['right', undefined]);
});

test('pools that are quarantined or being deleted are not chosen (R73)', async () => {
  const space = await cluster.newSimulatedSpace();
  const template = handMadeTemplate();
  await space.create('Pool', 'a-terminating', fixedPool(2, template));
  await space.untilWarm('a-terminating', 2);
  await space.create('BatchSandbox', 'holder', { replicas: 1, poolRef: 'a-terminating' });
  await space.untilDelivered('holder');
  await space.delete('Pool', 'a-terminating');
  await space.create('Pool', 'b-quarantined', nothing({ spec: { containers: [] } }));
  await space.create('BatchSandbox', 'any', { replicas: 1, poolRef: '*' });
  await untilWaits(space, 'any', `no Pool in namespace '${space.namespace}' suits: 'a-terminating' (being deleted); 'b-quarantined' (not accepted)`);
  await space.patch('Pool', 'b-quarantined', { spec: fixedPool(1, template) });
  expect((await space.untilDelivered('any')).spec.poolRef).toBe('b-quarantined');
});

test('a batch keeps its pods when its manifest is applied again (R73)', async () => {
  const space = await cluster.newSimulatedSpace();
  const template = handMadeTemplate();
  const manifest = JSON.stringify({ apiVersion: API_VERSION, kind: 'BatchSandbox', metadata: { name: 'fleet' }, spec: { replicas: 1, poolRef: '*' } });
  await space.create('Pool', 'b', fixedPool(1, template));
  await space.untilWarm('b', 1);
  expect(await space.kubectl(['apply', '--filename=-'], manifest)).toMatchObject({ exitCode: 0 });
  const before = await space.untilDelivered('fleet');
  await space.create('Pool', 'a', fixedPool(1, template));
  await space.untilWarm('a', 1);
  expect(await space.kubectl(['apply', '--filename=-'], manifest)).toMatchObject({ exitCode: 0 });
  const after = await space.until('BatchSandbox', 'fleet', (batch) => {
    expect(batch.metadata.generation).toBeGreaterThan(3); // `*` was applied, and the name written again
    expect(batch.spec.poolRef).toBe('b');
    expect(batch.status?.observedGeneration).toBe(batch.metadata.generation);
  });
  expect(recordedUIDsOf(after)).toEqual(recordedUIDsOf(before));
});

test('who applies `*` once more by server-side apply is told that the operator has written the name; forced, the batch keeps its pods (R73)', async () => {
  const space = await cluster.newSimulatedSpace();
  const manifest = JSON.stringify({ apiVersion: API_VERSION, kind: 'BatchSandbox', metadata: { name: 'fleet' }, spec: { replicas: 1, poolRef: '*' } });
  const apply = (...flags: string[]) => space.kubectl(['apply', '--server-side', '--field-manager=user', '--filename=-', ...flags], manifest);
  await space.create('Pool', 'b', fixedPool(1, handMadeTemplate()));
  await space.untilWarm('b', 1);
  expect(await apply()).toMatchObject({ exitCode: 0 });
  const before = await space.untilDelivered('fleet');
  expect(before.spec.poolRef).toBe('b');
  await space.create('Pool', 'a', nothing(handMadeTemplate()));
  expect(await apply()).toMatchObject({ exitCode: 1, stderr: expect.stringMatching(/conflict with "sandbox-k8s-controller[^]*\.spec\.poolRef/) });
  expect(await apply('--force-conflicts')).toMatchObject({ exitCode: 0 });
  const after = await space.until('BatchSandbox', 'fleet', ({ metadata, spec, status }) => {
    expect([metadata.generation, status?.observedGeneration, spec.poolRef]).toEqual([4, 4, 'b']);
  });
  expect(recordedUIDsOf(after)).toEqual(recordedUIDsOf(before));
});

describe('a profile', () => {
  const configMaps = () => `/api/v1/namespaces/${cluster.target.operatorNamespace}/configmaps`;
  const profile = (predicate: readonly string[], strategy: string) => ({
    profiles: JSON.stringify([
      {
        name: 'default',
        plugins: { predicate, score: [{ name: 'resbalance', weight: 100 }] },
        pluginConf: [
          { name: 'labelselector', args: { keys: 'tier' } },
          { name: 'resbalance', args: { strategy } },
        ],
      },
    ]),
  });
  const create = (data: object) => cluster.target.request('POST', configMaps(), { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: ASSIGN_PROFILES }, data });
  const change = (data: object) => cluster.target.request('PATCH', `${configMaps()}/${ASSIGN_PROFILES}`, { data }, 'application/merge-patch+json');
  const remove = () => cluster.target.request('DELETE', `${configMaps()}/${ASSIGN_PROFILES}`);
  afterEach(remove);

  test('is in force at once when it is made, changed, spoiled and deleted (R75, R76, R77)', async () => {
    const space = await cluster.newSimulatedSpace();
    const no = (reason: string) => `no Pool in namespace '${space.namespace}' suits: 'p' (${reason})`;
    await space.create('Pool', 'p', nothing(otherImage));
    // Of no use to anybody: it shows by what it waits for which profile is in force.
    await createLabelled(space, 'probe', { tier: 'none' }, { replicas: 1, poolRef: '*', template: handMadeTemplate() });
    await untilWaits(space, 'probe', no('no image in common'));
    await create(profile(['labelselector', 'image'], 'LeastAllocated'));
    await untilWaits(space, 'probe', no('no label tier in common'));
    await change(profile(['image', 'labelselector'], 'LeastAllocated'));
    await untilWaits(space, 'probe', no('no image in common'));
    await change(profile(['labelselector'], 'LeastAllocated'));
    await untilWaits(space, 'probe', no('no label tier in common'));
    await change({ profiles: '[{"name": "default"' });
    await untilWaits(space, 'probe', no('no image in common'));
    await change(profile(['labelselector'], 'LeastAllocated'));
    await untilWaits(space, 'probe', no('no label tier in common'));
    await remove();
    await untilWaits(space, 'probe', no('no image in common'));
  });

  test('sends batches to the pools of their label, the fullest first (R75, R76, R77)', async () => {
    const space = await cluster.newSimulatedSpace();
    const template = handMadeTemplate();
    for (const [name, tier] of [['a', 'gold'], ['b', 'gold'], ['c', 'iron']] as const) {
      await space.create('Pool', name, fixedPool(2, template));
      await space.patch('Pool', name, { metadata: { labels: { tier } } });
      await space.untilWarm(name, 2);
    }
    await space.create('BatchSandbox', 'holder', { replicas: 1, poolRef: 'b' });
    await space.untilDelivered('holder');
    await create(profile(['labelselector'], 'MostAllocated'));
    // A batch of this label waits until the profile is in force: no pool has it.
    await createLabelled(space, 'probe', { tier: 'none' }, { replicas: 1, poolRef: '*', template: otherImage });
    await untilWaits(space, 'probe', `no Pool in namespace '${space.namespace}' suits: 'a', 'b', 'c' (no label tier in common)`);
    for (const [name, tier, pool] of [['second', 'gold', 'b'], ['third', 'iron', 'c']] as const) {
      await createLabelled(space, name, { tier }, { replicas: 1, poolRef: '*', template: otherImage });
      expect((await space.untilDelivered(name)).spec.poolRef).toBe(pool);
    }
  });
});
