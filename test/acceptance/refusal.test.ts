import { API_VERSION } from '../../src/schema/names';
import { useCluster } from '../targets/cluster-under-test';
import { createReadyPool, handMadeTemplate } from '../support/hand-made-pods';
import { fixedPool } from '../support/pool-spec';
import { conditionOf, endpointsOf, type Space } from '../support/space';
import { undisturbed } from '../support/take-over';
import { until } from '../support/waiting';

const cluster = useCluster();

/** A Status of the API server, as far as it is read. */
interface Status {
  readonly kind: string;
  readonly reason: string;
  readonly message: string;
  readonly details?: { readonly causes?: readonly { readonly field: string }[] };
}

const capacitySpec = { bufferMin: 0, bufferMax: 1, poolMin: 0, poolMax: 1 };
const template = { spec: { containers: [{ name: 'main', image: 'none' }] } };

describe('the CRD refuses', () => {
  const refusals: Record<string, { readonly kind: 'Pool' | 'BatchSandbox'; readonly spec: unknown; readonly field: string }> = {
    'a negative number of replicas': { kind: 'BatchSandbox', spec: { replicas: -1, poolRef: 'p' }, field: 'spec.replicas' },
    'a fraction of a replica': { kind: 'BatchSandbox', spec: { replicas: 1.5, poolRef: 'p' }, field: 'spec.replicas' },
    'replicas as text': { kind: 'BatchSandbox', spec: { replicas: 'two', poolRef: 'p' }, field: 'spec.replicas' },
    'more replicas than one object holds': { kind: 'BatchSandbox', spec: { replicas: 10_001, poolRef: 'p' }, field: 'spec.replicas' },
    'a poolRef that is no text': { kind: 'BatchSandbox', spec: { poolRef: 7 }, field: 'spec.poolRef' },
    'a template that is text': { kind: 'BatchSandbox', spec: { template: 'pod' }, field: 'spec.template' },
    'a task template that is a list': { kind: 'BatchSandbox', spec: { poolRef: 'p', taskTemplate: [] }, field: 'spec.taskTemplate' },
    'shard patches that are an object': { kind: 'BatchSandbox', spec: { template, shardPatches: {} }, field: 'spec.shardPatches' },
    'a task patch that is a number': { kind: 'BatchSandbox', spec: { poolRef: 'p', shardTaskPatches: [{}, 7] }, field: 'spec.shardTaskPatches[1]' },
    'an unknown resource policy': { kind: 'BatchSandbox', spec: { poolRef: 'p', taskResourcePolicyWhenCompleted: 'Keep' }, field: 'spec.taskResourcePolicyWhenCompleted' },
    'an expireTime that is no time': { kind: 'BatchSandbox', spec: { poolRef: 'p', expireTime: 'tomorrow' }, field: 'spec.expireTime' },
    'pause as text': { kind: 'BatchSandbox', spec: { poolRef: 'p', pause: 'yes' }, field: 'spec.pause' },
    'a pool without bounds': { kind: 'Pool', spec: { template }, field: 'spec.capacitySpec' },
    'bounds of which one is missing': { kind: 'Pool', spec: { template, capacitySpec: { ...capacitySpec, poolMax: undefined } }, field: 'spec.capacitySpec.poolMax' },
    'a negative bound': { kind: 'Pool', spec: { template, capacitySpec: { ...capacitySpec, bufferMin: -1 } }, field: 'spec.capacitySpec.bufferMin' },
    'a fraction as a bound': { kind: 'Pool', spec: { template, capacitySpec: { ...capacitySpec, poolMax: 2.5 } }, field: 'spec.capacitySpec.poolMax' },
    'bufferMin above bufferMax': { kind: 'Pool', spec: { template, capacitySpec: { ...capacitySpec, bufferMin: 2 } }, field: 'spec.capacitySpec' },
    'poolMin above poolMax': { kind: 'Pool', spec: { template, capacitySpec: { ...capacitySpec, poolMin: 2 } }, field: 'spec.capacitySpec' },
    'an unknown recycle strategy': { kind: 'Pool', spec: { template, capacitySpec, recycleStrategy: { type: 'Wash' } }, field: 'spec.recycleStrategy.type' },
    'a pace that is a list': { kind: 'Pool', spec: { template, capacitySpec, scaleStrategy: { maxUnavailable: [] } }, field: 'spec.scaleStrategy.maxUnavailable' },
  };

  let space: Space;
  beforeAll(async () => {
    space = await cluster.newSharedSpace();
  });

  test.each(Object.entries(refusals))('%s', async (_title, { kind, spec, field }) => {
    const answer = await space.tryCreate(kind, 'bad', spec);
    const status = answer.body as unknown as Status;
    expect({ code: answer.status, kind: status.kind, reason: status.reason }).toEqual({ code: 422, kind: 'Status', reason: 'Invalid' });
    expect(status.details?.causes?.some((cause) => cause.field.startsWith(field))).toBe(true);
    expect(status.message).toContain(field);
    expect(await space.find(kind, 'bad')).toBeUndefined();
  });

  test('unknown fields, when validation is strict, and prunes them otherwise', async () => {
    const object = { apiVersion: API_VERSION, kind: 'BatchSandbox', metadata: { name: 'odd' }, spec: { poolRef: 'p', replicaz: 3 } };
    const strict = await cluster.target.request<Status>('POST', `${space.path('BatchSandbox')}?fieldValidation=Strict`, object);
    expect(strict.status).toBe(400);
    expect(strict.body.message).toContain('spec.replicaz');
    const loose = await cluster.target.request('POST', `${space.path('BatchSandbox')}?fieldValidation=Ignore`, object);
    expect(loose.status).toBe(201);
    expect((await space.get('BatchSandbox', 'odd')).spec).toEqual({ poolRef: 'p', replicas: 1, taskResourcePolicyWhenCompleted: 'Retain' });
  });

  test('names that are no DNS names', async () => {
    expect((await space.tryCreate('Pool', 'Bad_Name', { template, capacitySpec })).status).toBe(422);
  });
});

