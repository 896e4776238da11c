import { isDeepStrictEqual } from 'node:util';
import type { BatchCondition, BatchSandbox, BatchSandboxStatus } from '../../src/schema/batch-sandbox';
import { API_VERSION, Label } from '../../src/schema/names';
import { useCluster } from '../targets/cluster-under-test';
import { handMadeTemplate } from '../support/hand-made-pods';
import { History, versionsOf } from '../support/history';
import { conditionOf, endpointsOf } from '../support/space';
import { until } from '../support/waiting';

const cluster = useCluster();

test('a batch without a pool makes one pod a slot, named, labelled and owned (R1, R2, R5, R50)', async () => {
  const space = await cluster.newSpace();
  const template = cluster.target.podTemplate({ labels: { app: 'web' } });
  await space.create('BatchSandbox', 'own', { replicas: 3, template });
  const batch = await space.untilDelivered('own');
  expect(batch.status).toMatchObject({ phase: 'Succeed', observedGeneration: batch.metadata.generation });
  expect(conditionOf(batch, 'AllReady')).toMatchObject({ status: 'True' });
  expect(batch.metadata.finalizers ?? []).toEqual([]);
  expect(batch.status?.allocation).toBeUndefined();

  const pods = [...(await space.list('Pod'))].sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  expect(pods.map(({ metadata: { name, labels, ownerReferences } }) => ({ name, labels, ownerReferences }))).toEqual(
    [0, 1, 2].map((slot) => ({
      name: `own-${slot}`,
      labels: { app: 'web', [Label.batchName]: 'own', [Label.podIndex]: String(slot) },
      ownerReferences: [
        { apiVersion: batch.apiVersion, kind: 'BatchSandbox', name: 'own', uid: batch.metadata.uid, controller: true, blockOwnerDeletion: true },
      ],
    })),
  );
  expect(endpointsOf(batch)).toEqual(pods.map(({ status }) => status?.podIP));
  await space.expectEvent('own', 'SuccessfulCreate', { message: expect.stringMatching(/^created \d pods: 'own-\d'/) as string });

  await space.delete('BatchSandbox', 'own');
  await space.untilGone('BatchSandbox', 'own');
  await until(async () => expect(await space.list('Pod')).toEqual([]));
});

test('a shard patch changes its own pod, and never its name, labels or owner (R2, R25)', async () => {
  const space = await cluster.newSimulatedSpace();
  await space.create('BatchSandbox', 'shards', {
    replicas: 3,
    template: handMadeTemplate({}, [{ name: 'A', value: 'base' }, { name: 'B', value: 'base' }]),
    shardPatches: [
      null,
      {
        metadata: { name: 'other', namespace: 'other', labels: { shard: 'one', [Label.podIndex]: '7' }, ownerReferences: [] },
        spec: { containers: [{ name: 'main', env: [{ name: 'A', value: 'patched' }] }] },
      },
    ],
  });
  const batch = await space.untilDelivered('shards');
  const envOf = async (slot: number) =>
    (await space.get('Pod', `shards-${slot}`)).spec?.containers?.find(({ name }) => name === 'main')?.env?.map(({ name, value }) => `${name}=${value}`).sort();
  expect([await envOf(0), await envOf(1), await envOf(2)]).toEqual([
    ['A=base', 'B=base'],
    ['A=patched', 'B=base'],
    ['A=base', 'B=base'],
  ]);
  const { metadata } = await space.get('Pod', 'shards-1');
  expect(metadata.labels).toMatchObject({ shard: 'one', [Label.podIndex]: '1', [Label.batchName]: 'shards' });
  expect(metadata.ownerReferences).toMatchObject([{ uid: batch.metadata.uid }]);
});

