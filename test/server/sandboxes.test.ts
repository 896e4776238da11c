import Ajv2020 from 'ajv/dist/2020';
import { mountsOf } from '../../server/web/route';
import type { SandboxListReply, SandboxReply } from '../../src/schema/lifecycle-reply';
import { Annotation, Label } from '../../src/schema/names';
import { ManualClock, untilWith } from '../support/manual-clock';
import { until } from '../support/waiting';
import { KEY, type Sending, type ServerInProcess, startServer } from './server-in-process';

/** Waits of a create are a second here: the least that the configuration takes. */
const BRISK = '[kubernetes]\nsandbox_create_timeout_seconds = 1\npool_acquisition_timeout_seconds = 1\n[server]\nmax_sandbox_timeout_seconds = 86400\n';
const POOL_SIZE = 12;
const ROOM = { poolRef: 'warm' };

let world: ServerInProcess;
const asked = new Set<string>();
beforeAll(async () => {
  world = await startServer(BRISK.replace('sandbox_create_timeout_seconds = 1', 'sandbox_create_timeout_seconds = 20'));
  await world.createPool('warm', POOL_SIZE);
});
afterAll(() => world.stop());
afterEach(async () => {
  for (const { id } of (await list('pageSize=200')).items) await send('DELETE', `/sandboxes/${id}`);
  await until(async () => {
    await world.operator.makeReady();
    expect((await world.operator.pool('warm')).status).toMatchObject({ available: POOL_SIZE });
  });
});

/** Sends a request, and notes which route it meant. */
function send<T = Record<string, unknown>>(method: string, path: string, sending?: Sending) {
  asked.add(`${method} ${path.split('?')[0]}`);
  return world.send<T>(method, path, sending);
}
const list = async (query = '') => (await send<SandboxListReply>('GET', `/v1/sandboxes?${query}`)).body;
const pooled = (more: object = {}) => ({ image: { uri: 'python:3.11' }, entrypoint: ['tail', '-f', '/dev/null'], timeout: 600, resourceLimits: { cpu: '1' }, extensions: ROOM, ...more });
const direct = (more: object = {}) => ({ image: { uri: 'python:3.11' }, entrypoint: ['sleep', 'infinity'], timeout: 600, resourceLimits: { cpu: '1', memory: '500Mi' }, ...more });
const create = async (body: object = pooled(), headers: Sending['headers'] = {}) => {
  const answer = await send<SandboxReply>('POST', '/v1/sandboxes', { body, headers });
  expect(answer).toMatchObject({ status: 202 });
  return answer.body;
};

describe('every answer', () => {
  test.each([
    ['no key', { 'open-sandbox-api-key': '' }, 401, 'MISSING_API_KEY'],
    ['another key', { 'open-sandbox-api-key': `${KEY}x` }, 401, 'INVALID_API_KEY'],
    ['the key', {}, 200, undefined],
  ])('asks for the key: %s', async (_case, headers, status, code) => {
    const answer = await send('GET', '/v1/sandboxes', { headers });
    expect([answer.status, answer.body.code]).toEqual([status, code]);
  });

  test('needs no key at exactly the paths of health and version', async () => {
    const open = await Promise.all(['/health', '/livez', '/readyz', '/version'].map(async (path) => (await send('GET', path, { headers: { 'open-sandbox-api-key': '' } })).status));
    const closed = await Promise.all(['/healthy', '/health/x', '/openapi.json', '/v1/health'].map(async (path) => (await world.send('GET', path, { headers: { 'open-sandbox-api-key': '' } })).status));
    expect([open, closed]).toEqual([[200, 200, 200, 200], [401, 401, 401, 401]]);
  });

  test('has the id of its request, and a new one for an id that is fit for no log', async () => {
    const [own, refused] = await Promise.all(['abc-1', 'a b\u00e9'].map((id) => send('GET', '/v1/sandboxes', { headers: { 'x-request-id': id, 'open-sandbox-api-key': '' } })));
    expect(own?.headers.get('x-request-id')).toBe('abc-1');
    expect(refused?.headers.get('x-request-id')).toMatch(/^[0-9a-f]{32}$/);
  });

  test.each([
    ['an unknown route', 'GET', '/v2/sandboxes', undefined, 404, 'GENERAL::NOT_FOUND'],
    ['another method', 'PUT', '/v1/sandboxes', undefined, 405, 'GENERAL::METHOD_NOT_ALLOWED'],
    ['no JSON', 'POST', '/v1/sandboxes', '{', 400, 'SANDBOX::INVALID_PARAMETER'],
    ['a list', 'POST', '/v1/sandboxes', '[]', 400, 'SANDBOX::INVALID_PARAMETER'],
    ['no body', 'POST', '/v1/sandboxes', undefined, 400, 'SANDBOX::INVALID_PARAMETER'],
    ['a body above 1 MiB', 'POST', '/v1/sandboxes', `{"x":"${'a'.repeat(1_048_576)}"}`, 413, 'GENERAL::BODY_TOO_LARGE'],
    ['a sandbox that is not there', 'GET', '/v1/sandboxes/none', undefined, 404, 'KUBERNETES::SANDBOX_NOT_FOUND'],
    ['an id that is no name', 'DELETE', '/v1/sandboxes/..%2fpods', undefined, 404, 'KUBERNETES::SANDBOX_NOT_FOUND'],
    ['a page that is no number', 'GET', '/v1/sandboxes?page=first', undefined, 400, 'SANDBOX::INVALID_PARAMETER'],
    ['a page that is too large', 'GET', '/v1/sandboxes?pageSize=201', undefined, 400, 'SANDBOX::INVALID_PARAMETER'],
    ['a filter that is none', 'GET', '/v1/sandboxes?metadata=team', undefined, 400, 'INVALID_METADATA_FORMAT'],
  ])('of an error is JSON with code and message: %s', async (_case, method, path, body, status, code) => {
    const answer = await world.send(method, path, { body });
    expect([answer.status, answer.body.code]).toEqual([status, code]);
    expect(answer.body.message).toMatch(/./);
    expect(answer.headers.get('x-request-id')).toMatch(/./);
  });
});

