import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CLUSTER_MARKER, findMarked } from '../../local/nodes/marked-processes';
import { until } from '../support/waiting';
import { runSandboxes, type RunningProgram, startSandboxes } from '../support/sandboxes';

let folder: string;
let env: Record<string, string>;
const programs: RunningProgram[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sandboxes-cli-'));
  mkdirSync(join(folder, 'tmp'));
  // State folders of this test only, so that tests that run beside it do not count.
  env = { TMPDIR: join(folder, 'tmp') };
});
afterEach(async () => {
  for (const { child, ended } of programs.splice(0)) {
    child.kill('SIGTERM');
    await ended;
  }
  rmSync(folder, { recursive: true });
});

interface UpAnswer {
  readonly kubeconfig: string;
  readonly server: string;
  readonly pid: number;
}

/** Starts `sandboxes up --json` and waits until it is up. */
async function up(...args: string[]): Promise<UpAnswer & { program: RunningProgram; id: string }> {
  const program = startSandboxes(['up', '--json', ...args], env);
  programs.push(program);
  const answer = await until(() => JSON.parse(program.stdout()) as UpAnswer, 30_000);
  const [id = ''] = clusterFolders();
  return { ...answer, program, id };
}

const clusterFolders = () => readdirSync(join(folder, 'tmp')).flatMap((root) => readdirSync(join(folder, 'tmp', root)));
const left = (id: string) => ({ processes: findMarked(CLUSTER_MARKER, (value) => value === id), files: readdirSync(join(folder, 'tmp')) });
const NOTHING = { processes: [], files: [] };

const POD = `
apiVersion: v1
kind: Pod
metadata: { name: sleeper }
spec:
  containers:
    - { name: main, image: busybox, command: [sleep, infinity] }
`;
const BATCH = `
apiVersion: sandbox.opensandbox.io/v1alpha1
kind: BatchSandbox
metadata: { name: dice }
spec:
  replicas: 2
  template:
    spec:
      shareProcessNamespace: true
      containers:
        - { name: main, image: busybox, command: [sleep, infinity] }
        - { name: task-executor, image: task-executor }
  taskTemplate:
    spec: { process: { command: [sh, -c, 'echo "of $HOSTNAME"; echo aside >&2'] } }
`;
const NAMESPACED = `
apiVersion: v1
kind: ConfigMap
metadata: { name: settings, namespace: team-a }
---
apiVersion: v1
kind: Namespace
metadata: { name: team-a }
`;

test.each([
  ['--help', 0, /Usage: sandboxes .*isolates nothing.*Exit codes/s],
  ['quickstart --help', 0, /--replicas .*Examples:.*sandboxes quickstart --json/s],
  ['up --help', 0, /cdk8s.yaml.*Examples:/s],
  ['status --help', 0, /--all-namespaces.*Examples:/s],
  ['logs --help', 0, /--stderr.*Examples:/s],
])('%s explains itself and ends with %i', async (line, code, text) => {
  const result = await runSandboxes(line.split(' '), env);
  expect(result).toMatchObject({ code, stdout: expect.stringMatching(text) as string, stderr: '' });
});

test.each([
  ['', /Usage: sandboxes/],
  ['down', /unknown command 'down'/],
  ['quickstart --replicas many', /expected a whole number from 1 to 1000, got 'many'/],
  ['quickstart --replicas 0', /expected a whole number from 1 to 1000, got '0'/],
  ['status -o yaml', /expected table or json, got 'yaml'/],
  ['up one two', /too many arguments/],
])('wrong usage %p ends with 2 and says what is wrong', async (line, text) => {
  const result = await runSandboxes(line.split(' ').filter((word) => word !== ''), env);
  expect(result).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(text) as string });
});

test.each([
  ['up /no/such/app', /^sandboxes: app: expected a folder or file, got '\/no\/such\/app', which does not exist\n$/],
  ['up --kubeconfig /no/such/folder/file', /^sandboxes: --kubeconfig: expected a path that can be written, got '\/no\/such\/folder\/file'/],
  ['status --kubeconfig /no/such/file', /^sandboxes: status: expected a cluster that answers, got none: .*\/no\/such\/file.*; is it running/],
  ['quickstart --input /no/such/text', /^sandboxes: input: expected a file or folder, got '\/no\/such\/text', which cannot be read/],
])('%s fails with 1, says why, and leaves nothing', async (line, text) => {
  const result = await runSandboxes([...line.split(' '), ...(line.startsWith('quickstart') ? ['--output', join(folder, 'dist')] : [])], env);
  expect(result).toMatchObject({ code: 1, stderr: expect.stringMatching(text) as string });
  expect(readdirSync(join(folder, 'tmp'))).toEqual([]);
});

test('up applies a folder of manifests in an order that works, kubectl sees them, and Ctrl-C ends it with 130', async () => {
  writeFileSync(join(folder, 'a.yaml'), NAMESPACED);
  writeFileSync(join(folder, 'b.yaml'), POD);
  const { kubeconfig, program, id } = await up(folder);
  const kubectl = (...args: string[]) => execFileSync('kubectl', [`--kubeconfig=${kubeconfig}`, ...args], { encoding: 'utf8' });
  expect(kubectl('wait', '--for=condition=Ready', 'pod/sleeper', '--timeout=60s')).toContain('condition met');
  expect(kubectl('get', 'configmap', 'settings', '-n', 'team-a', '-o', 'name')).toBe('configmap/settings\n');
  const status = await runSandboxes(['status', '-A', '--kubeconfig', kubeconfig], env);
  expect(status).toMatchObject({ code: 0, stdout: expect.stringMatching(/^NAMESPACE {3}POOL.*\n\nNAMESPACE {3}BATCH/) as string });

  program.child.kill('SIGINT');
  await expect(program.ended).resolves.toMatchObject({ code: 130 });
  expect(left(id)).toEqual(NOTHING);
});

