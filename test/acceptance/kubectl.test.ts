import { useCluster } from '../targets/cluster-under-test';
import { readTaskOutput } from '../support/executor';
import { handMadeTemplate, NO_SCHEDULER } from '../support/hand-made-pods';
import { endpointsOf, type Space } from '../support/space';
import { undisturbed } from '../support/take-over';
import { patienceSeconds, until } from '../support/waiting';

const cluster = useCluster();

// The manifests of the project's seeds, as their readers type them, but for the image of the executor, which has a name that can be pulled.
const BASIC_BATCH = `
apiVersion: sandbox.opensandbox.io/v1alpha1
kind: BatchSandbox
metadata:
  name: basic-batch-sandbox
spec:
  replicas: 2
  template:
    spec:
      containers:
      - name: sandbox-container
        image: nginx:latest
        ports:
        - containerPort: 80
`;
const EXAMPLE_POOL = `
apiVersion: sandbox.opensandbox.io/v1alpha1
kind: Pool
metadata:
  name: example-pool
spec:
  template:
    spec:
      containers:
      - name: sandbox-container
        image: nginx:latest
        ports:
        - containerPort: 80
  capacitySpec:
    bufferMax: 10
    bufferMin: 2
    poolMax: 20
    poolMin: 5
`;
const POOLED_BATCH = `
apiVersion: sandbox.opensandbox.io/v1alpha1
kind: BatchSandbox
metadata:
  name: pooled-batch-sandbox
spec:
  replicas: 3
  poolRef: example-pool
  template:
    spec:
      containers:
      - name: sandbox-container
        image: nginx:latest
        ports:
        - containerPort: 80
`;
const TASK_PODS = `
    spec:
      shareProcessNamespace: true
      containers:
      - name: sandbox-container
        image: ubuntu:latest
        command: ["sleep", "3600"]
      - name: task-executor
        image: registry.example/opensandbox-task-executor:test
        securityContext:
          capabilities:
            add: ["SYS_PTRACE"]
`;
const TASK_POOL = `
apiVersion: sandbox.opensandbox.io/v1alpha1
kind: Pool
metadata:
  name: task-example-pool
spec:
  template:${TASK_PODS}
  capacitySpec:
    bufferMax: 10
    bufferMin: 2
    poolMax: 20
    poolMin: 5
`;
const TASK_BATCH = `
apiVersion: sandbox.opensandbox.io/v1alpha1
kind: BatchSandbox
metadata:
  name: task-batch-sandbox
spec:
  replicas: 2
  poolRef: task-example-pool
  template:${TASK_PODS}
  taskTemplate:
    spec:
      process:
        command: ["echo", "Default task"]
  shardTaskPatches:
  - spec:
      process:
        command: ["echo", "Custom task for sandbox 1"]
  - spec:
      process:
        command: ["echo", "Custom task for sandbox 2"]
        args: ["with", "additional", "arguments"]
`;

/** Runs kubectl, which must succeed; what it printed. */
async function kubectl(space: Space, args: readonly string[], input?: string): Promise<string> {
  const result = await space.kubectl(args, input);
  expect(result).toMatchObject({ exitCode: 0, stderr: '' });
  return result.stdout;
}

const onCluster = (manifest: string) => manifest.replace(/(?<=image: )\S+/g, (name) => cluster.target.imageFor(name));
const apply = (space: Space, manifest: string) => kubectl(space, ['apply', '-f', '-'], onCluster(manifest));
const timeout = () => `--timeout=${patienceSeconds()}s`;
const waitFor = (space: Space, name: string, path: string, value: string) => kubectl(space, ['wait', name, `--for=jsonpath={.${path}}=${value}`, timeout()]);

/** The rows of a table, each as column to cell; a cell may be blank, so the places of the headings tell them apart. */
function rowsOf(table: string): Readonly<Record<string, string>>[] {
  const [head = '', ...rows] = table.trimEnd().split('\n');
  const columns = [...head.matchAll(/\S+( \S+)*/g)].map((match, index, all) => ({ name: match[0], from: match.index, to: all[index + 1]?.index }));
  return rows.map((row) => Object.fromEntries(columns.map(({ name, from, to }) => [name, row.slice(from, to).trim()])));
}