describe('create', () => {
  test('from a pool takes one write, answers when the sandbox runs, and says what had no effect', async () => {
    const answer = await send<SandboxReply>('POST', '/sandboxes', { body: pooled({ metadata: { team: 'a' } }) });
    expect(answer).toMatchObject({ status: 202, body: { status: { state: 'Running' }, entrypoint: ['tail', '-f', '/dev/null'], metadata: { team: 'a' }, allocation: { mode: 'pool', poolRef: 'warm', state: 'allocated' } } });
    expect(answer.headers.get('opensandbox-ignored')).toBe('image, resourceLimits');
    const { id, expiresAt = '', createdAt } = answer.body;
    const batch = await world.operator.batch(id);
    expect(batch.spec).toEqual({ replicas: 1, poolRef: 'warm', expireTime: expiresAt, taskResourcePolicyWhenCompleted: 'Retain' });
    expect(batch.metadata.labels).toEqual({ team: 'a', [Label.sandboxId]: id });
    expect(batch.metadata.annotations).toHaveProperty([Annotation.deliverBy]);
    expect(Math.abs(Date.parse(expiresAt) - Date.parse(createdAt) - 600_000)).toBeLessThan(5_000);
    // Whatever is asked afterwards says the same (L22).
    expect((await send('GET', `/v1/sandboxes/${id}`)).body).toEqual(answer.body);
    expect((await list()).items).toEqual([answer.body]);
  });

  test('has an endpoint for any port, from the cache', async () => {
    const { id } = await create();
    for (const port of [44772, 18080, 1]) {
      expect((await send('GET', `/v1/sandboxes/${id}/endpoints/${port}?use_server_proxy=false`)).body).toEqual({ endpoint: `198.18.0.1:${port}` });
    }
    expect((await send('GET', `/sandboxes/${id}/endpoints/65536`)).body).toMatchObject({ code: 'DOCKER::INVALID_PORT' });
  });

  test('runs an entrypoint and an environment as the task of the sandbox', async () => {
    const { id, entrypoint } = await create(pooled({ entrypoint: ['python', 'app.py'], env: { A: '1', B: null } }));
    expect(entrypoint).toEqual(['python', 'app.py']);
    const process = { command: ['python', 'app.py'], env: [{ name: 'A', value: '1' }, { name: 'B', value: '' }] };
    expect((await world.operator.batch(id)).spec.taskTemplate).toEqual({ spec: { process } });
  });

  test('without a pool makes a pod with the executor beside it, and without an account of the cluster', async () => {
    const making = create(direct({ env: { A: '1' }, platform: { os: 'linux', arch: 'amd64' }, image: { uri: 'registry.example/app:1', auth: { username: 'u', password: 'p' } } }));
    const readying = until(async () => {
      await world.operator.makeReady();
      expect((await world.operator.pods()).filter(({ spec }) => spec?.containers?.[0]?.name === 'sandbox').map(({ status }) => status?.podIP)).toEqual(['198.18.0.1']);
    });
    const [sandbox] = await Promise.all([making, readying]);
    expect(sandbox).toMatchObject({ status: { state: 'Running' }, image: { uri: 'registry.example/app:1' }, platform: { os: 'linux', arch: 'amd64' } });
    const pod = (await world.operator.pods()).find(({ metadata }) => metadata.name === `${sandbox.id}-0`);
    expect(pod?.spec).toMatchObject({
      automountServiceAccountToken: false,
      shareProcessNamespace: true,
      nodeSelector: { 'kubernetes.io/os': 'linux', 'kubernetes.io/arch': 'amd64' },
      imagePullSecrets: [{ name: `opensandbox-image-auth-${sandbox.id}` }],
      containers: [
        { name: 'sandbox', image: 'registry.example/app:1', command: ['sleep', 'infinity'], env: [{ name: 'A', value: '1' }, {}], resources: { limits: { cpu: '1', memory: '500Mi' } } },
        { name: 'task-executor' },
      ],
    });
    // A create that is answered is not taken back.
    expect((await world.operator.batch(sandbox.id)).metadata.annotations).not.toHaveProperty([Annotation.confirmBy]);
  });

  test.each([
    ['wrong types, all of them', pooled({ timeout: '60', metadata: { a: 1 } }), 'SANDBOX::INVALID_PARAMETER', "timeout: expected a whole number of at least 60, got '60'; metadata.a: expected text, got 1"],
    ['a life that is too short', pooled({ timeout: 59 }), 'SANDBOX::INVALID_PARAMETER', 'timeout: expected a whole number of at least 60, got 59'],
    ['a life that is too long', pooled({ timeout: 86_401 }), 'SANDBOX::INVALID_PARAMETER', 'timeout: expected at most 86400 seconds'],
    ['no end where there must be one', pooled({ timeout: null }), 'SANDBOX::INVALID_PARAMETER', 'timeout: expected at most 86400 seconds'],
    ['a reserved label', pooled({ metadata: { 'opensandbox.io/id': 'x' } }), 'SANDBOX::INVALID_METADATA_LABEL', 'expected a key outside opensandbox.io'],
    ['a reserved subdomain', pooled({ metadata: { 'pool.opensandbox.io/evict': 'x' } }), 'SANDBOX::INVALID_METADATA_LABEL', 'expected a key outside opensandbox.io'],
    ['a value that is no label', pooled({ metadata: { team: 'a b' } }), 'SANDBOX::INVALID_METADATA_LABEL', 'expected a label value'],
    ['what a pool cannot honour', pooled({ volumes: [{ name: 'v', mountPath: '/v', pvc: { claimName: 'c' } }], networkPolicy: { defaultAction: 'deny' }, platform: { os: 'linux', arch: 'amd64' } }), 'SANDBOX::INVALID_PARAMETER', 'networkPolicy: expected nothing'],
    ['a name of a variable, which may hold a secret', pooled({ env: { 'KEY=s3cret': 'x' } }), 'SANDBOX::INVALID_PARAMETER', "env: expected names without '=' of 1 to 256 characters, got another"],
    ['no entrypoint', direct({ entrypoint: undefined }), 'DOCKER::INVALID_ENTRYPOINT', 'entrypoint: expected the command'],
    ['neither image nor pool', { timeout: 60 }, 'SANDBOX::INVALID_PARAMETER', 'image: expected an image, or extensions.poolRef, got nothing'],
    ['a blank pool is none', direct({ extensions: { poolRef: ' ' }, image: undefined }), 'SANDBOX::INVALID_PARAMETER', 'image: expected an image'],
    ['a path of the node', direct({ volumes: [{ name: 'v', mountPath: '/v', host: { path: '/etc' } }] }), 'VOLUME::INVALID', 'volumes[0].host.path: expected no path of the node'],
    ['a way out of a volume', direct({ volumes: [{ name: 'v', mountPath: '/v', pvc: { claimName: 'c' }, subPath: 'a/../..' }] }), 'VOLUME::INVALID', 'volumes[0].subPath: expected a relative path without ..'],
    ['a token without a gateway', pooled({ secureAccess: true }), 'SANDBOX::INVALID_PARAMETER', 'secureAccess: expected false'],
    ['a renewal out of bounds', pooled({ extensions: { ...ROOM, 'access.renew.extend.seconds': '10' } }), 'SANDBOX::INVALID_PARAMETER', 'expected a whole number from 300 to 86400'],
  ])('refuses %s', async (_case, body, code, message) => {
    const answer = await send('POST', '/v1/sandboxes', { body });
    expect(answer).toMatchObject({ status: 400, body: { code, message: expect.stringContaining(message) as string } });
    expect(JSON.stringify(answer.body)).not.toContain('s3cret');
    expect((await list()).items).toEqual([]);
  });

  test('says at once that there is no such pool, and that there are no snapshots', async () => {
    expect(await send('POST', '/v1/sandboxes', { body: pooled({ extensions: { poolRef: 'none' } }) })).toMatchObject({ status: 404, body: { code: 'KUBERNETES::POOL_NOT_FOUND' } });
    expect(await send('POST', '/v1/sandboxes', { body: direct({ image: undefined, snapshotId: 's' }) })).toMatchObject({ status: 501, body: { code: 'SNAPSHOT::NOT_IMPLEMENTED' } });
  });

  test('with one key more than once, on any replica, makes one sandbox', async () => {
    const other = await world.replica();
    const headers = { 'idempotency-key': 'order-7' };
    const [first, second] = await Promise.all([create(pooled(), headers), other.send<SandboxReply>('POST', '/v1/sandboxes', { body: pooled(), headers })]);
    const third = await create(pooled({ extensions: { ...ROOM, 'idempotency.key': 'order-7' } }));
    expect([second.status, second.body.id, third.id]).toEqual([202, first.id, first.id]);
    expect((await list()).items).toHaveLength(1);
    expect(await send('POST', '/v1/sandboxes', { body: pooled({ timeout: 700 }), headers })).toMatchObject({ status: 409, body: { code: 'IDEMPOTENCY::KEY_REUSED' } });
  });

  test('that finds a full pool says so, may be repeated later, and leaves nothing', async () => {
    const brisk = await world.replica(BRISK);
    await Promise.all(Array.from({ length: POOL_SIZE }, () => create()));
    const late = await Promise.all([1, 2, 3].map(() => brisk.send('POST', '/v1/sandboxes', { body: pooled() })));
    for (const answer of late) {
      expect(answer).toMatchObject({ status: 429, body: { code: 'KUBERNETES::POOL_CAPACITY_EXHAUSTED' } });
      expect(answer.headers.get('retry-after')).toMatch(/^\d+$/);
    }
    await until(async () => expect((await list('pageSize=200')).items.filter(({ status }) => status.state !== 'Running')).toEqual([]));
    expect((await list()).pagination.totalItems).toBe(POOL_SIZE);
  });

  test('that is not ready in time says so and leaves nothing, but for a key that may be repeated', async () => {
    const brisk = await world.replica(BRISK);
    const late = await brisk.send('POST', '/v1/sandboxes', { body: direct() });
    expect(late).toMatchObject({ status: 503, body: { code: 'KUBERNETES::POD_READY_TIMEOUT' } });
    expect(late.headers.get('retry-after')).toBe('1');
    await until(async () => expect((await list()).items).toEqual([]));
    await brisk.send('POST', '/v1/sandboxes', { body: direct(), headers: { 'idempotency-key': 'slow' } });
    expect((await list()).items.map(({ status }) => status.state)).toEqual(['Pending']);
  });

  test('answers at once where the caller prefers that', async () => {
    const { id, status } = await create(direct(), { prefer: 'respond-async' });
    expect(status.state).toBe('Pending');
    expect((await send('GET', `/sandboxes/${id}/endpoints/80`)).body).toMatchObject({ code: 'KUBERNETES::POD_IP_NOT_AVAILABLE' });
  });

  test('whose caller goes away leaves nothing', async () => {
    const caller = new AbortController();
    const making = send('POST', '/v1/sandboxes', { body: direct(), signal: caller.signal });
    await until(async () => expect((await list()).items).toHaveLength(1));
    caller.abort();
    await making;
    await until(async () => expect((await list()).items).toEqual([]));
  });

  test('whose server died before the answer is taken back by any other, at its time', async () => {
    const clock = new ManualClock(new Date());
    const sweeper = await world.replica(BRISK, clock);
    // What is left of a server that is killed: the sandbox as it was written.
    const { id } = await create(direct(), { prefer: 'respond-async' });
    const kept = await create();
    const confirmBy = new Date(clock.now().getTime() + 30_000).toISOString();
    await world.operator.patch(`/apis/sandbox.opensandbox.io/v1alpha1/namespaces/default/batchsandboxes/${id}`, { metadata: { annotations: { [Annotation.confirmBy]: confirmBy } } });
    await until(() => expect(sweeper.server.sandboxes.find(id)?.metadata.annotations?.[Annotation.confirmBy]).toBe(confirmBy));
    await untilWith(clock, async () => expect((await list()).items.map((sandbox) => sandbox.id)).toEqual([kept.id]), 5_000);
  });
});