test('a shard patch merges lists by their keys, and its directives remove, replace and order (R27, R28)', async () => {
  const space = await cluster.newSpace();
  const template = {
    metadata: { finalizers: ['example.org/base'] },
    spec: {
      schedulerName: 'acceptance-test', // nobody runs it
      automountServiceAccountToken: false,
      imagePullSecrets: [{ name: 'base' }],
      hostAliases: [{ ip: '10.0.0.1', hostnames: ['base'] }],
      topologySpreadConstraints: [{ topologyKey: 'zone', maxSkew: 1, whenUnsatisfiable: 'ScheduleAnyway' }],
      tolerations: [{ key: 'base', operator: 'Exists' }],
      volumes: [{ name: 'data', emptyDir: {} }, { name: 'more', emptyDir: {} }],
      initContainers: [{ name: 'prepare', image: 'none', command: ['base'] }],
      containers: [
        {
          name: 'main',
          image: 'none',
          args: ['base', 'base'],
          env: [{ name: 'A', value: 'base' }, { name: 'B', value: 'base' }],
          ports: [{ containerPort: 80, name: 'base' }],
          volumeMounts: [{ name: 'data', mountPath: '/data' }, { name: 'more', mountPath: '/more' }],
        },
      ],
    },
  };
  const byKey = {
    metadata: { finalizers: ['example.org/patched'] },
    spec: {
      imagePullSecrets: [{ name: 'patched' }],
      hostAliases: [{ ip: '10.0.0.2', hostnames: ['patched'] }, { ip: '10.0.0.1', hostnames: ['patched'] }],
      topologySpreadConstraints: [{ topologyKey: 'zone', maxSkew: 2 }],
      tolerations: [{ key: 'patched', operator: 'Exists' }],
      volumes: [{ name: 'data', $retainKeys: ['name', 'configMap'], configMap: { name: 'patched' } }],
      initContainers: [{ name: 'prepare', command: ['patched'] }],
      containers: [
        {
          name: 'main',
          args: ['patched'],
          env: [{ name: 'B', value: 'patched' }, { name: 'C', value: 'patched' }],
          ports: [{ containerPort: 80, name: 'patched' }, { containerPort: 81 }],
          volumeMounts: [{ mountPath: '/data', readOnly: true }],
        },
        { name: 'side', image: 'none' },
      ],
    },
  };
  const byDirective = {
    metadata: { '$deleteFromPrimitiveList/finalizers': ['example.org/base'] },
    spec: {
      hostAliases: [{ $patch: 'replace' }, { ip: '10.0.0.3', hostnames: ['patched'] }],
      topologySpreadConstraints: [{ topologyKey: 'zone', $patch: 'delete' }],
      containers: [{ name: 'main', env: [{ name: 'A', $patch: 'delete' }], '$setElementOrder/volumeMounts': [{ mountPath: '/more' }, { mountPath: '/data' }] }],
    },
  };
  await space.create('BatchSandbox', 'merged', { replicas: 2, template, shardPatches: [byKey, byDirective] });
  const [keyed, directed] = await until(() => Promise.all([space.get('Pod', 'merged-0'), space.get('Pod', 'merged-1')]));
  // Nothing of a pod that a finalizer holds may stay behind the test.
  await space.patch('Pod', 'merged-0', { metadata: { finalizers: null } });

  const textsOf = (list: unknown, toText: (item: Record<string, unknown>) => unknown) => (list as readonly Record<string, unknown>[] | undefined)?.map((item) => String(toText(item))).sort();
  const main = keyed.spec?.containers?.find(({ name }) => name === 'main');
  expect({
    finalizers: [...(keyed.metadata.finalizers ?? [])].sort(),
    imagePullSecrets: textsOf(keyed.spec?.['imagePullSecrets'], ({ name }) => name),
    hostAliases: textsOf(keyed.spec?.['hostAliases'], ({ ip, hostnames }) => `${String(ip)} ${String(hostnames)}`),
    topologySpreadConstraints: textsOf(keyed.spec?.['topologySpreadConstraints'], ({ topologyKey, maxSkew, whenUnsatisfiable }) => [topologyKey, maxSkew, whenUnsatisfiable]),
    tolerations: textsOf(keyed.spec?.['tolerations'], ({ key }) => key)?.filter((key) => !key.startsWith('node.kubernetes.io/')), // a cluster may add those
    volumes: textsOf(keyed.spec?.['volumes'], ({ name, emptyDir, configMap }) => `${String(name)} ${emptyDir === undefined ? '' : 'emptyDir'}${configMap === undefined ? '' : 'configMap'}`),
    initContainers: textsOf(keyed.spec?.initContainers, ({ name, image, command }) => [name, image, command]),
    containers: textsOf(keyed.spec?.containers, ({ name }) => name),
    args: main?.args,
    env: textsOf(main?.env, ({ name, value }) => `${String(name)}=${String(value)}`),
    ports: textsOf(main?.['ports'], ({ containerPort, name }) => `${String(containerPort)} ${String(name ?? '')}`),
    volumeMounts: textsOf(main?.['volumeMounts'], ({ name, mountPath, readOnly }) => `${String(name)} ${String(mountPath)} ${readOnly === true ? 'ro' : 'rw'}`),
  }).toEqual({
    finalizers: ['example.org/base', 'example.org/patched'],
    imagePullSecrets: ['base', 'patched'],
    hostAliases: ['10.0.0.1 patched', '10.0.0.2 patched'],
    topologySpreadConstraints: ['zone,2,ScheduleAnyway'],
    tolerations: ['patched'],
    volumes: ['data configMap', 'more emptyDir'],
    initContainers: ['prepare,none,patched'],
    containers: ['main', 'side'],
    args: ['patched'],
    env: ['A=base', 'B=patched', 'C=patched'],
    ports: ['80 patched', '81 '],
    volumeMounts: ['data /data ro', 'more /more rw'],
  });
  expect({
    finalizers: directed.metadata.finalizers ?? [],
    hostAliases: directed.spec?.['hostAliases'],
    topologySpreadConstraints: directed.spec?.['topologySpreadConstraints'] ?? [],
    env: directed.spec?.containers?.[0]?.env,
    volumeMounts: directed.spec?.containers?.[0]?.['volumeMounts'],
  }).toMatchObject({
    finalizers: [],
    hostAliases: [{ ip: '10.0.0.3', hostnames: ['patched'] }],
    topologySpreadConstraints: [],
    env: [{ name: 'B', value: 'base' }],
    volumeMounts: [{ mountPath: '/more' }, { mountPath: '/data' }],
  });
});

