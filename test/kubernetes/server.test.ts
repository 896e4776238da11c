import { ConnectionConfig, Sandbox, SandboxManager } from '@alibaba-group/opensandbox';
import { SERVER_ACCESS, SERVER_CLUSTER_ACCESS } from '../../src/schema/access';
import { executorSettings } from '../../src/schema/executor-settings';
import type { PodTemplateSpec } from '../../src/schema/kubernetes';
import { EXECUTOR_CONTAINER, Port } from '../../src/schema/names';
import { fixedPool } from '../support/pool-spec';
import { describeSeedExamples } from '../support/seed-examples';
import { endpointsOf, Space } from '../support/space';
import type { Target } from '../support/target';
import { until } from '../support/waiting';
import { sharedCluster, targetOf } from '../targets/kubernetes-cluster';
import { EXECUTOR_TOKEN, type ServerOnNode, startServerOnNode } from '../targets/server-on-node';

/** The public SDK, as npm has it, against the server that SandboxRuntime renders, on a node: real containers, real service accounts, the real authorizer. */

/** A server that is asked for first needs its image unpacked. */
const SET_UP_MS = 240_000;
const POOL = 'agent-pool';
/** Of a registry that nobody asks. */
const PASSWORD = 'password-of-a-registry';
/** What every executor asks for. */
const TOKEN = 'token-of-executors';
const WAYS = [
  ['to the address of the pod', false],
  ['through the proxy of the server', true],
] as const;

let target: Target;
let space: Space;
let server: ServerOnNode;

beforeAll(async () => {
  const cluster = await sharedCluster();
  target = targetOf(cluster);
  space = await Space.create(target);
  // One pod for all tests: it comes back as it is.
  await space.create('Pool', POOL, fixedPool(1, withToken(target.podTemplate({ executor: true })), { recycleStrategy: { type: 'Noop' } }));
  server = await startServerOnNode(cluster, { namespace: space.namespace, executorToken: TOKEN });
}, SET_UP_MS);

afterAll(async () => {
  await server?.stop();
  await space?.drop(); // the end of the run waits for it
  await target?.stop();
}, SET_UP_MS);

// The pod is idle once no sandbox is there that holds it; the counts of the pool may be of before.
beforeEach(async () => {
  await until(async () => expect(await space.list('BatchSandbox')).toEqual([]));
  await space.untilWarm(POOL, 1);
}, SET_UP_MS);

/** The executor gets its token as the constructs say it. */
function withToken({ spec, ...template }: PodTemplateSpec): PodTemplateSpec {
  const variable = { name: executorSettings.table.accessToken.env, valueFrom: { secretKeyRef: { name: EXECUTOR_TOKEN, key: 'token' } } };
  return { ...template, spec: { ...spec, containers: spec?.containers?.map((container) => (container.name === EXECUTOR_CONTAINER ? { ...container, env: [...(container.env ?? []), variable] } : container)) } };
}

const connection = (useServerProxy: boolean) => new ConnectionConfig({ domain: server.domain, apiKey: server.apiKey, useServerProxy });

/** @param prefer answers of creates do not wait, unless something else is preferred */
async function ask<T = unknown>(method: string, path: string, body?: object, prefer = 'respond-async'): Promise<{ readonly status: number; readonly body: T }> {
  const headers = { 'open-sandbox-api-key': server.apiKey, prefer };
  const answer = await fetch(`http://${server.domain}/v1${path}`, { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) });
  const text = await answer.text();
  const isJson = answer.headers.get('content-type')?.startsWith('application/json') === true;
  return { status: answer.status, body: (isJson ? JSON.parse(text) : text) as T };
}