describe('a sandbox', () => {
  test('is listed newest first, by state and by metadata, a page at a time', async () => {
    const made = await Promise.all(['a', 'b', 'b'].map((team) => create(pooled({ metadata: { team, 'example.com/kind': 'x' } }))));
    const pending = await create(direct(), { prefer: 'respond-async' });
    const all = await list();
    expect(all.pagination).toEqual({ page: 1, pageSize: 20, totalItems: 4, totalPages: 1, hasNextPage: false });
    const pages = await Promise.all([1, 2, 3].map((page) => list(`page=${page}&pageSize=2`)));
    expect(pages.flatMap(({ items }) => items)).toEqual(all.items);
    expect(pages.map(({ pagination: { hasNextPage, totalPages } }) => [hasNextPage, totalPages])).toEqual([[true, 2], [false, 2], [false, 2]]);
    const ids = async (query: string) => (await list(query)).items.map(({ id }) => id).sort();
    expect(await ids('state=pending&state=FAILED')).toEqual([pending.id]);
    expect(await ids('state=Running')).toEqual(made.map(({ id }) => id).sort());
    const filter = 'team=b&example.com/kind=x';
    const ofB = made.slice(1).map(({ id }) => id).sort();
    expect(await ids(`metadata=${encodeURIComponent(filter)}`)).toEqual(ofB);
    // The Python SDK encodes it twice.
    expect(await ids(`metadata=${encodeURIComponent('team=b&example.com%2Fkind=x')}`)).toEqual(ofB);
  });

  test('is known to another replica as soon as it is made', async () => {
    const other = await world.replica();
    const { id } = await create();
    expect(await other.send('GET', `/v1/sandboxes/${id}`)).toMatchObject({ status: 200, body: { id } });
    expect(await other.send('DELETE', `/v1/sandboxes/${id}`)).toMatchObject({ status: 204, body: '' });
    await until(async () => expect((await send('GET', `/v1/sandboxes/${id}`)).status).toBe(404));
  });

  test('is renewed for a longer or shorter time, by one change', async () => {
    const { id } = await create();
    const before = await world.operator.batch(id);
    const expiresAt = new Date(Date.now() + 7_200_000).toISOString();
    expect(await send('POST', `/v1/sandboxes/${id}/renew-expiration`, { body: { expiresAt: expiresAt.replace('Z', '') } })).toMatchObject({ status: 200, body: { expiresAt } });
    expect((await send<SandboxReply>('GET', `/v1/sandboxes/${id}`)).body.expiresAt).toBe(expiresAt);
    expect((await world.operator.batch(id)).spec).toEqual({ ...before.spec, expireTime: expiresAt });
    expect(await send('POST', `/v1/sandboxes/${id}/renew-expiration`, { body: { expiresAt: '2020-01-01T00:00:00Z' } })).toMatchObject({ status: 400, body: { code: 'DOCKER::INVALID_EXPIRATION' } });
    expect(await send('POST', `/v1/sandboxes/${id}/renew-expiration`, { body: { expiresAt: 'soon' } })).toMatchObject({ status: 400, body: { code: 'SANDBOX::INVALID_PARAMETER' } });
  });

  test('without an end is not renewed, and says that somebody must delete it', async () => {
    const patient = await world.replica('');
    const { body } = await patient.send<SandboxReply>('POST', '/v1/sandboxes', { body: pooled({ timeout: null }) });
    expect(body).not.toHaveProperty('expiresAt');
    expect((await world.operator.batch(body.id)).metadata.labels?.[Label.manualCleanup]).toBe('true');
    const renewed = await send('POST', `/v1/sandboxes/${body.id}/renew-expiration`, { body: { expiresAt: '2099-01-01T00:00:00Z' } });
    expect(renewed).toMatchObject({ status: 409, body: { code: 'DOCKER::INVALID_EXPIRATION' } });
  });

  test('keeps what two callers change of its metadata at the same time', async () => {
    const { id } = await create(pooled({ metadata: { a: '1', b: '2' } }));
    const other = await world.replica();
    const patches = [{ a: null, c: '3' }, { d: '4' }, { e: '5' }];
    const answers = await Promise.all(patches.map((body, index) => (index % 2 === 0 ? send : other.send)('PATCH', `/v1/sandboxes/${id}/metadata`, { body })));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    await until(async () => expect((await send<SandboxReply>('GET', `/v1/sandboxes/${id}`)).body.metadata).toEqual({ b: '2', c: '3', d: '4', e: '5' }));
    expect((await send<SandboxReply>('PATCH', `/sandboxes/${id}/metadata`, { body: {} })).body.metadata).toEqual({ b: '2', c: '3', d: '4', e: '5' });
    expect(await send('PATCH', `/v1/sandboxes/${id}/metadata`, { body: { 'opensandbox.io/id': null } })).toMatchObject({ status: 400, body: { code: 'INVALID_METADATA_LABEL' } });
    expect(await send('PATCH', `/v1/sandboxes/${id}/metadata`, { body: { a: 1 } })).toMatchObject({ status: 400, body: { code: 'SANDBOX::INVALID_PARAMETER' } });
  });
});