test('the walk-through of the seeds: a basic batch', async () => {
  const space = await cluster.newSpace();
  expect(await apply(space, BASIC_BATCH)).toBe('batchsandbox.sandbox.opensandbox.io/basic-batch-sandbox created\n');
  await waitFor(space, 'batchsandbox/basic-batch-sandbox', 'status.ready', '2');

  const age = expect.stringMatching(/^(\d+[ms])+$/) as string;
  const counts = { NAME: 'basic-batch-sandbox', DESIRED: '2', TOTAL: '2', ALLOCATED: '2', READY: '2', EXPIRE: '', AGE: age };
  expect(rowsOf(await kubectl(space, ['get', 'batchsandbox', 'basic-batch-sandbox']))).toEqual([counts]);
  expect(rowsOf(await kubectl(space, ['get', 'bsbx', 'basic-batch-sandbox', '-o', 'wide']))).toEqual([
    { ...counts, TASK_RUNNING: '0', TASK_SUCCEED: '0', TASK_FAILED: '0', TASK_UNKNOWN: '0' },
  ]);

  const batch = await space.untilDelivered('basic-batch-sandbox');
  const printed = await kubectl(space, ['get', 'batchsandbox', 'basic-batch-sandbox', '-o', 'jsonpath={.metadata.annotations.sandbox\\.opensandbox\\.io/endpoints}']);
  expect(JSON.parse(printed)).toEqual(endpointsOf(batch));
  expect(await kubectl(space, ['get', 'pods', '-o', 'name'])).toBe('pod/basic-batch-sandbox-0\npod/basic-batch-sandbox-1\n');
  const [pod] = rowsOf(await kubectl(space, ['get', 'pods', '-o', 'wide']));
  expect(pod).toMatchObject({ NAME: 'basic-batch-sandbox-0', READY: '1/1', STATUS: 'Running', RESTARTS: '0', AGE: age, IP: endpointsOf(batch)[0] });

  const description = await kubectl(space, ['describe', 'batchsandbox', 'basic-batch-sandbox']);
  expect(description).toMatch(/^Kind: +BatchSandbox$/m);
  expect(description).toMatch(/^ {2}Phase: +Succeed$/m);

  expect(await kubectl(space, ['delete', 'batchsandbox', 'basic-batch-sandbox'])).toContain('deleted');
  await kubectl(space, ['wait', 'pod', '--all', '--for=delete', timeout()]);
});

test('describe and events show what the operator tells of a batch', async () => {
  const tell = async () => {
    const space = await cluster.newSpace();
    await space.create('BatchSandbox', 'told', { replicas: 1, template: handMadeTemplate() });
    await space.expectEvent('told', 'SuccessfulCreate');
    return space;
  };
  await undisturbed(cluster.target, tell, async (space) => {
    expect(await kubectl(space, ['describe', 'batchsandbox', 'told'])).toMatch(/^Events:$[^]*SuccessfulCreate/m);
    expect(await kubectl(space, ['events', '--for', 'batchsandbox/told'])).toContain('SuccessfulCreate');
  });
});

test('the walk-through of the seeds: a pool, and a batch from it', async () => {
  const space = await cluster.newSpace();
  await apply(space, EXAMPLE_POOL);
  await waitFor(space, 'pool/example-pool', 'status.available', '5');
  expect(rowsOf(await kubectl(space, ['get', 'pools']))).toEqual([
    { NAME: 'example-pool', TOTAL: '5', ALLOCATED: '0', AVAILABLE: '5', UPDATED: '5', AGE: expect.stringMatching(/^(\d+[ms])+$/) as string },
  ]);

  await apply(space, POOLED_BATCH);
  expect(await kubectl(space, ['wait', 'batchsandbox/pooled-batch-sandbox', '--for=condition=AllReady', timeout()])).toContain('condition met');
  await waitFor(space, 'pool/example-pool', 'status.allocated', '3');
  await kubectl(space, ['scale', 'batchsandbox', 'pooled-batch-sandbox', '--replicas=6']);
  await waitFor(space, 'batchsandbox/pooled-batch-sandbox', 'status.ready', '6');
  await kubectl(space, ['patch', 'batchsandbox', 'pooled-batch-sandbox', '-p', '{"spec":{"replicas":2}}', '--type=merge']);
  await waitFor(space, 'batchsandbox/pooled-batch-sandbox', 'status.replicas', '2');
  await space.expectEvent('pooled-batch-sandbox', 'PodsAllocated');
  await waitFor(space, 'pool/example-pool', 'status.allocated', '2');
  expect(await kubectl(space, ['describe', 'pool', 'example-pool'])).toMatch(/^ {2}Allocated: +2$/m);
  await kubectl(space, ['delete', 'batchsandbox', 'pooled-batch-sandbox']);
  await waitFor(space, 'pool/example-pool', 'status.allocated', '0');
  await kubectl(space, ['delete', 'pool', 'example-pool']);
  expect(await kubectl(space, ['get', 'pools,batchsandboxes', '-o', 'name'])).toBe('');
});