test.each(WAYS)('%s, the SDK makes a sandbox, connects to it, lists it, runs commands in it, has files there, renews it and ends it (L7)', async (way, useServerProxy) => {
  const connectionConfig = connection(useServerProxy);
  const metadata = { way: way.replaceAll(' ', '-') };
  const made = await Sandbox.create({ connectionConfig, image: target.imageFor('python:3.11'), extensions: { poolRef: POOL }, metadata, env: { [`WAY_${useServerProxy}`]: 'taken' } });
  expect((await made.commands.run('env | grep ^WAY_')).logs.stdout.map(({ text }) => text)).toEqual([`WAY_${useServerProxy}=taken`]); // and nothing of the one before
  const address = `${endpointsOf(await space.get('BatchSandbox', made.id))[0]}:${Port.execd}`;
  expect((await made.getEndpoint(Port.execd)).endpoint).toBe(useServerProxy ? `${server.domain}/v1/sandboxes/${made.id}/proxy/${Port.execd}` : address);

  expect((await made.getEndpoint(Port.execd)).headers).toMatchObject({ 'X-EXECD-ACCESS-TOKEN': TOKEN });
  expect((await fetch(`http://${address}/ping`)).status).toBe(401);
  expect(JSON.stringify(await space.list('Pod')) + JSON.stringify(await space.list('BatchSandbox'))).not.toContain(TOKEN);

  const sandbox = await Sandbox.connect({ connectionConfig, sandboxId: made.id });
  const manager = SandboxManager.create({ connectionConfig });
  const listed = async () => (await manager.listSandboxInfos({ states: ['Running'], metadata })).items.map(({ id }) => id);
  expect(await listed()).toEqual([made.id]);

  const lines: string[] = [];
  const run = await sandbox.commands.run('id -u; cat index.html; seq 1 1000; echo wrong >&2; exit 3', { workingDirectory: '/www' }, { onStdout: ({ text }) => void lines.push(text) });
  expect([run.exitCode, run.logs.stderr.map(({ text }) => text)]).toEqual([3, ['wrong']]);
  expect([lines.length, lines.slice(0, 2), lines.at(-1)]).toEqual([1002, ['0', 'a sandbox of a test'], '1000']);

  const path = `/work/${metadata.way}.txt`;
  await sandbox.files.writeFiles([{ path, data: 'hello\n', mode: 640 }]);
  expect((await sandbox.commands.run(`stat -c '%a %u' ${path}; cat ${path}`)).logs.stdout.map(({ text }) => text)).toEqual(['640 0', 'hello']);
  expect(await sandbox.files.readFile(path, { range: 'bytes=1-3' })).toBe('ell');
  expect((await sandbox.files.search({ path: '/work', pattern: '*.txt' })).map((file) => file.path)).toContain(path);
  await sandbox.files.deleteFiles([path]);
  await expect(sandbox.files.readFile(path)).rejects.toMatchObject({ statusCode: 404 });
  expect(await sandbox.metrics.getMetrics()).toMatchObject({ cpuCount: expect.any(Number) as number });

  const { expiresAt } = await sandbox.renew(3_600);
  expect((await made.getInfo()).expiresAt).toEqual(expiresAt);
  await sandbox.kill();
  await until(async () => expect(await listed()).toEqual([]));
  await Promise.all([made, sandbox, manager].map((each) => each.close()));
});

describeSeedExamples(() => ({ connectionConfig: connection(false), imageFor: (name) => target.imageFor(name) }));