describe('a condition says why', () => {
  const longName = `a${'b'.repeat(63)}`;
  const withContainer = (container: object) => ({ spec: { containers: [{ name: 'main', image: 'none', ...container }] } });
  const bad: Record<string, { readonly name?: string; readonly spec: object; readonly reason: string; readonly path: string }> = {
    'a batch with neither pool nor template': { spec: {}, reason: 'NoTemplate', path: 'spec' },
    'a template without containers': { spec: { template: { spec: { containers: [] } } }, reason: 'InvalidSpec', path: 'spec.template.spec.containers' },
    'a template without a spec': { spec: { template: {} }, reason: 'InvalidSpec', path: 'spec.template.spec' },
    'a command that is text': { spec: { template: withContainer({ command: 'sleep 1' }) }, reason: 'InvalidSpec', path: 'spec.template.spec.containers[0].command' },
    'a container name that is no DNS label': { spec: { template: withContainer({ name: 'Main!' }) }, reason: 'InvalidSpec', path: 'spec.template.spec.containers[0].name' },
    'a bad quantity': {
      spec: { template: withContainer({ resources: { requests: { memory: 'a lot' } } }) },
      reason: 'InvalidSpec',
      path: 'spec.template.spec.containers[0].resources.requests.memory',
    },
    'more text than its 10,000 slots leave room for': { spec: { poolRef: 'none', replicas: 10_000, taskTemplate: { spec: { process: { command: ['x'.repeat(800_000)] } } } }, reason: 'TooLarge', path: 'spec' },
    'a name that is too long for a label': { name: longName, spec: { template }, reason: 'InvalidName', path: 'metadata.name' },
  };

  let space: Space;
  beforeAll(async () => {
    space = await cluster.newSharedSpace();
  });

  const named = Object.entries(bad).map(([title, fault], index) => [title, { name: `bad-${index}`, ...fault }] as const);
  test.each(named)('%s (R8, R124, R131)', async (_title, { name, spec, reason, path }) => {
    expect((await space.tryCreate('BatchSandbox', name, spec)).status).toBe(201);
    const batch = await space.until('BatchSandbox', name, (object) => expect(conditionOf(object, 'Accepted')).toMatchObject({ status: 'False', reason }));
    expect(conditionOf(batch, 'Accepted')?.message).toMatch(new RegExp(`^${path.replace(/[.[\]]/g, '\\$&')}: expected .+, got .+`));
    expect(batch.status).toMatchObject({ replicas: 0, allocated: 0, ready: 0, phase: 'Pending', observedGeneration: batch.metadata.generation });
    await space.expectEvent(name, 'NotAccepted', { type: 'Warning' });
    expect(await space.list('Pod')).toEqual([]);
    await space.delete('BatchSandbox', name);
    await space.untilGone('BatchSandbox', name);
  });

  test.each([
    ['no template', { capacitySpec }, 'spec.template'],
    ['a template of a wrong type inside', { capacitySpec, template: { spec: { containers: 'main' } } }, 'spec.template.spec.containers'],
  ])('a pool with %s, and its batches wait with PoolNotAccepted (R15, R124)', async (_title, spec, path) => {
    const space = await cluster.newSimulatedSpace();
    expect((await space.tryCreate('Pool', 'bad', spec)).status).toBe(201);
    await space.create('BatchSandbox', 'waiting', { replicas: 1, poolRef: 'bad' });
    const pool = await space.until('Pool', 'bad', (object) => expect(conditionOf(object, 'Accepted')).toMatchObject({ status: 'False', reason: 'InvalidSpec' }));
    expect(conditionOf(pool, 'Accepted')?.message).toContain(path);
    await space.until('BatchSandbox', 'waiting', (batch) => expect(conditionOf(batch, 'PoolAllocationPending')).toMatchObject({ reason: 'PoolNotAccepted' }));

    await space.patch('Pool', 'bad', { spec: { template: handMadeTemplate() } });
    await space.untilDelivered('waiting');
    await space.until('Pool', 'bad', (object) => expect(conditionOf(object, 'Accepted')).toBeUndefined());
  });
});