test('a batch that another object controls makes its pods all the same (R118)', async () => {
  const space = await cluster.newSimulatedSpace();
  const { target } = cluster;
  const owner = await target.request<{ metadata: { uid: string } }>('POST', `/api/v1/namespaces/${space.namespace}/configmaps`, { metadata: { name: 'owner' } });
  const ownerReferences = [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'owner', uid: owner.body.metadata.uid, controller: true }];
  const made = await target.request('POST', space.path('BatchSandbox'), { apiVersion: API_VERSION, kind: 'BatchSandbox', metadata: { name: 'owned', ownerReferences }, spec: { replicas: 2, template: handMadeTemplate() } });
  expect(made.status).toBe(201);
  const batch = await space.untilDelivered('owned');
  expect((await space.list('Pod')).map(({ metadata }) => metadata.ownerReferences)).toMatchObject([[{ uid: batch.metadata.uid }], [{ uid: batch.metadata.uid }]]);
});

test('a pod that is deleted is made again in its slot, under its name (R3)', async () => {
  const space = await cluster.newSimulatedSpace();
  await space.create('BatchSandbox', 'own', { replicas: 2, template: handMadeTemplate() });
  const before = await space.untilDelivered('own');
  const { metadata } = await space.get('Pod', 'own-1');
  await space.delete('Pod', 'own-1');
  await until(async () => {
    const again = await space.get('Pod', 'own-1');
    expect(again.metadata.uid).not.toBe(metadata.uid);
  });
  const after = await space.until('BatchSandbox', 'own', (batch) => {
    expect(batch.status).toMatchObject({ replicas: 2, ready: 2 });
    expect(endpointsOf(batch)[1]).not.toBe(endpointsOf(before)[1]);
    expect(endpointsOf(batch)[1]).not.toBe('');
  });
  expect(endpointsOf(after)[0]).toBe(endpointsOf(before)[0]);
});

test('an edit of the template changes only pods that are made later (R4)', async () => {
  const space = await cluster.newSimulatedSpace();
  await space.create('BatchSandbox', 'own', { replicas: 1, template: handMadeTemplate({ version: 'one' }) });
  await space.untilDelivered('own');
  const uid = (await space.get('Pod', 'own-0')).metadata.uid;
  await space.patch('BatchSandbox', 'own', { spec: { replicas: 2, template: handMadeTemplate({ version: 'two' }) } });
  await space.untilDelivered('own');
  const [first, second] = [await space.get('Pod', 'own-0'), await space.get('Pod', 'own-1')];
  expect([first.metadata.labels?.['version'], second.metadata.labels?.['version']]).toEqual(['one', 'two']);
  expect(first.metadata.uid).toBe(uid);
});

test('a foreign pod of the same name is neither adopted nor deleted, and holds up no other slot (R5, R7)', async () => {
  const space = await cluster.newSimulatedSpace();
  const template = handMadeTemplate();
  const foreign = await cluster.target.request<{ metadata: { uid: string } }>('POST', space.path('Pod'), {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'own-0' },
    spec: template.spec,
  });
  expect(foreign.status).toBe(201);
  await space.create('BatchSandbox', 'own', { replicas: 2, template });
  await space.expectEvent('own', 'FailedCreate', { type: 'Warning', message: expect.stringMatching(/^pod 'own-0' not created: .*already exists/) as string });
  await space.until('BatchSandbox', 'own', (batch) => {
    expect(batch.status).toMatchObject({ replicas: 1, ready: 1 });
    expect(endpointsOf(batch).map((ip) => ip !== '')).toEqual([false, true]);
  });
  expect((await space.get('Pod', 'own-0')).metadata.uid).toBe(foreign.body.metadata.uid);

  await space.delete('Pod', 'own-0');
  await space.untilDelivered('own');
});

