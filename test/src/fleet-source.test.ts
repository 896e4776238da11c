import { BatchSandboxFleet, type BatchSandboxFleetProps, PodTemplate, SandboxPool, TaskShards } from '../../src';
import { objectsOf, pod, problemsOf } from '../support/synth';

const pool = SandboxPool.fromPoolName('warm');

const problemsWith = (props: unknown) => problemsOf((chart) => new BatchSandboxFleet(chart, 'fleet', props as BatchSandboxFleetProps));

test('names the pool of the same app by its construct', () => {
  const [warm, batch] = objectsOf((chart) => {
    const own = new SandboxPool(chart, 'warm', { template: pod, bufferMin: 1, poolMax: 2 });
    new BatchSandboxFleet(chart, 'fleet', { pool: own });
  });
  expect(batch?.spec.poolRef).toBe(warm?.metadata.name);
});

test.each<[string, unknown, string[]]>([
  [
    'neither a pool nor a template',
    { replicas: 2 },
    ["BatchSandboxFleet 'web/fleet': pool: expected a pool or a template, got nothing; set pool or template"],
  ],
  [
    'both a pool and a template',
    { pool, template: pod },
    [
      "BatchSandboxFleet 'web/fleet': template: expected nothing beside pool, got an object; the pool decides on its pods; set it there, or leave pool out",
    ],
  ],
  [
    'the name of a pool in place of the pool',
    { pool: 'warm' },
    ["BatchSandboxFleet 'web/fleet': pool: expected a SandboxPool, SandboxPool.fromPoolName(…) with the name of a pool, or SandboxPool.any(), got 'warm'"],
  ],
])('refuses %s', (_, props, problems) => {
  expect(problemsWith(props)).toEqual(problems);
});

describe('any pool', () => {
  test('is `*`, with a template that says which pools suit', () => {
    const rendered = objectsOf((chart) => new BatchSandboxFleet(chart, 'fleet', { pool: SandboxPool.any(), template: pod, replicas: 2 }));
    expect(rendered.map(({ spec }) => spec)).toEqual([
      { poolRef: '*', replicas: 2, taskResourcePolicyWhenCompleted: 'Retain', template: { spec: { containers: [{ name: 'main', image: 'busybox', command: ['sleep', 'infinity'] }] } } },
    ]);
    expect(problemsOf((chart) => new BatchSandboxFleet(chart, 'fleet', { pool: SandboxPool.any() }))).toEqual([]);
  });

  test('may have the executor that the template lacks', () => {
    const problems = problemsOf((chart) => {
      const tasks = new TaskShards(chart, 'tasks', { command: ['true'] });
      new BatchSandboxFleet(chart, 'fleet', { pool: SandboxPool.any(), template: pod, replicas: 1, tasks });
    });
    expect(problems).toEqual([]);
  });

  test('refuses beside it what only own pods can have, and a template that is none', () => {
    expect(problemsWith({ pool: SandboxPool.any(), template: pod, executor: {}, shardPatches: [{}] })).toEqual([
      "BatchSandboxFleet 'web/fleet': executor: expected nothing beside pool, got an object; the pool decides on its pods; set it there, or leave pool out",
      "BatchSandboxFleet 'web/fleet': shardPatches: expected nothing beside pool, got a list of 1 item; the pool decides on its pods; set it there, or leave pool out",
    ]);
    expect(problemsWith({ pool: SandboxPool.any(), template: PodTemplate.fromSpec({ containers: [], affinity: { nodeAffinity: [] } }) })).toEqual([
      "BatchSandboxFleet 'web/fleet': template.spec.containers: expected a list of at least 1 item, got a list of 0 items",
      "BatchSandboxFleet 'web/fleet': template.spec.affinity.nodeAffinity: expected an object, got a list of 0 items",
    ]);
  });
});

test('refuses a pool of another namespace', () => {
  const problems = problemsOf((chart) => {
    const other = new SandboxPool(chart, 'warm', { metadata: { namespace: 'team-b' }, template: pod, bufferMin: 1, poolMax: 2 });
    new BatchSandboxFleet(chart, 'fleet', { metadata: { namespace: 'team-a' }, pool: other });
  });
  expect(problems).toEqual([
    "BatchSandboxFleet 'web/fleet': pool: expected a pool in the fleet's namespace (team-a), got 'team-b'; give both the same namespace",
  ]);
});

test('refuses a pool that says that it is in another namespace', () => {
  expect(problemsWith({ metadata: { namespace: 'team-a' }, pool: { poolName: 'small', poolNamespace: 'team-b' } })).toEqual([
    "BatchSandboxFleet 'web/fleet': pool: expected a pool in the fleet's namespace (team-a), got 'team-b'; give both the same namespace",
  ]);
});

test('refuses more sandboxes than its pool may have pods', () => {
  const problemsOfSize = (size: object) =>
    problemsOf((chart) => {
      const own = new SandboxPool(chart, 'warm', { template: pod, executor: {}, bufferMin: 1, poolMax: 2 });
      new BatchSandboxFleet(chart, 'fleet', { pool: own, ...size });
    });
  expect(problemsOfSize({ replicas: 2 })).toEqual([]);
  expect(problemsOfSize({ replicas: 3 })).toEqual(["BatchSandboxFleet 'web/fleet': replicas: expected at most poolMax of the pool (2), got 3; lower replicas or raise poolMax"]);
});