test('the walk-through of the seeds: heterogeneous tasks', async () => {
  const space = await cluster.newSpace();
  await apply(space, TASK_POOL);
  await waitFor(space, 'pool/task-example-pool', 'status.available', '5');
  await apply(space, TASK_BATCH);
  await waitFor(space, 'batchsandbox/task-batch-sandbox', 'status.taskSucceed', '2');
  expect(rowsOf(await kubectl(space, ['get', 'batchsandbox', 'task-batch-sandbox', '-o', 'wide']))).toMatchObject([
    { DESIRED: '2', TOTAL: '2', ALLOCATED: '2', READY: '2', TASK_RUNNING: '0', TASK_SUCCEED: '2', TASK_FAILED: '0', TASK_UNKNOWN: '0', EXPIRE: '' },
  ]);
  const batch = await space.untilDelivered('task-batch-sandbox');
  const outputs = await Promise.all(
    endpointsOf(batch).map((ip, slot) => readTaskOutput(cluster.target, ip, `task-batch-sandbox-${slot}`)),
  );
  expect(outputs).toEqual(['Custom task for sandbox 1\n', 'Custom task for sandbox 2 with additional arguments\n']);
  await kubectl(space, ['delete', 'batchsandbox', 'task-batch-sandbox']);
  await waitFor(space, 'pool/task-example-pool', 'status.allocated', '0');
});

/** Its pods run nowhere. */
const UNRUN_POOL = EXAMPLE_POOL.replace(/(?= {6}containers:)/, `      schedulerName: ${NO_SCHEDULER}\n`);

test('apply says what it did: created, unchanged, configured', async () => {
  const space = await cluster.newSimulatedSpace();
  const pool = 'pool.sandbox.opensandbox.io/example-pool';
  expect(await apply(space, UNRUN_POOL)).toBe(`${pool} created\n`);
  await waitFor(space, 'pool/example-pool', 'status.available', '5');
  expect(await apply(space, UNRUN_POOL)).toBe(`${pool} unchanged\n`);
  expect(await space.kubectl(['diff', '-f', '-'], onCluster(UNRUN_POOL))).toMatchObject({ exitCode: 0, stdout: '' });
  const edited = UNRUN_POOL.replace('poolMin: 5', 'poolMin: 7');
  expect((await space.kubectl(['diff', '-f', '-'], onCluster(edited))).stdout).toMatch(/^\+ +poolMin: 7$/m);
  expect(await apply(space, edited)).toBe(`${pool} configured\n`);
  await waitFor(space, 'pool/example-pool', 'status.available', '7');
});

test('apply of a bad object fails with the path of the fault', async () => {
  const space = await cluster.newSpace();
  const bad = await space.kubectl(['apply', '-f', '-'], EXAMPLE_POOL.replace('bufferMin: 2', 'bufferMin: 12'));
  expect(bad).toMatchObject({ exitCode: 1, stdout: '' });
  expect(bad.stderr).toContain('spec.capacitySpec');
  expect(bad.stderr).toContain('at most bufferMax');
  const unknown = await space.kubectl(['apply', '-f', '-'], EXAMPLE_POOL.replace('bufferMin: 2', 'bufferMinimum: 2'));
  expect(unknown.exitCode).toBe(1);
  expect(unknown.stderr).toContain('bufferMinimum');
});

test.each([
  ['batchsandbox.spec', ['replicas', 'poolRef', 'shardTaskPatches', 'expireTime', 'taskResourcePolicyWhenCompleted']],
  ['batchsandbox.status', ['taskStates', 'allocated', 'conditions']],
  ['pool.spec.capacitySpec', ['bufferMin', 'bufferMax', 'poolMin', 'poolMax']],
])('explain describes %s', async (path, fields) => {
  const { exitCode, stdout: text } = await cluster.target.kubectl(['explain', path]);
  expect(exitCode).toBe(0);
  for (const field of fields) expect(text).toMatch(new RegExp(`^ {2}${field}\\t<[^>]+>`, 'm'));
});

test('label, annotate, create and logs work on our objects and their pods', async () => {
  const space = await cluster.newSpace();
  await space.create('BatchSandbox', 'talker', { replicas: 1, template: cluster.target.podTemplate({ command: ['sh', '-c', 'echo hello from the pod; exec sleep infinity'] }) });
  await space.untilDelivered('talker');
  await kubectl(space, ['label', 'batchsandbox', 'talker', 'team=blue']);
  await kubectl(space, ['annotate', 'batchsandbox', 'talker', 'note=kept']);
  expect(await kubectl(space, ['get', 'batchsandboxes', '-l', 'team=blue', '-o', 'jsonpath={.items[*].metadata.annotations.note}'])).toBe('kept');
  await until(async () => expect(await kubectl(space, ['logs', 'talker-0'])).toBe('hello from the pod\n')); // its pod is Ready before it has said so
  expect(await kubectl(space, ['logs', 'talker-0', '--limit-bytes=5'])).toBe('hello');
  expect(await kubectl(space, ['api-resources', '--api-group=sandbox.opensandbox.io', '-o', 'name'])).toBe(
    'batchsandboxes.sandbox.opensandbox.io\npools.sandbox.opensandbox.io\n',
  );
});