test('logs prints what a task has written, by a request that its executor accepts', async () => {
  writeFileSync(join(folder, 'batch.yaml'), BATCH);
  const { kubeconfig } = await up(join(folder, 'batch.yaml'));
  execFileSync('kubectl', [`--kubeconfig=${kubeconfig}`, 'wait', '--for=jsonpath={.status.taskSucceed}=2', 'batchsandbox/dice', '--timeout=60s']);
  const logs = (...args: string[]) => runSandboxes(['logs', ...args, '--kubeconfig', kubeconfig], env);
  expect(await logs('dice-1')).toMatchObject({ code: 0, stdout: 'of dice-1\n', stderr: '' });
  expect(await logs('dice-1', '--stderr')).toMatchObject({ code: 0, stdout: 'aside\n', stderr: '' });
  expect(await logs('dice-2')).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining("task 'dice-2': expected a sandbox with an address, got none") as string });
  expect(await logs('dice')).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining("expected a task such as dice-0, the name of a batch and a slot, got 'dice'") as string });
});

test('up synthesizes a cdk8s app first', async () => {
  writeFileSync(join(folder, 'cdk8s.yaml'), 'language: typescript\napp: node main.js\noutput: out\n');
  writeFileSync(join(folder, 'main.js'), `const fs = require('node:fs'); fs.mkdirSync(process.env.CDK8S_OUTDIR); fs.writeFileSync(process.env.CDK8S_OUTDIR + '/pod.k8s.yaml', ${JSON.stringify(POD)});`);
  const { kubeconfig } = await up(folder);
  expect(existsSync(join(folder, 'out', 'pod.k8s.yaml'))).toBe(true);
  expect(execFileSync('kubectl', [`--kubeconfig=${kubeconfig}`, 'get', 'pods', '-o', 'name'], { encoding: 'utf8' })).toBe('pod/sleeper\n');
});

test('up shows what an app says that fails, ends with 1 and leaves nothing', async () => {
  writeFileSync(join(folder, 'main.js'), `console.error("SandboxPool 'web/warm': two problems"); process.exit(1);`);
  const result = await runSandboxes(['up', folder], env);
  expect(result).toMatchObject({ code: 1, stderr: expect.stringMatching(/^(?!.*two problems.*two problems).*SandboxPool 'web\/warm': two problems/s) as string });
  expect(readdirSync(join(folder, 'tmp'))).toEqual([]);
});

test('up lists every manifest that the cluster refuses', async () => {
  writeFileSync(join(folder, 'bad.yaml'), `${POD.replace('busybox', "''")}---\napiVersion: example.com/v1\nkind: Unknown\nmetadata: { name: u }\n`);
  const result = await runSandboxes(['up', join(folder, 'bad.yaml')], env);
  expect(result).toMatchObject({ code: 1, stderr: expect.stringMatching(/apply: 2 problems: .*Pod 'sleeper'.*Unknown 'u': kind: expected one that the cluster serves/) as string });
});

test('up writes a kubeconfig where it is told, not over one that is not its own, and takes it away again', async () => {
  const own = join(folder, 'kubeconfig');
  const { program } = await up('--kubeconfig', own);
  expect(existsSync(own)).toBe(true);
  program.child.kill('SIGTERM');
  await expect(program.ended).resolves.toMatchObject({ code: 143 });
  expect(existsSync(own)).toBe(false);

  writeFileSync(own, 'apiVersion: v1\nkind: Config\n');
  const refused = await runSandboxes(['up', '--kubeconfig', own], env);
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('which is not ours') as string });
});

test('kill -9 leaves nothing: the reaper ends every process and removes the files', async () => {
  writeFileSync(join(folder, 'pod.yaml'), POD);
  const { program, id } = await up(join(folder, 'pod.yaml'));
  await until(() => expect(left(id).processes.length).toBeGreaterThanOrEqual(2));
  program.child.kill('SIGKILL');
  await program.ended;
  await until(() => expect(left(id)).toEqual(NOTHING));
});

test('the next start removes what is left when the reaper was killed too', async () => {
  writeFileSync(join(folder, 'pod.yaml'), POD);
  const { program, id } = await up(join(folder, 'pod.yaml'));
  await until(() => expect(left(id).processes.length).toBeGreaterThanOrEqual(2));
  for (const pid of reapersOf(id)) process.kill(pid, 'SIGKILL');
  program.child.kill('SIGKILL');
  await program.ended;
  expect(left(id).processes).not.toEqual([]);
  await runSandboxes(['status', '--kubeconfig', '/no/such/file'], env);
  expect(left(id)).toEqual(NOTHING);
});

function reapersOf(id: string): number[] {
  return execFileSync('ps', ['-eo', 'pid,args'], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => line.includes(`reap-cluster`) && line.includes(id))
    .map((line) => Number.parseInt(line, 10));
}
