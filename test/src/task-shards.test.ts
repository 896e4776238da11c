import { Duration } from 'cdk8s';
import { BatchSandboxFleet, SandboxPool, TaskShards, type TaskShardsProps } from '../../src';
import { manifestOf, objectsOf, problemsOf } from '../support/synth';

const command = ['sh', '-c', 'echo "$RANK"'];
const pool = SandboxPool.fromPoolName('warm');

const problemsWith = (props: unknown) => problemsOf((chart) => new TaskShards(chart, 'train', props as TaskShardsProps));

test('renders what the shards have in common and each shard as a patch', () => {
  const manifest = manifestOf((chart) => {
    const tasks = new TaskShards(chart, 'train', {
      command,
      args: ['-v'],
      env: [{ name: 'EPOCHS', value: '3' }],
      workingDir: '/data',
      timeout: Duration.minutes(5),
      shards: [{}, { env: [{ name: 'RANK', value: '1' }], timeout: Duration.minutes(10) }],
    });
    tasks.addShard({ command: ['python', 'train.py'], args: [], workingDir: '/src' });
    tasks.addShard({ patch: { spec: { process: { env: [{ name: 'EPOCHS', $patch: 'delete' }] } } } });
    new BatchSandboxFleet(chart, 'fleet', { pool, tasks });
  });
  expect(manifest).toMatchSnapshot();
});

test('leaves out what says nothing', () => {
  const [batch] = objectsOf((chart) => {
    new BatchSandboxFleet(chart, 'fleet', { pool, replicas: 2, tasks: new TaskShards(chart, 'train', { command, shards: [{}, {}] }) });
  });
  expect(batch?.spec).toEqual({
    poolRef: 'warm',
    replicas: 2,
    taskResourcePolicyWhenCompleted: 'Retain',
    taskTemplate: { spec: { process: { command } } },
  });
});

test('lets each shard bring its own command', () => {
  expect(problemsWith({ shards: [{ command }, { command: ['true'] }] })).toEqual([]);
});

test('gives copies of its shards away', () => {
  objectsOf((chart) => {
    const tasks = new TaskShards(chart, 'train', { command, shards: [{}] });
    tasks.shards.push({});
    expect(tasks.shards).toEqual([{}]);
  });
});

test.each<[string, unknown, string[]]>([
  ['an empty command', { command: [] }, ["TaskShards 'web/train': command: expected a list of at least 1 item, got a list of 0 items"]],
  [
    'no command at all',
    {},
    ["TaskShards 'web/train': command: expected a list of at least 1 item, got nothing; set command, or add shards that do"],
  ],
  [
    'a shard without a command, when there is none in common',
    { shards: [{ command }, { env: [{ name: 'A', value: '1' }] }] },
    ["TaskShards 'web/train': shards[1].command: expected a list of at least 1 item, got nothing"],
  ],
  [
    'an empty command of a shard',
    { command, shards: [{}, { command: [] }] },
    ["TaskShards 'web/train': shards[1].command: expected a list of at least 1 item, got a list of 0 items"],
  ],
  [
    'a number for a Duration',
    { command, timeout: 30 },
    ["TaskShards 'web/train': timeout: expected a Duration, got 30; write Duration.minutes(5)"],
  ],
  [
    'a part of a second',
    { command, timeout: Duration.millis(1500) },
    ["TaskShards 'web/train': timeout: expected whole seconds, got '1 second 500 millis'"],
  ],
  [
    'an unknown option of a shard',
    { command, shards: [{ comand: ['true'] }] },
    [
      "TaskShards 'web/train': shards[0]: expected one of 'command', 'args', 'env', 'workingDir', 'timeout', 'patch', got 'comand'; did you mean 'command'?",
    ],
  ],
  [
    'a patch beside another option',
    { command, shards: [{ patch: { spec: {} }, args: ['x'] }] },
    ["TaskShards 'web/train': shards[0].args: expected nothing beside patch, got a list of 1 item; write it into the patch"],
  ],
  [
    'null in a patch',
    { command, shards: [{ patch: { spec: { timeoutSeconds: null } } }] },
    [
      "TaskShards 'web/train': shards[0].patch.spec.timeoutSeconds: expected no null (cdk8s leaves it out of manifests), got null; " +
        "write '$patch: delete' or '$patch: replace', or use addJsonPatch",
    ],
  ],
  ['a list for shards[i]', { command, shards: [[]] }, ["TaskShards 'web/train': shards[0]: expected an object, got a list of 0 items"]],
  ['no list of shards', { command, shards: 'all' }, ["TaskShards 'web/train': shards: expected a list, got 'all'"]],
])('refuses %s', (_, props, problems) => {
  expect(problemsWith(props)).toEqual(problems);
});

test('refuses an environment that is no list, without printing its values', () => {
  expect(problemsWith({ command, env: 'TOKEN=hidden', shards: [{ env: { TOKEN: 'hidden' } }] })).toEqual([
    "TaskShards 'web/train': env: expected a list of {name, value}, got a string; write [{ name: 'RANK', value: '3' }]",
    "TaskShards 'web/train': shards[0].env: expected a list of {name, value}, got an object; write [{ name: 'RANK', value: '3' }]",
  ]);
});

test('refuses a value of the environment that is no text, without printing it', () => {
  expect(problemsWith({ command, shards: [{ env: [{ name: 'PIN', value: 1234 }] }] })).toEqual([
    expect.stringMatching(/^TaskShards 'web\/train': shards\[0\]\.env\[0\]\.value: expected text.*, got a number$/),
  ]);
});

test('reports what is wrong with the common task once, and with each shard beside it', () => {
  expect(problemsWith({ command, workingDir: 5, shards: [{}, { command: [] }] })).toEqual([
    "TaskShards 'web/train': workingDir: expected text of at most 4096 characters without NUL, got a number",
    "TaskShards 'web/train': shards[1].command: expected a list of at least 1 item, got a list of 0 items",
  ]);
});

test('refuses an unknown field in a raw patch under its path', () => {
  const [problem = '', ...others] = problemsWith({ command, shards: [{ patch: { spec: { procces: {} } } }] });
  expect(others).toEqual([]);
  expect(problem).toMatch(/^TaskShards 'web\/train': shards\[0\]\.patch\.spec: expected .* got 'procces'/);
});

test('reports values that contain themselves, without an end to the search', () => {
  const cycle: Record<string, unknown> = {};
  cycle.self = [cycle];
  const sentence = 'expected plain data that does not contain itself, got an object';
  expect(problemsWith({ command, shards: [{ patch: { spec: cycle } }, { env: [{ name: 'A', value: cycle }] }] })).toEqual([
    `TaskShards 'web/train': shards[0].patch: ${sentence}`,
    `TaskShards 'web/train': shards[1]: ${sentence}`,
  ]);
  expect(problemsWith({ command, env: [cycle], shards: [{ command }] })).toEqual([`TaskShards 'web/train': ${sentence}`]);
});