test('a bad shard patch leaves only its own slot without a pod (R28, R31)', async () => {
  const space = await cluster.newSimulatedSpace();
  await space.create('BatchSandbox', 'partly', {
    replicas: 3,
    template: handMadeTemplate(),
    shardPatches: [null, { spec: { containers: [{ image: 'an-item-without-its-key' }] } }],
  });
  await space.expectEvent('partly', 'InvalidShardPatch', { message: expect.stringContaining('shardPatches[1]') as string });
  await space.until('BatchSandbox', 'partly', (batch) => {
    expect(batch.status).toMatchObject({ replicas: 2, ready: 2, phase: 'Succeed' });
    expect(endpointsOf(batch).map((ip) => ip !== '')).toEqual([true, false, true]);
  });
});

test('a pod that the API server refuses leaves only its own slot empty, with FailedCreate, until the batch is edited (R6)', async () => {
  const space = await cluster.newSimulatedSpace();
  await space.create('BatchSandbox', 'refused', {
    replicas: 2,
    template: handMadeTemplate(),
    shardPatches: [{ spec: { restartPolicy: 'Sometimes' } }],
  });
  await space.until('BatchSandbox', 'refused', ({ status }) => expect(status).toMatchObject({ replicas: 1, ready: 1 }));
  await space.patch('BatchSandbox', 'refused', { spec: { shardPatches: [{ spec: { containers: [{ name: 'main', imagePullPolicy: 'Whenever' }] } }] } });
  await space.expectEvent('refused', 'FailedCreate', { message: expect.stringContaining('imagePullPolicy') as string });
  await space.patch('BatchSandbox', 'refused', { spec: { shardPatches: null } });
  await space.untilDelivered('refused', 40_000); // the slot's delay may have doubled a few times
});

test('a container that crashes again and again makes the batch Failed, until its pod is well; each phase has its conditions (R92, R93, R94, R95)', async () => {
  const space = await cluster.newSpace();
  const history = await History.begin<BatchSandbox>(cluster.target, space.path('BatchSandbox'));
  await space.create('BatchSandbox', 'crashing', { replicas: 2, template: cluster.target.podTemplate(), shardPatches: [{ spec: { containers: [{ name: 'main', command: ['false'] }] } }] });
  const failed = await space.until('BatchSandbox', 'crashing', (batch) => {
    expect(batch.status?.phase).toBe('Failed');
    expect(conditionOf(batch, 'PodFailed')).toMatchObject({ status: 'True', reason: 'CrashLoopBackOff' });
  });
  expect(conditionOf(failed, 'PodFailed')?.message).toContain('crashing-0');
  await space.patch('BatchSandbox', 'crashing', { spec: { shardPatches: null } });
  await space.delete('Pod', 'crashing-0');
  const well = await space.until('BatchSandbox', 'crashing', (batch) => expect(batch.status).toMatchObject({ ready: 2, phase: 'Succeed' }));
  expect(conditionOf(well, 'PodFailed')).toBeUndefined();
  // A status whose conditions stay as they are, in a later second than theirs.
  const times = well.status?.conditions?.map(({ lastTransitionTime = '' }) => Date.parse(lastTransitionTime)) ?? [];
  await until(() => expect(Date.now()).toBeGreaterThan(Math.max(...times) + 1000));
  const { metadata } = await space.patch('BatchSandbox', 'crashing', { spec: { expireTime: '2100-01-01T00:00:00Z' } });
  await space.until('BatchSandbox', 'crashing', ({ status }) => expect(status?.observedGeneration).toBe(metadata.generation));

  const statuses = versionsOf(await history.end(), 'crashing').flatMap(({ status }) => status ?? []);
  expect(statuses.map(({ phase }) => phase)).toEqual(expect.arrayContaining(['Pending', 'Failed', 'Succeed']));
  statuses.reduce(expectMovedWithContent);
  const reasons = { Pending: { Progressing: 'Creating' }, Succeed: { Ready: 'PodsReady' }, Failed: { PodFailed: 'CrashLoopBackOff' } };
  for (const { conditions = [], phase, ready } of statuses) {
    expect(conditions.filter(({ status }) => status !== 'True')).toEqual([]);
    const wanted = { ...reasons[phase as keyof typeof reasons], ...(ready === 2 && { AllReady: 'PodsReady' }) };
    expect(Object.fromEntries(conditions.map(({ type, reason }) => [type, reason]))).toEqual(wanted);
  }
});

/** The time of a condition moves when its content does, and only then; returns the later status. */
function expectMovedWithContent(before: BatchSandboxStatus, after: BatchSandboxStatus): BatchSandboxStatus {
  const contentOf = (condition: BatchCondition) => ({ ...condition, lastTransitionTime: undefined });
  for (const condition of after.conditions ?? []) {
    const same = before.conditions?.find((earlier) => isDeepStrictEqual(contentOf(earlier), contentOf(condition)));
    if (same !== undefined) expect(condition).toEqual(same);
  }
  return after;
}
