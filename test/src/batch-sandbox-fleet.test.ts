import { ApiObject, type Chart, JsonPatch } from 'cdk8s';
import { AllocationPolicy, BatchSandboxFleet, type BatchSandboxFleetProps, PodTemplate, SandboxPool, TaskResourcePolicy, TaskShards } from '../../src';
import { manifestOf, objectsOf, pod, problemsOf } from '../support/synth';

const pool = SandboxPool.fromPoolName('warm');

const problemsWith = (props: unknown) => problemsOf((chart) => new BatchSandboxFleet(chart, 'fleet', props as BatchSandboxFleetProps));

const namesOf = (build: (chart: Chart) => void) => objectsOf(build).map(({ metadata, spec }) => [metadata.name, spec.replicas]);

test('renders a fleet with its defaults written out', () => {
  expect(manifestOf((chart) => new BatchSandboxFleet(chart, 'fleet', { pool }))).toMatchSnapshot();
});

test('renders a fleet with everything set', () => {
  const manifest = manifestOf((chart) => {
    new BatchSandboxFleet(chart, 'fleet', {
      metadata: { name: 'training', namespace: 'team-a', labels: { team: 'a' } },
      replicas: 2,
      template: pod,
      executor: {},
      shardPatches: [{}, { spec: { nodeSelector: { disk: 'ssd' } } }],
      tasks: new TaskShards(chart, 'tasks', { command: ['true'], shards: [{}, { args: ['1'] }] }),
      taskResourcePolicyWhenCompleted: TaskResourcePolicy.RELEASE,
      expireTime: new Date('2999-12-31T23:59:59Z'),
      maxPerBatch: 1,
    });
  });
  expect(manifest).toMatchSnapshot();
});

test('renders how it is served among others', () => {
  const [fleet] = objectsOf((chart) => new BatchSandboxFleet(chart, 'fleet', { pool, priority: -5, allocationPolicy: AllocationPolicy.ALL_OR_NOTHING }));
  expect(fleet?.spec).toMatchObject({ priority: -5, allocationPolicy: 'AllOrNothing' });
});

test('has one sandbox for each shard unless replicas says otherwise', () => {
  const tasks = (chart: Chart) => new TaskShards(chart, 'tasks', { command: ['true'], shards: [{}, {}, {}] });
  expect(namesOf((chart) => new BatchSandboxFleet(chart, 'fleet', { pool, tasks: tasks(chart) }))).toEqual([['web-fleet-c838b158', 3]]);
  expect(namesOf((chart) => new BatchSandboxFleet(chart, 'fleet', { pool, replicas: 5, tasks: tasks(chart) }))).toEqual([
    ['web-fleet-c838b158', 5],
  ]);
});

describe('a fleet larger than one object', () => {
  test('looks at a patch no more often than a fleet of one object does', () => {
    const readsOfLastPatch = (maxPerBatch: number) => {
      let reads = 0;
      const last = Object.defineProperty({}, 'metadata', { enumerable: true, get: () => ((reads += 1), { labels: { last: 'yes' } }) });
      const shardPatches = [...Array.from({ length: 11 }, () => ({})), last];
      objectsOf((chart) => new BatchSandboxFleet(chart, 'fleet', { template: pod, replicas: 12, shardPatches, maxPerBatch }));
      return reads;
    };
    expect(readsOfLastPatch(1)).toBeLessThanOrEqual(readsOfLastPatch(12));
  });

  test('is split, and each part has its own shards', () => {
    const batches = objectsOf((chart) => {
      const shards = Array.from({ length: 5 }, (_, index) => ({ args: [`${index}`] }));
      const tasks = new TaskShards(chart, 'tasks', { command: ['echo'], shards });
      new BatchSandboxFleet(chart, 'fleet', { metadata: { name: 'big' }, pool, tasks, maxPerBatch: 2 });
    });
    expect(batches.map(({ metadata, spec }) => [metadata.name, spec.replicas, spec.shardTaskPatches])).toEqual([
      ['big', 2, [{ spec: { process: { args: ['0'] } } }, { spec: { process: { args: ['1'] } } }]],
      ['big-1', 2, [{ spec: { process: { args: ['2'] } } }, { spec: { process: { args: ['3'] } } }]],
      ['big-2', 1, [{ spec: { process: { args: ['4'] } } }]],
    ]);
  });

  test('is split at 10000 sandboxes by default', () => {
    expect(namesOf((chart) => new BatchSandboxFleet(chart, 'fleet', { pool, replicas: 25_000 })).map(([, replicas]) => replicas)).toEqual([
      10_000, 10_000, 5_000,
    ]);
  });

  test('keeps each object small enough for kubectl apply, with the addresses of its sandboxes', () => {
    const batches = objectsOf((chart) => {
      const shards = Array.from({ length: 4_000 }, (_, index) => ({ env: [{ name: 'TEXT', value: `${index}`.padStart(200, 'x') }] }));
      new BatchSandboxFleet(chart, 'fleet', { pool, tasks: new TaskShards(chart, 'tasks', { command: ['true'], shards }) });
    });
    expect(batches.map(({ spec }) => Number(spec.replicas)).reduce((sum, replicas) => sum + replicas, 0)).toBe(4_000);
    for (const batch of batches) {
      expect(JSON.stringify(batch).length + Number(batch.spec.replicas) * '"255.255.255.255",'.length).toBeLessThan(262_144);
    }
  });

  test('keeps derived names within a label', () => {
    const id = 'f'.repeat(80);
    const names = namesOf((chart) => new BatchSandboxFleet(chart, id, { pool, replicas: 12, maxPerBatch: 1 })).map(([name]) => String(name));
    expect(new Set(names).size).toBe(12);
    expect(Math.max(...names.map((name) => name.length))).toBeLessThanOrEqual(63);
  });

  test('reports a name that leaves no room for the number of a part', () => {
    const name = 'n'.repeat(63);
    expect(problemsWith({ metadata: { name }, pool, replicas: 2, maxPerBatch: 1 })).toEqual([
      "BatchSandboxFleet 'web/fleet': metadata.name: expected a DNS label (at most 63 of a-z, 0-9 and -, beginning and ending with a letter or " +
        `digit) for each object, got '${name}-1'; choose another name`,
    ]);
  });
});