test('the log has a line for each write, and no key', async () => {
  const { id } = await create(pooled({ env: { PASSWORD: 's3cret-value' } }));
  await send('DELETE', `/v1/sandboxes/${id}`);
  await send('POST', '/v1/metrics/events', { body: {} });
  const writes = world.log.map((line) => JSON.parse(line) as Record<string, unknown>).filter(({ msg }) => msg === 'write');
  expect(writes).toContainEqual(expect.objectContaining({ operation: 'deleteSandbox', object: id, status: 204, caller: expect.stringMatching(/^key-[0-9a-f]{8}$/) as string }));
  expect(world.log.join('')).not.toMatch(/test-key|s3cret-value/);
});

describe('the OpenAPI document', () => {
  interface Document {
    readonly openapi: string;
    readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly operationId: string; readonly responses: object; readonly parameters: readonly { readonly name: string; readonly in: string }[] }>>>>;
    readonly components: { readonly schemas: Readonly<Record<string, object>> };
  }

  test('is whole: every reference leads somewhere, every schema is one, and every operation has a name of its own', async () => {
    const { body } = await send<Document>('GET', '/openapi.json');
    expect(body.openapi).toBe('3.1.0');
    const refs = [...JSON.stringify(body).matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)].map(([, name]) => name);
    expect(refs.length).toBeGreaterThan(10);
    expect(refs.filter((name) => body.components.schemas[name ?? ''] === undefined)).toEqual([]);
    const ajv = new Ajv2020({ strict: false, validateFormats: false });
    const schemas = JSON.parse(JSON.stringify(body.components.schemas).replaceAll('#/components/schemas/', 'schema:')) as Readonly<Record<string, object>>;
    for (const [name, schema] of Object.entries(schemas)) ajv.addSchema(schema, `schema:${name}`);
    for (const name of Object.keys(schemas)) expect(() => ajv.compile({ $ref: `schema:${name}` })).not.toThrow();
    const operations = Object.entries(body.paths).flatMap(([path, methods]) => Object.values(methods).map((operation) => ({ path, ...operation })));
    expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(operations.length);
    const inPath = ({ path, parameters }: (typeof operations)[number]) => [[...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name), parameters.filter((parameter) => parameter.in === 'path').map(({ name }) => name)];
    expect(operations.map(inPath).filter(([wanted, got]) => JSON.stringify(wanted) !== JSON.stringify(got))).toEqual([]);
    // What the SDK sends is what the document says.
    expect(ajv.compile({ $ref: 'schema:CreateSandboxRequest' })(pooled({ env: {}, metadata: {}, secureAccess: false }))).toBe(true);
  });

  test('names the routes that there are, and the tests before have asked each', async () => {
    const { body } = await send<Document>('GET', '/openapi.json');
    const documented = Object.entries(body.paths).flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`));
    expect(documented.sort()).toEqual(world.server.routes.flatMap((route) => mountsOf(route).map((mount) => `${route.method} ${mount}`)).sort());
    const isAsked = ({ method, path }: (typeof world.server.routes)[number]) => {
      const pattern = new RegExp(`^${method} (/v1)?${path.replaceAll(/\{\w+\}/g, '[^/]+')}$`);
      return [...asked].some((request) => pattern.test(request));
    };
    expect(world.server.routes.filter((route) => !isAsked(route)).map(({ operationId }) => operationId)).toEqual([]);
  });
});
