import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, Chart } from 'cdk8s';
import { BatchSandboxFleet, SandboxPool, TaskShards } from '../../src';
import { pod, problemsOf } from '../support/synth';

const root = join(__dirname, '..', '..');

let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'synth-'));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('reports all problems of all constructs together', () => {
  const problems = problemsOf((chart) => {
    const pool = new SandboxPool(chart, 'warm', { template: pod, bufferMin: 10, bufferMax: 4, poolMin: -1, poolMax: 20 });
    const tasks = new TaskShards(chart, 'tasks', { command: [] });
    new BatchSandboxFleet(chart, 'fleet', { pool, template: pod, replicas: 0.5, tasks });
  });
  expect(problems).toEqual([
    "SandboxPool 'web/warm': poolMin: expected a whole number from 0 to 10000, got -1",
    "TaskShards 'web/tasks': command: expected a list of at least 1 item, got a list of 0 items",
    "BatchSandboxFleet 'web/fleet': replicas: expected a whole number from 0 to 1000000, got 0.5",
    "BatchSandboxFleet 'web/fleet': template: expected nothing beside pool, got an object; the pool decides on its pods; set it there, or leave pool out",
    "BatchSandboxFleet 'web/fleet': tasks: expected an executor in the pod (container port 5758), got nothing; set executor of the pool, such as executor: {}",
  ]);
});

describe('names that two objects would share', () => {
  const fleet = (chart: Chart, id: string, name: string, replicas = 1) =>
    new BatchSandboxFleet(chart, id, { metadata: { name }, template: pod, replicas, maxPerBatch: 2 });

  test('are refused, also when one is the name of a part', () => {
    const problems = problemsOf((chart) => {
      fleet(chart, 'large', 'a', 3);
      fleet(chart, 'small', 'a-1');
    });
    const expected = "metadata.name: expected a name that no other BatchSandbox of the chart has, got 'a-1'";
    expect(problems).toEqual([
      `BatchSandboxFleet 'web/large': ${expected}; 'web/small/Resource' has it too`,
      `BatchSandboxFleet 'web/small': ${expected}; 'web/large/Resource1' has it too`,
    ]);
  });

  test('are allowed in other kinds, namespaces and charts', () => {
    const problems = problemsOf((chart) => {
      new SandboxPool(chart, 'pool', { metadata: { name: 'a' }, template: pod, bufferMin: 1, poolMax: 2 });
      fleet(chart, 'fleet', 'a');
      new BatchSandboxFleet(chart, 'elsewhere', { metadata: { name: 'a', namespace: 'team-b' }, template: pod });
      fleet(new Chart(chart, 'other'), 'fleet', 'a');
    });
    expect(problems).toEqual([]);
  });
});

test('refuses a namespace of the chart that is none', () => {
  const problems = problemsOf((chart) => new BatchSandboxFleet(chart, 'fleet', { template: pod }), { namespace: 'No_Namespace' });
  expect(problems).toEqual([
    expect.stringMatching(/^BatchSandboxFleet 'web\/fleet': metadata\.namespace: expected a DNS label .*from the chart, got 'No_Namespace'$/),
  ]);
});

test('gives the same bytes each time', () => {
  const synth = () => {
    const app = new App();
    const chart = new Chart(app, 'web');
    const pool = new SandboxPool(chart, 'warm', { template: pod, executor: {}, bufferMin: 1, poolMax: 5 });
    const tasks = new TaskShards(chart, 'tasks', { command: ['true'], shards: [{}, { env: [{ name: 'B', value: '1' }] }] });
    new BatchSandboxFleet(chart, 'fleet', { pool, tasks, maxPerBatch: 1, expireTime: new Date('2999-01-01') });
    return app.synthYaml();
  };
  expect(synth()).toBe(synth());
});

test('has no null and no empty map of metadata in its output', () => {
  const app = new App();
  const chart = new Chart(app, 'web');
  new BatchSandboxFleet(chart, 'fleet', { metadata: { labels: {}, annotations: {} }, template: pod });
  expect(app.synthYaml()).not.toMatch(/null|labels|annotations/);
});

test('an app with bad input exits with 1, lists every problem and writes no file', () => {
  const app = join(folder, 'app.cjs');
  writeFileSync(
    app,
    `const { App, Chart } = require('cdk8s');
     const { BatchSandboxFleet, PodTemplate, SandboxPool } = require('lib/src');
     const app = new App();
     const good = new Chart(app, 'good');
     new BatchSandboxFleet(good, 'fleet', { pool: SandboxPool.fromPoolName('warm') });
     const bad = new Chart(app, 'bad');
     new SandboxPool(bad, 'warm', { template: PodTemplate.fromSpec({}), bufferMin: 5, poolMax: 2, size: 3 });
     new BatchSandboxFleet(bad, 'fleet', { replicas: -1 });
     app.synth();`,
  );
  const { status, stderr } = spawnSync(process.execPath, [app], {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, NODE_PATH: `${root}:${join(root, 'node_modules')}` },
  });
  expect(status).toBe(1);
  for (const problem of [
    "SandboxPool 'bad/warm': expected one of",
    "SandboxPool 'bad/warm': template.spec.containers: expected a list of at least 1 item, got nothing",
    "SandboxPool 'bad/warm': bufferMin: expected at most poolMax (2), got 5; lower bufferMin or raise poolMax",
    "BatchSandboxFleet 'bad/fleet': replicas: expected a whole number from 0 to 1000000, got -1",
    "BatchSandboxFleet 'bad/fleet': pool: expected a pool or a template, got nothing; set pool or template",
  ]) {
    expect(stderr).toContain(problem);
  }
  expect(readdirSync(join(folder, 'dist'))).toEqual([]);
});