test('a batch that an edit has spoilt keeps its pods, and recovers by itself after a fix (R124)', async () => {
  const space = await cluster.newSimulatedSpace();
  const good = handMadeTemplate();
  await space.create('BatchSandbox', 'edited', { replicas: 2, template: good });
  await space.untilDelivered('edited');
  const pods = await uidsOf(space);
  await space.patch('BatchSandbox', 'edited', { spec: { replicas: 3, template: { spec: { containers: null } } } });
  await space.until('BatchSandbox', 'edited', (batch) => expect(conditionOf(batch, 'Accepted')).toMatchObject({ status: 'False', reason: 'InvalidSpec' }));
  expect(await uidsOf(space)).toEqual(pods);
  await space.patch('BatchSandbox', 'edited', { spec: { template: good } });
  const fixed = await space.untilDelivered('edited');
  expect(conditionOf(fixed, 'Accepted')).toBeUndefined();
  expect(await uidsOf(space)).toEqual(expect.arrayContaining(pods));
});

const uidsOf = async (space: Space) => (await space.list('Pod')).map(({ metadata }) => metadata.uid);

test('a task without a command fails alone, and is no reason to refuse the batch (R31)', async () => {
  const space = await cluster.newSpace();
  await space.create('BatchSandbox', 'tasks', {
    replicas: 2,
    template: cluster.target.podTemplate({ executor: true }),
    taskTemplate: { spec: { process: { command: ['true'] } } },
    shardTaskPatches: [{ spec: { process: { command: [] } } }],
  });
  const batch = await space.until('BatchSandbox', 'tasks', ({ status }) => expect(status).toMatchObject({ taskStates: 'FS', taskFailed: 1, taskSucceed: 1, ready: 2 }));
  expect(conditionOf(batch, 'Accepted')).toBeUndefined();
  await space.expectEvent('tasks', 'InvalidTaskPatch', { message: expect.stringContaining('shardTaskPatches[0].spec.process.command') as string });
});