test('takes JSON patches on each of its objects', () => {
  const batches = objectsOf((chart) => {
    const fleet = new BatchSandboxFleet(chart, 'fleet', { pool, replicas: 2, maxPerBatch: 1 });
    expect(ApiObject.of(fleet)).toBe(fleet.apiObject);
    fleet.apiObjects.forEach((object, index) => object.addJsonPatch(JsonPatch.add('/spec/ofTomorrow', index)));
  });
  expect(batches.map(({ spec }) => spec.ofTomorrow)).toEqual([0, 1]);
});

test.each<[string, unknown, string[]]>([
  [
    'how to wait for a pool without a pool',
    { template: pod, priority: 1, allocationPolicy: AllocationPolicy.PARTIAL },
    [
      "BatchSandboxFleet 'web/fleet': priority: expected nothing without pool, got 1; it says how the fleet waits for pods of a pool; set pool, or leave it out",
      "BatchSandboxFleet 'web/fleet': allocationPolicy: expected nothing without pool, got 'Partial'; it says how the fleet waits for pods of a pool; set pool, or leave it out",
    ],
  ],
  [
    'all at once for a fleet of several objects',
    { pool, replicas: 3, maxPerBatch: 2, allocationPolicy: AllocationPolicy.ALL_OR_NOTHING },
    [
      "BatchSandboxFleet 'web/fleet': allocationPolicy: expected Partial for a fleet of several BatchSandboxes, got 'AllOrNothing'; " +
        'each of them gets its pods for itself; make the fleet smaller, or raise maxPerBatch',
    ],
  ],
  ['negative replicas', { pool, replicas: -1 }, ["BatchSandboxFleet 'web/fleet': replicas: expected a whole number from 0 to 1000000, got -1"]],
  [
    'fractional replicas',
    { pool, replicas: 1.5 },
    ["BatchSandboxFleet 'web/fleet': replicas: expected a whole number from 0 to 1000000, got 1.5"],
  ],
  [
    'replicas as text',
    { pool, replicas: '3' },
    ["BatchSandboxFleet 'web/fleet': replicas: expected a whole number from 0 to 1000000, got '3'"],
  ],
  [
    'a batch size of none',
    { pool, maxPerBatch: 0 },
    ["BatchSandboxFleet 'web/fleet': maxPerBatch: expected a whole number from 1 to 10000, got 0"],
  ],
  [
    'more pod patches than sandboxes',
    { template: pod, replicas: 1, shardPatches: [{}, {}] },
    ["BatchSandboxFleet 'web/fleet': shardPatches: expected at most 1 items (replicas), got a list of 2 items; raise replicas or remove items"],
  ],
  [
    'a pod patch that is none',
    { template: pod, replicas: 2, shardPatches: [null, 3] },
    [
      "BatchSandboxFleet 'web/fleet': shardPatches[0]: expected a patch, got null",
      "BatchSandboxFleet 'web/fleet': shardPatches[1]: expected a patch, got 3",
    ],
  ],
  [
    'a time in the past',
    { pool, expireTime: new Date('2020-01-01T00:00:00Z') },
    ["BatchSandboxFleet 'web/fleet': expireTime: expected a time in the future, got '2020-01-01T00:00:00Z'; the fleet would be deleted at once"],
  ],
  [
    'a time that is none',
    { pool, expireTime: new Date('soon') },
    ["BatchSandboxFleet 'web/fleet': expireTime: expected a valid Date, got 'Invalid Date'"],
  ],
  ['a time as text', { pool, expireTime: '2999-01-01' }, ["BatchSandboxFleet 'web/fleet': expireTime: expected a valid Date, got '2999-01-01'"]],
  ['shards that are none', { pool, tasks: [] }, ["BatchSandboxFleet 'web/fleet': tasks: expected a TaskShards, got a list of 0 items"]],
  [
    'an unknown policy',
    { pool, taskResourcePolicyWhenCompleted: 'Recycle' },
    ["BatchSandboxFleet 'web/fleet': taskResourcePolicyWhenCompleted: expected one of 'Retain', 'Release', got 'Recycle'"],
  ],
])('refuses %s', (_, props, problems) => {
  expect(problemsWith(props)).toEqual(problems);
});

