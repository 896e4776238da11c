import { existsSync } from 'node:fs';
import { mkdir, rmdir } from 'node:fs/promises';
import { basename } from 'node:path';
import { CLUSTER_MARKER, findMarked } from '../../local/nodes/marked-processes';
import { runKubectl } from '../support/run-kubectl';
import { until } from '../support/waiting';
import { auditOf } from './audit';
import { kubernetesVersion } from './programs';
import { type ControlPlane, startControlPlane } from './real-cluster';

/** Defines the tests of what a control plane with a simulated node offers. */
export function describeControlPlane(connect: () => ControlPlane): void {
  const kubectl = (args: readonly string[], input?: string, of = connect()) => runKubectl(of, args, input);

  test('has the release of Kubernetes that go.mod names, in server and kubectl', async () => {
    const { stdout } = await kubectl(['version', '--output=json']);
    const gitVersion = kubernetesVersion();
    expect(JSON.parse(stdout)).toMatchObject({ clientVersion: { gitVersion }, serverVersion: { gitVersion } });
  });

  test('refuses a client whose token it does not know', async () => {
    const { exitCode, stderr } = await kubectl(['--token=unknown', 'get', 'pods']);
    expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: expect.stringContaining('You must be logged in to the server') });
  });

  test('gives a service account only the rights that a role grants', async () => {
    const token = (await kubectl(['create', 'token', 'default'])).stdout.trim();
    const listPods = () => kubectl([`--token=${token}`, 'get', 'pods']);
    expect(await listPods()).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('forbidden') });
    await kubectl(['create', 'role', 'reader', '--verb=list', '--resource=pods']);
    await kubectl(['create', 'rolebinding', 'reader', '--role=reader', '--serviceaccount=default:default']);
    await until(async () => expect(await listPods()).toMatchObject({ exitCode: 0 }));
  });

  test('schedules a pod on a simulated node, where it is Ready at an address of 127.250.0.0/16, and deletes it with its owner', async () => {
    const template = { metadata: { labels: { app: 'a' } }, spec: { containers: [{ name: 'main', image: 'none' }] } };
    const deployment = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'a' }, spec: { selector: { matchLabels: { app: 'a' } }, template } };
    await kubectl(['apply', '--filename=-'], JSON.stringify(deployment));
    expect(await kubectl(['wait', 'deployment/a', '--for=condition=Available', '--timeout=60s'])).toMatchObject({ exitCode: 0 });
    expect((await kubectl(['get', 'pods', '--output=jsonpath={.items[*].status.podIP}'])).stdout).toMatch(/^127\.250\.\d+\.\d+$/);
    await kubectl(['delete', 'deployment/a', '--cascade=foreground', '--timeout=60s']);
    expect((await kubectl(['get', 'pods', '--output=name'])).stdout).toBe('');
  });

  test("has the writes of Kubernetes' own parts in the audit log, but for Events, which are most of them", async () => {
    await kubectl(['run', 'seen', '--image=none']);
    await until(async () => expect(await kubectl(['events', '--for=pod/seen'])).toMatchObject({ stdout: expect.stringContaining('Scheduled') }));
    const byScheduler = (await auditOf(connect())).filter(({ user }) => user === 'system:kube-scheduler');
    expect(byScheduler).toContainEqual(expect.objectContaining({ verb: 'create', resource: 'pods', subresource: 'binding', name: 'seen', code: 201 }));
    expect(byScheduler.filter(({ resource }) => resource === 'events')).toEqual([]);
  });

  test('keeps a simulated node alive by a lease', async () => {
    const lease = ['get', 'lease', 'simulated-0', '--namespace=kube-node-lease', '--output=jsonpath={.spec.leaseDurationSeconds}'];
    await until(async () => expect(await kubectl(lease)).toMatchObject({ exitCode: 0, stdout: '40' }));
  });

  test('runs beside a second one, which shares nothing with it, leaves no process and no file at its end, and fails to end when cgroups stay', async () => {
    const second = await startControlPlane();
    const id = basename(second.folder);
    const isOfSecond = (marker: string) => marker === id;
    await kubectl(['create', 'configmap', 'mine']);
    expect(await kubectl(['get', 'configmap', 'mine'], '', second)).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('not found') });
    expect(findMarked(CLUSTER_MARKER, isOfSecond)).toHaveLength(4);
    const group = `/sys/fs/cgroup/pids/cdk8s-sandboxes-${id}`;
    await mkdir(group);
    try {
      await expect(second.stop()).rejects.toThrow(`cluster '${id}': expected no cgroups of its node, got some after its end`);
    } finally {
      await rmdir(group);
    }
    expect(findMarked(CLUSTER_MARKER, isOfSecond)).toEqual([]);
    expect(existsSync(second.folder)).toBe(false);
    expect(await kubectl(['get', 'configmap', 'mine'])).toMatchObject({ exitCode: 0 });
  });
}
