import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { buildSync } from 'esbuild';
import { packageRoot } from '../../local/programs';
import { type NodeCluster, startNodeCluster } from './real-cluster';
import { runKubectl } from '../support/run-kubectl';
import { until } from '../support/waiting';
import { TestImage } from '../images/test-images';
import { auditOf } from './audit';
import { runOk } from '../support/run-ok';
import { runOnNode } from './node/run-on-node';
import { type NodeTraces, processesOn, remainsOf } from './node/remains';
import { BUILD_TIMEOUT_MS } from './programs';

/** Longest start or end of a cluster on a busy machine, in ms. */
const CLUSTER_TIMEOUT_MS = 240_000;
/** Settings of the kernel that a node needs otherwise than most machines have them. */
const SETTINGS = ['/proc/sys/vm/overcommit_memory', '/proc/sys/kernel/panic', '/proc/sys/net/ipv4/ip_forward'];

let settingsOfMachine: string;
let cluster: NodeCluster;

beforeAll(async () => {
  settingsOfMachine = await runOk('cat', SETTINGS);
  cluster = await startNodeCluster();
}, BUILD_TIMEOUT_MS);

afterAll(() => cluster?.stop(), CLUSTER_TIMEOUT_MS);

const kubectl = (args: readonly string[], input?: string, of = cluster) => runKubectl(of, args, input);

const container = (name: string, script: string) => ({ name, image: TestImage.main, command: ['sh', '-c', script] });
const READY_PROBE = { tcpSocket: { port: 80 }, periodSeconds: 1 };

/** A pod whose main container says hello and sleeps, and whose other one serves HTTP; both see each other's processes. */
const podOfTwo = (name: string) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: {
    shareProcessNamespace: true,
    terminationGracePeriodSeconds: 0,
    containers: [container('main', 'echo hello; exec sleep 1000000'), { ...container('web', 'exec httpd -f -p 80'), readinessProbe: READY_PROBE }],
  },
});

async function runPod(name: string, of = cluster): Promise<string> {
  await kubectl(['apply', '--filename=-'], JSON.stringify(podOfTwo(name)), of);
  expect(await kubectl(['wait', `pod/${name}`, '--for=condition=Ready', '--timeout=110s'], '', of)).toMatchObject({ exitCode: 0 });
  return (await kubectl(['get', `pod/${name}`, '--output=jsonpath={.status.podIP}'], '', of)).stdout;
}

const tracesOf = ({ folder: path, node: { network, pid } }: { readonly folder: string; readonly node: Pick<NodeCluster['node'], 'network' | 'pid'> }): NodeTraces => ({
  id: basename(path),
  network,
  processes: processesOn(pid),
});