test('refuses a shard for a sandbox that does not exist', () => {
  const problems = problemsOf((chart) => {
    const tasks = new TaskShards(chart, 'tasks', { command: ['true'], shards: [{}, {}, {}] });
    new BatchSandboxFleet(chart, 'fleet', { pool, replicas: 2, tasks });
  });
  expect(problems).toEqual([
    "BatchSandboxFleet 'web/fleet': tasks: expected at most 2 shards (replicas), got a list of 3 items; raise replicas or remove shards",
  ]);
});

test('refuses shards that were added after the fleet', () => {
  const problems = problemsOf((chart) => {
    const tasks = new TaskShards(chart, 'tasks', { command: ['true'], shards: [{}] });
    new BatchSandboxFleet(chart, 'fleet', { pool, tasks });
    tasks.addShard({});
  });
  expect(problems).toEqual([
    "BatchSandboxFleet 'web/fleet': tasks: expected 1 shards, as when the fleet was created, got a list of 2 items; add all shards before",
  ]);
});

describe('tasks without an executor', () => {
  const tasksOf = (chart: Chart) => new TaskShards(chart, 'tasks', { command: ['true'] });
  const got = "BatchSandboxFleet 'web/fleet': tasks: expected an executor in the pod (container port 5758), got nothing";

  test('are refused with a template', () => {
    const problems = problemsOf((chart) => new BatchSandboxFleet(chart, 'fleet', { template: pod, replicas: 1, tasks: tasksOf(chart) }));
    expect(problems).toEqual([`${got}; set executor, such as executor: {}`]);
  });

  test('are refused with a pool of the same app', () => {
    const problems = problemsOf((chart) => {
      const own = new SandboxPool(chart, 'warm', { template: pod, bufferMin: 1, poolMax: 2 });
      new BatchSandboxFleet(chart, 'fleet', { pool: own, replicas: 1, tasks: tasksOf(chart) });
    });
    expect(problems).toEqual([`${got}; set executor of the pool, such as executor: {}`]);
  });

  test('are accepted where the image brings its own', () => {
    const own = PodTemplate.fromSpec({ containers: [{ name: 'main', image: 'mine', ports: [{ containerPort: 5758 }] }] });
    expect(problemsOf((chart) => new BatchSandboxFleet(chart, 'fleet', { template: own, replicas: 1, tasks: tasksOf(chart) }))).toEqual([]);
  });
});

test('refuses a pod patch that leaves a pod that cannot be', () => {
  const problems = problemsWith({ template: pod, shardPatches: [{ spec: { containers: [{ name: 'main', image: '' }] } }] });
  expect(problems).toHaveLength(1);
  expect(problems[0]).toMatch(/^BatchSandboxFleet 'web\/fleet': shardPatches\[0\].*image: expected .*, got ''/);
});

test('reports a wrong pod patch beside another problem', () => {
  const shardPatches = [{ spec: { containers: [{ name: 'main', command: 5 }] } }];
  expect(problemsWith({ template: pod, maxPerBatch: 0, shardPatches })).toEqual([
    "BatchSandboxFleet 'web/fleet': maxPerBatch: expected a whole number from 1 to 10000, got 0",
    "BatchSandboxFleet 'web/fleet': shardPatches[0].spec.containers[0].command: expected a list, got 5",
  ]);
});

test('refuses a sandbox that no object can hold', () => {
  const problems = problemsWith({ template: pod, shardPatches: [{ metadata: { annotations: { text: 'x'.repeat(1_100_000) } } }] });
  expect(problems).toHaveLength(1);
  expect(problems[0]).toContain('expected at most 1048576 bytes for one sandbox');
});

test('reports values that contain themselves, without an end to the search', () => {
  const cycle: Record<string, unknown> = {};
  cycle.self = [cycle];
  expect(problemsWith({ template: PodTemplate.fromSpec(cycle), replicas: 1 })).toEqual([
    "BatchSandboxFleet 'web/fleet': template: expected plain data that does not contain itself, got an object",
  ]);
  expect(problemsWith({ template: pod, shardPatches: [{ spec: cycle }] })).toEqual([
    "BatchSandboxFleet 'web/fleet': shardPatches[0]: expected plain data that does not contain itself, got an object",
  ]);
});
