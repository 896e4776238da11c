import { Agent, request } from 'undici';
import { type ApiServer, createApiServer } from '../../../local/api/server';
import { allCrds } from '../../../src/schema/crds';
import { until } from '../../support/waiting';

let server: ApiServer;
let agent: Agent;

beforeEach(async () => {
  server = await createApiServer({ logs: ({ pod, container }) => (container === 'main' ? linesOf(pod) : undefined) });
  agent = new Agent({ connect: { ca: server.ca } });
});

afterEach(async () => {
  await agent.destroy();
  await server.close();
});

async function* linesOf(pod: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(`first of ${pod}\n`);
  yield Buffer.from('second\n');
}

async function call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
  const answer = await request(server.url + path, {
    method,
    dispatcher: agent,
    headers: { authorization: `Bearer ${server.token}`, 'content-type': 'application/json', ...headers },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  return { code: answer.statusCode, headers: answer.headers, text: await answer.body.text() };
}

const configMaps = '/api/v1/namespaces/default/configmaps';

test.each([
  ['no token', ''],
  ['another token', 'Bearer wrong'],
  ['another scheme', 'Basic wrong'],
])('a request with %s is refused, a health check is not', async (_, authorization) => {
  expect((await call('GET', '/api', undefined, { authorization })).code).toBe(401);
  expect((await call('GET', '/readyz', undefined, { authorization })).code).toBe(200);
});

test('its certificate is the one that clients are told to trust', async () => {
  const stranger = new Agent();
  await expect(request(server.url, { dispatcher: stranger })).rejects.toMatchObject({ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
  await stranger.destroy();
});

test('counts writes by verb and by object, without dry runs and refusals', async () => {
  await call('POST', configMaps, { metadata: { name: 'a' } });
  await call('POST', `${configMaps}?dryRun=All`, { metadata: { name: 'b' } });
  await call('POST', configMaps, { metadata: { name: 'a' } });
  await call('PATCH', `${configMaps}/a`, { data: { x: '1' } }, { 'content-type': 'application/merge-patch+json' });
  await call('DELETE', `${configMaps}/a`);
  const want = {
    total: 3,
    refused: 1,
    byVerb: { 'create configmaps': 1, 'patch configmaps': 1, 'delete configmaps': 1 },
    byObject: { 'create configmaps default/a': 1, 'patch configmaps default/a': 1, 'delete configmaps default/a': 1 },
  };
  expect(server.writes()).toEqual(want);
  expect(JSON.parse((await call('GET', '/debug/writes')).text)).toEqual(want);
});

test('a change that lets a deletion end is answered with the version of before, as Kubernetes does', async () => {
  const changed = { 'content-type': 'application/merge-patch+json' };
  await call('POST', configMaps, { metadata: { name: 'a', finalizers: ['a.b/c'] } });
  await call('DELETE', `${configMaps}/a`);
  const { metadata } = JSON.parse((await call('GET', `${configMaps}/a`)).text) as { metadata: { managedFields: unknown } };
  const answer = JSON.parse((await call('PATCH', `${configMaps}/a`, { metadata: { finalizers: null } }, changed)).text) as { metadata: object };
  expect({ ...answer.metadata, finalizers: ['a.b/c'], managedFields: metadata.managedFields }).toEqual(metadata);
  expect((await call('GET', `${configMaps}/a`)).code).toBe(404);
});

test('refuses a body that is too large, and an object that etcd would not take', async () => {
  expect((await call('POST', configMaps, { metadata: { name: 'a' }, data: { x: 'y'.repeat(3_200_000) } })).code).toBe(413);
  expect(await call('POST', configMaps, { metadata: { name: 'a' }, data: { x: 'y'.repeat(1_600_000) } })).toMatchObject({ code: 500, text: expect.stringContaining('etcdserver: request is too large') });
});

test('refuses a body that is no JSON, and reads YAML', async () => {
  expect((await call('POST', configMaps, '{')).code).toBe(400);
  expect((await call('POST', configMaps, 'metadata:\n  name: from-yaml\n', { 'content-type': 'application/yaml' })).code).toBe(201);
});

test('warns of unknown fields in a header', async () => {
  for (const crd of allCrds()) await call('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', crd);
  const answer = await call('POST', '/apis/sandbox.opensandbox.io/v1alpha1/namespaces/default/batchsandboxes', { apiVersion: 'sandbox.opensandbox.io/v1alpha1', kind: 'BatchSandbox', metadata: { name: 'b' }, spec: { replicas: 1, poolRef: 'p', repliccas: 2 } });
  expect([answer.code, answer.headers.warning]).toEqual([201, '299 - "unknown field \\"spec.repliccas\\""']);
});

test('a watch from a version that is forgotten gets an error in the stream', async () => {
  const { resourceVersion } = (JSON.parse((await call('POST', configMaps, { metadata: { name: 'a' } })).text) as { metadata: { resourceVersion: string } }).metadata;
  for (let i = 0; i < 4200; i += 1) await call('PATCH', `${configMaps}/a`, { data: { i: String(i) } }, { 'content-type': 'application/merge-patch+json' });
  const { code, text } = await call('GET', `${configMaps}?watch=1&resourceVersion=${resourceVersion}`);
  expect([code, JSON.parse(text)]).toEqual([200, { type: 'ERROR', object: expect.objectContaining({ kind: 'Status', code: 410, reason: 'Expired' }) }]);
});

test('a continue token that is forgotten is 410', async () => {
  const { code, text } = await call('GET', `${configMaps}?limit=1&continue=${Buffer.from('00000000-0000-4000-8000-000000000000:1').toString('base64url')}`);
  expect([code, JSON.parse(text)]).toMatchObject([410, { reason: 'Expired' }]);
});

test.each([
  ['DELETE', `${configMaps}/a?gracePeriodSeconds=abc`, 'gracePeriodSeconds'],
  ['GET', '/api/v1/namespaces/default/pods/p/log?tailLines=abc', 'tailLines'],
  ['GET', '/api/v1/namespaces/default/pods/p/log?limitBytes=abc', 'limitBytes'],
  ['GET', `${configMaps}?watch=1&timeoutSeconds=abc`, 'timeoutSeconds'],
])('%s %s is refused with the name of the number', async (method, path, name) => {
  await call('POST', configMaps, { metadata: { name: 'a' } });
  await call('POST', '/api/v1/namespaces/default/pods', { metadata: { name: 'p' }, spec: { containers: [{ name: 'main', image: 'i' }] } });
  const { code, text } = await call(method, path);
  expect([code, JSON.parse(text)]).toMatchObject([400, { reason: 'BadRequest', message: expect.stringContaining(name) as string }]);
});

test('a watch for longer than a timer can wait tells what happens', async () => {
  const events = await request(`${server.url}${configMaps}?watch=1&fieldSelector=metadata.name%3Da&timeoutSeconds=2147484`, { dispatcher: agent, headers: { authorization: `Bearer ${server.token}` } });
  await call('POST', configMaps, { metadata: { name: 'a' } });
  let text = '';
  for await (const chunk of events.body) {
    text += String(chunk);
    if (text.endsWith('\n')) break;
  }
  expect(JSON.parse(text)).toMatchObject({ type: 'ADDED', object: { metadata: { name: 'a' } } });
});

test('hands on the log of a container, or its first bytes', async () => {
  const pods = '/api/v1/namespaces/default/pods';
  await call('POST', pods, { metadata: { name: 'p' }, spec: { nodeName: 'n', containers: [{ name: 'main', image: 'i' }, { name: 'other', image: 'i' }] } });
  expect((await call('GET', `${pods}/p/log?container=main`)).text).toBe('first of p\nsecond\n');
  const begin = async (limitBytes: number) => (await call('GET', `${pods}/p/log?container=main&limitBytes=${limitBytes}`)).text;
  expect(await Promise.all([5, 11, 12, 99].map(begin))).toEqual(['first', 'first of p\n', 'first of p\ns', 'first of p\nsecond\n']);
  expect((await call('GET', `${pods}/p/log?container=other`)).code).toBe(400);
  expect(JSON.parse((await call('GET', `${pods}/p/log`)).text)).toMatchObject({ code: 400, message: 'a container name must be specified for pod p, choose one of: [main other]' });
});

test('ends its watches when it closes', async () => {
  const answer = await request(`${server.url}/api/v1/namespaces/default/secrets?watch=1`, { dispatcher: agent, headers: { authorization: `Bearer ${server.token}` } });
  const ended = answer.body.text().catch(() => 'broken');
  await server.close();
  expect(['', 'broken']).toContain(await ended);
  server = await createApiServer();
});

test('takes CRDs and serves their objects at once', async () => {
  for (const crd of allCrds()) expect((await call('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', crd)).code).toBe(201);
  await until(async () => expect((await call('GET', '/apis/sandbox.opensandbox.io/v1alpha1/pools')).code).toBe(200));
});

test('refuses a port that is taken, and leaves the one who has it alone', async () => {
  await expect(createApiServer({ port: Number(new URL(server.url).port) })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  expect((await call('GET', configMaps)).code).toBe(200);
});
