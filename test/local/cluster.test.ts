import { existsSync } from 'node:fs';
import { type Cluster, startCluster } from '../../local/cluster';
import { CLUSTER_MARKER, findMarked } from '../../local/nodes/marked-processes';
import { namespacedType, PODS } from '../../operator/kube/resource-types';
import type { PodSpec } from '../../src/schema/kubernetes';
import { until } from '../support/waiting';

const path = process.env.PATH ?? '';
const clusters: Cluster[] = [];
const EXECUTOR = {
  image: 'task-executor',
  name: 'task-executor',
  env: [{ name: 'ALLOW_UNAUTHENTICATED', value: 'true' }],
  readinessProbe: { httpGet: { path: '/health', port: 5758 } },
};
const MAIN = { name: 'main', image: 'busybox', command: ['sleep', 'infinity'] };

async function start(options: Partial<Parameters<typeof startCluster>[0]> = {}): Promise<Cluster> {
  const cluster = await startCluster({ path, operator: false, ...options });
  clusters.push(cluster);
  return cluster;
}
afterEach(async () => {
  await Promise.all(clusters.splice(0).map((cluster) => cluster.stop()));
});

const createPod = (cluster: Cluster, name: string, spec: PodSpec) => cluster.api.create(PODS, { metadata: { name, namespace: 'default' }, spec });
const getPod = (cluster: Cluster, name: string) => cluster.api.get(PODS, { namespace: 'default', name });
const isReady = async (cluster: Cluster, name: string) => {
  const pod = await getPod(cluster, name);
  expect(pod.status?.conditions).toContainEqual(expect.objectContaining({ type: 'Ready', status: 'True' }));
  return pod;
};
const processesOf = ({ id }: Cluster) => findMarked(CLUSTER_MARKER, (value) => value === id);

test('two clusters run side by side on addresses of their own, and the end of one leaves the other', async () => {
  const [one, two] = await Promise.all([start(), start()]);
  expect(one.server.url).not.toBe(two.server.url);
  await Promise.all([createPod(one, 'a', { containers: [MAIN] }), createPod(two, 'a', { containers: [MAIN] })]);
  const pods = await until(() => Promise.all([isReady(one, 'a'), isReady(two, 'a')]));
  expect(new Set(pods.map(({ status }) => status?.podIP?.split('.')[1])).size).toBe(2);
  await one.stop();
  expect({ processes: processesOf(one), folder: existsSync(one.folder) }).toEqual({ processes: [], folder: false });
  expect(processesOf(two)).toHaveLength(1);
});

test('a pod with the task executor answers on its own address and runs a task beside the main container', async () => {
  const cluster = await start({ nodes: 2 });
  await createPod(cluster, 'sandbox', { containers: [{ ...MAIN, env: [{ name: 'GREETING', value: 'hello' }] }, EXECUTOR] });
  const { status } = await until(() => isReady(cluster, 'sandbox'));
  const executor = `http://${status?.podIP ?? ''}:5758`;
  const task = { name: 't', process: { command: ['sh', '-c', 'echo $GREETING $(basename $PWD)'] } };
  await fetch(`${executor}/setTasks`, { method: 'POST', body: JSON.stringify([task]) });
  await until(async () => {
    const answer = await fetch(`${executor}/tasks/t/logs?stream=stdout`);
    await expect(answer.text()).resolves.toBe('hello main\n');
  });
});

test('a deleted pod is gone with all its processes, and a pod that ignores TERM after its grace time', async () => {
  const cluster = await start();
  const stubborn = { name: 'main', image: 'busybox', command: ['sh', '-c', 'trap "" TERM; setsid sleep 1000 & while :; do sleep 0.01; done'] };
  await createPod(cluster, 'a', { containers: [stubborn] });
  await until(() => isReady(cluster, 'a'));
  await cluster.api.delete(PODS, { namespace: 'default', name: 'a' }, { gracePeriodSeconds: 1 });
  await until(() => expect(getPod(cluster, 'a')).rejects.toMatchObject({ status: 404 }));
  expect(processesOf(cluster)).toEqual([]);
});

test('a pod that is made again under its name is another pod', async () => {
  const cluster = await start();
  const first = await createPod(cluster, 'a', { containers: [MAIN] });
  await until(() => isReady(cluster, 'a'));
  await cluster.api.delete(PODS, { namespace: 'default', name: 'a' }, { gracePeriodSeconds: 0 });
  const second = await until(() => createPod(cluster, 'a', { containers: [MAIN] }));
  expect(second.metadata.uid).not.toBe(first.metadata.uid);
  await until(() => isReady(cluster, 'a'));
  await until(() => expect(processesOf(cluster)).toHaveLength(1));
});

test('a pod whose containers have ended shows how', async () => {
  const cluster = await start();
  await createPod(cluster, 'done', { restartPolicy: 'Never', containers: [{ ...MAIN, command: ['sh', '-c', 'exit 7'] }] });
  await until(async () => {
    const { status } = await getPod(cluster, 'done');
    expect(status).toMatchObject({ phase: 'Failed', containerStatuses: [{ state: { terminated: { exitCode: 7, reason: 'Error' } } }] });
  });
});

test('a warning about a container without a command is an event of its pod', async () => {
  const cluster = await start();
  await createPod(cluster, 'a', { containers: [{ name: 'main', image: 'nginx' }] });
  await until(async () => {
    const events = await cluster.api.list(namespacedType('v1', 'Event', 'events'), { namespace: 'default' });
    expect(events.items).toContainEqual(expect.objectContaining({ type: 'Warning', reason: 'NoImages', involvedObject: expect.objectContaining({ kind: 'Pod', name: 'a' }) as object }));
  });
});

test('an operator that was killed is started again', async () => {
  const cluster = await start({ operator: true });
  const pid = cluster.operatorPid();
  process.kill(pid ?? 0, 'SIGKILL');
  await until(() => expect(cluster.operatorPid() ?? pid).not.toBe(pid));
});