describe('a pod of two containers', () => {
  let address: string;
  beforeAll(async () => {
    address = await runPod('two');
  }, CLUSTER_TIMEOUT_MS);

  test('is reached at its address from the machine', async () => {
    expect((await fetch(`http://${address}/`)).status).toBe(404); // nothing is in the folder it serves
  });

  test('reaches the API server at the address of the Service kubernetes', async () => {
    const call = 'echo GET / | nc -w 5 "$KUBERNETES_SERVICE_HOST" "$KUBERNETES_SERVICE_PORT"';
    // How it answers a client without TLS, which busybox has not.
    expect(await kubectl(['exec', 'two', '--container=main', '--', 'sh', '-c', call])).toMatchObject({ stdout: expect.stringContaining('Client sent an HTTP request to an HTTPS server') });
  });

  test('reaches nothing beyond the machine, and no name server', async () => {
    const call = (command: string) => kubectl(['exec', 'two', '--container=main', '--', 'sh', '-c', command]);
    // 198.51.100.0/24 is for documentation: nothing is there.
    expect(await call('echo | nc -w 10 198.51.100.1 80')).toMatchObject({ stderr: expect.stringMatching(/unreachable|No route/) });
    expect(await call('nslookup kubernetes.default')).toMatchObject({ stdout: expect.stringContaining('no servers could be reached') });
  });

  test('shows its output by kubectl logs', async () => {
    await until(async () => expect(await kubectl(['logs', 'two', '--container=main'])).toMatchObject({ stdout: 'hello\n' }));
  });

  test('shares its processes by kubectl exec', async () => {
    const { stdout } = await kubectl(['exec', 'two', '--container=main', '--', 'ps']);
    expect(stdout).toMatch(/^ +1 .*catatonit -P$[^]*sleep 1000000$[^]*httpd -f -p 80$/m);
  });

  test('has the exit code of a program that kubectl exec ran', async () => {
    expect(await kubectl(['exec', 'two', '--container=main', '--', 'sh', '-c', 'exit 7'])).toMatchObject({ exitCode: 7 });
  });

  test('has no zombies: its first process reaps what lost its parent', async () => {
    const inMain = async (script: string) => (await kubectl(['exec', 'two', '--container=main', '--', 'sh', '-c', script])).stdout;
    const listProcesses = () => inMain('ls -d /proc/[0-9]* | wc -l'); // a zombie is one of them
    await until(async () => {
      const count = await listProcesses();
      await inMain('(true &)');
      expect(await listProcesses()).toBe(count);
    });
  });

  test('is reached by kubectl port-forward', async () => {
    const args = ['kubectl', `--kubeconfig=${cluster.kubeconfigPath}`, 'port-forward', '--address=127.0.0.1', 'pod/two', ':80'];
    const forward = spawn(cluster.program, args, { env: { HOME: cluster.folder }, stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      const [line] = (await once(createInterface(forward.stdout), 'line')) as [string];
      const port = /127\.0\.0\.1:(\d+)/.exec(line)?.[1];
      expect((await fetch(`http://127.0.0.1:${String(port)}/`)).status).toBe(404);
    } finally {
      forward.kill();
      await once(forward, 'exit');
    }
  });
});

test('the node has room for hundreds of pods, on however few processors', async () => {
  expect((await kubectl(['get', 'node', 'node-0', '--output=jsonpath={.status.allocatable.cpu} {.status.allocatable.pods}'])).stdout).toBe('64 500');
});

test('the kubelet may change its own node and no other', async () => {
  const label = (node: string) => kubectl([`--kubeconfig=${join(cluster.folder, 'kubelet.kubeconfig')}`, 'label', 'node', node, 'a=b']);
  await kubectl(['apply', '--filename=-'], JSON.stringify({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'other' }, spec: { unschedulable: true } }));
  expect(await label('other')).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('only its own Node object') });
  expect(await label('node-0')).toMatchObject({ exitCode: 0 });
});

test('what a user did is in the audit log, with its outcome', async () => {
  const token = (await kubectl(['create', 'token', 'default'])).stdout.trim();
  await kubectl([`--token=${token}`, 'delete', 'pod', 'unknown']);
  const user = 'system:serviceaccount:default:default';
  const [refused] = (await auditOf(cluster)).filter((request) => request.user === user && request.verb !== 'get');
  expect(refused).toEqual({ user, credential: expect.stringMatching(/^JTI=/), verb: 'delete', resource: 'pods', subresource: '', namespace: 'default', name: 'unknown', preconditionUID: '', code: 403, isOver: true, isForbidden: true, isTooLate: false });
});

test('the machine keeps its own settings, which a kubelet would change', async () => {
  expect(await runOnNode(cluster.node, ['cat', ...SETTINGS])).toMatch(/^1\n?10\n?1$/m);
  expect(await runOk('cat', SETTINGS)).toBe(settingsOfMachine);
});

test('runs beside a second one, which leaves nothing when the process that started it is killed, and the first one as it was', async () => {
  const owner = join(packageRoot(), 'test', '.tmp', `owner-${process.pid}.js`);
  buildSync({ entryPoints: [join(__dirname, 'owner.ts')], bundle: true, platform: 'node', outfile: owner, logLevel: 'error' });
  const child = spawn(process.execPath, [owner], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
    const second = JSON.parse(line) as NodeCluster;
    const [first, other] = [await runPod('first'), await runPod('other', second)];
    for (const address of [first, other]) expect((await fetch(`http://${address}/`)).status).toBe(404);
    const traces = tracesOf(second);
    expect(await remainsOf(traces)).not.toEqual([]);
    child.kill('SIGKILL');
    await until(async () => expect(await remainsOf(traces)).toEqual([]));
    expect((await fetch(`http://${first}/`)).status).toBe(404);
  } finally {
    child.kill('SIGKILL');
    await rm(owner, { force: true });
  }
}, CLUSTER_TIMEOUT_MS);

test('leaves nothing after stop', async () => {
  const traces = tracesOf(cluster);
  expect(await remainsOf(traces)).not.toEqual([]);
  await cluster.stop();
  expect(await remainsOf(traces)).toEqual([]);
}, CLUSTER_TIMEOUT_MS);