test('the server uses each right that its service account has, is refused nothing, and tells at once what the cluster has no room for (L19, L48, L49)', async () => {
  const sandbox = await Sandbox.create({ connectionConfig: connection(false), image: target.imageFor('python:3.11'), extensions: { poolRef: POOL } });
  const diagnose = (part: string) => ask('GET', `/sandboxes/${sandbox.id}/diagnostics/${part}`);
  expect(await diagnose('logs?scope=all')).toMatchObject({ status: 200, body: { content: expect.stringContaining('listening') as string } }); // what its executor has written
  expect(await diagnose('inspect')).toMatchObject({ status: 200, body: expect.stringMatching(/^pod: agent-pool-/m) as string });
  const isTold = await space.expectEvent(sandbox.id, 'PodsAllocated');
  expect(await diagnose('events')).toMatchObject({ status: 200, body: expect.stringContaining(isTold ? 'PodsAllocated' : '') as string });
  expect((await ask('GET', '/sandboxes/none')).status).toBe(404);
  await sandbox.kill();
  await sandbox.close();

  const capacitySpec = { bufferMin: 0, bufferMax: 0, poolMin: 0, poolMax: 1 };
  expect((await ask('POST', '/pools', { name: 'rest', template: { spec: { containers: [{ name: 'main', image: 'none' }] } }, capacitySpec })).status).toBe(201);
  expect((await ask('PUT', '/pools/rest', { capacitySpec: { ...capacitySpec, poolMax: 2 } })).status).toBe(200);
  expect((await ask('DELETE', '/pools/rest')).status).toBe(204);
  expect((await ask('GET', '/pools/none')).status).toBe(404);

  // No node has that volume, so its pod runs nothing.
  const volume = { name: 'data', mountPath: '/data', pvc: { claimName: 'data', deleteOnSandboxTermination: true } };
  const image = { uri: 'registry.example/app:1', auth: { username: 'u', password: PASSWORD } };
  const held = await ask<{ readonly id: string }>('POST', '/sandboxes', { image, entrypoint: ['true'], resourceLimits: { cpu: '1' }, volumes: [volume] });
  expect(held).toMatchObject({ status: 202, body: { status: { state: 'Pending' } } });
  const companions = async () => {
    const { stdout } = await space.kubectl(['get', 'secrets,persistentvolumeclaims', '--output=name']);
    return stdout.split('\n').filter((name) => name.includes(held.body.id) || name.endsWith('/data'));
  };
  expect(await companions()).toHaveLength(2);
  expect((await ask('DELETE', `/sandboxes/${held.body.id}`)).status).toBe(204);
  await until(async () => expect(await companions()).toEqual([])); // by the garbage collector of Kubernetes

  // Kubernetes refuses what no node or quota has room for, and nothing is started.
  const simple = { image: { uri: 'none' }, entrypoint: ['true'], resourceLimits: { cpu: '1' } };
  const platform = { os: 'linux', arch: process.arch === 'arm64' ? 'amd64' : 'arm64' };
  expect(await ask('POST', '/sandboxes', { ...simple, platform })).toMatchObject({ status: 400, body: { code: 'SANDBOX::INVALID_PARAMETER' } });
  const quotas = `/api/v1/namespaces/${space.namespace}/resourcequotas`;
  const quota = { apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name: 'no-more' }, spec: { hard: { pods: '0' } } };
  expect((await target.request('POST', quotas, quota)).status).toBe(201);
  try {
    await until(async () => expect((await target.request('GET', `${quotas}/no-more`)).body).toMatchObject({ status: { hard: { pods: '0' } } }));
    expect(await ask('POST', '/sandboxes', simple, '')).toMatchObject({ status: 403, body: { code: 'KUBERNETES::QUOTA_EXCEEDED', message: expect.stringContaining("quota 'no-more'") as string } });
  } finally {
    await target.request('DELETE', `${quotas}/no-more`);
  }

  const requests = (await server.requests()).filter(({ resource }) => resource !== '');
  const used = requests.map(({ verb, resource, subresource }) => `${verb} ${subresource === '' ? resource : `${resource}/${subresource}`}`);
  const granted = [...SERVER_ACCESS, ...SERVER_CLUSTER_ACCESS].flatMap(({ resources, verbs }) => resources.flatMap((resource) => verbs.map((verb) => `${verb} ${resource}`)));
  expect([...new Set(used)].sort()).toEqual([...new Set(granted)].sort());
  expect(requests.filter(({ isForbidden, code, namespace }) => isForbidden || code === 403 || ![space.namespace, ''].includes(namespace))).toEqual([]);
  expect([...new Set(requests.filter(({ namespace }) => namespace === '').map(({ resource }) => resource))]).toEqual(['nodes']);
});

test('nothing is left of the sandboxes, and the log of the server has neither their passwords and tokens nor its key (L8)', async () => {
  await until(async () => {
    expect(await space.list('BatchSandbox')).toEqual([]);
    expect((await space.list('Pod')).map(({ metadata }) => metadata.ownerReferences?.map(({ kind }) => kind))).toEqual([['Pool']]);
  });
  const lines = (await server.log()).trim().split('\n').map((line) => JSON.parse(line) as { readonly level: string; readonly msg: string });
  expect(lines.map(({ msg }) => msg)).toEqual(expect.arrayContaining(['serving', 'write']));
  expect(lines.filter(({ level }) => level !== 'info')).toEqual([]);
  expect([server.apiKey, PASSWORD, TOKEN].filter((secret) => JSON.stringify(lines).includes(secret))).toEqual([]);
});