test('a patch for a shard that does not exist is ignored until the batch grows to it (R24)', async () => {
  const space = await cluster.newSimulatedSpace();
  const shardPatches = [null, { metadata: { labels: { shard: 'second' } } }];
  await space.create('BatchSandbox', 'growing', { replicas: 1, template: handMadeTemplate(), shardPatches });
  await space.untilDelivered('growing');
  await space.patch('BatchSandbox', 'growing', { spec: { replicas: 2 } });
  await space.untilDelivered('growing');
  expect((await space.get('Pod', 'growing-1')).metadata.labels).toMatchObject({ shard: 'second' });
});

test('bad objects of every kind change nothing for the others of their namespace (R125)', async () => {
  const space = await cluster.newSimulatedSpace();
  const good = handMadeTemplate();
  await space.tryCreate('Pool', 'a-bad', { capacitySpec, template: { spec: { containers: [{ name: 7 }] } } });
  await space.tryCreate('BatchSandbox', 'a-bad', { replicas: 2, template: { spec: { containers: [null] } } });
  await space.tryCreate('BatchSandbox', 'a-worse', { replicas: 2, poolRef: 'warm', shardTaskPatches: [{ spec: 7 }, { spec: { process: [] } }] });
  await space.create('Pool', 'warm', fixedPool(4, good));
  await space.tryCreate('BatchSandbox', 'z-bad', { replicas: 2, poolRef: 'a-bad' });
  await space.create('BatchSandbox', 'good-pooled', { replicas: 2, poolRef: 'warm' });
  await space.create('BatchSandbox', 'good-own', { replicas: 2, template: good });
  await space.untilDelivered('good-pooled');
  await space.untilDelivered('good-own');
  await until(async () => expect((await space.get('BatchSandbox', 'a-worse')).status).toMatchObject({ ready: 2, taskFailed: 2 }));
});

test('a malformed template, pod patch, task and task patch beside 99 other batches: those are delivered as if they were alone (R125)', async () => {
  const process = { command: ['true'] };
  const bad = [
    { template: { spec: { containers: 'main' } } },
    { template: handMadeTemplate(), shardPatches: [{ spec: { containers: [{ image: 'without-its-key' }] } }] },
    { poolRef: 'warm', taskTemplate: { spec: { process: { command: 7 } } } },
    { poolRef: 'warm', taskTemplate: { spec: { process } }, shardTaskPatches: [{ spec: [] }] },
  ];
  const size = 99 + bad.filter(({ poolRef }) => poolRef !== undefined).length;
  // The bad ones come first, last and in between, by age as by name.
  const good = Array.from({ length: 99 }, (_, index) => `batch-${String(index).padStart(2, '0')}`);
  const names = [...good, 'a-bad', 'batch-33-bad', 'batch-66-bad', 'z-bad'].sort();
  const spoilt = new Map(names.filter((name) => name.endsWith('bad')).map((name, index) => [name, bad[index]]));
  const deliver = async () => {
    const space = await cluster.newSpace();
    await createReadyPool(space, 'warm', size);
    await Promise.all(names.map(async (name) => expect((await space.tryCreate('BatchSandbox', name, { replicas: 1, ...(spoilt.get(name) ?? { poolRef: 'warm' }) })).status).toBe(201)));
    await until(async () => {
      const delivered = (await space.list('BatchSandbox')).filter((batch) => batch.status?.ready === 1 && endpointsOf(batch).length === 1);
      expect(delivered.map(({ metadata }) => metadata.name)).toEqual(expect.arrayContaining(good));
    });
    return space;
  };
  await undisturbed(cluster.target, deliver, async ({ namespace }) => {
    const { byObject } = await cluster.target.writes();
    const changes = Object.entries(byObject).filter(([key]) => / batchsandboxes(\/status)? /.test(key) && !/^(create|POST) /.test(key));
    const writes = good.map((name) => changes.reduce((sum, [key, count]) => (key.endsWith(` ${namespace}/${name}`) ? sum + count : sum), 0));
    expect(writes).toEqual(good.map(() => 2));
  });
});
