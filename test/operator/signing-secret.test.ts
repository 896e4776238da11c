import { createApiServer } from '../../local/api/server';
import { obtainSigningKeys, type SigningSecret } from '../../operator/signing-secret';
import { KubeApi } from '../../operator/kube/api';
import { fixedConnection } from '../../operator/kube/connection';
import { namespacedType } from '../../operator/kube/resource-types';
import { Transport } from '../../operator/kube/transport';
import { readSigningKeys } from '../../src/program/signing-keys';
import { type Clock, systemClock } from '../../src/program/clock';
import { createLogger } from '../../src/program/log';
import type { KubeObject } from '../../src/schema/kubernetes';
import { breakConnection, FakeApi, json, refuse } from '../support/fake-api';
import { until } from '../support/waiting';
import { ManualClock, untilWith } from '../support/manual-clock';

const REF = { namespace: 'default', name: 'key' };
const SECRETS = namespacedType<KubeObject & { readonly data?: Readonly<Record<string, string>> }>('v1', 'Secret', 'secrets');

const closers: (() => Promise<void>)[] = [];
const logged: string[] = [];
afterEach(async () => {
  logged.length = 0;
  for (const close of closers.splice(0).reverse()) await close();
});

function secretAt(connection: ReturnType<typeof fixedConnection>, clock: Clock = systemClock): SigningSecret {
  const transport = new Transport({ connection, clock });
  closers.push(() => transport.destroy());
  return { ...REF, api: new KubeApi({ transport }), clock, log: createLogger('test', 'debug', { write: (line) => logged.push(line) }), signal: new AbortController().signal };
}

async function onEmbedded(data?: Readonly<Record<string, string>>): Promise<SigningSecret> {
  const server = await createApiServer();
  closers.push(() => server.close());
  const secret = secretAt(fixedConnection(server.url, server.token, { ca: server.ca }));
  await secret.api.create(SECRETS, { metadata: REF, data });
  return secret;
}

async function onFake(clock?: Clock): Promise<{ fake: FakeApi; secret: SigningSecret }> {
  const fake = await FakeApi.start();
  closers.push(() => fake.stop());
  return { fake, secret: secretAt(fixedConnection(fake.url, 'token'), clock) };
}

const base64 = (text: string) => Buffer.from(text).toString('base64');

test('fills an empty Secret with a key that signs, and logs nothing of it (R135)', async () => {
  const secret = await onEmbedded();
  const pem = await obtainSigningKeys(secret);
  expect((await readSigningKeys(pem, 'Secret')).signing).toHaveLength(1);
  expect((await secret.api.get(SECRETS, REF)).data).toEqual({ 'private.pem': base64(pem) });
  expect(logged).toEqual([expect.stringContaining('"msg":"signing key made"')]);
  for (const line of pem.trim().split('\n')) expect(logged.join()).not.toContain(line);
});

test('operators that start together use one key', async () => {
  const secret = await onEmbedded({ other: base64('kept') });
  const keys = await Promise.all(Array.from({ length: 4 }, () => obtainSigningKeys(secret)));
  expect(new Set(keys).size).toBe(1);
  expect((await secret.api.get(SECRETS, REF)).data).toEqual({ other: base64('kept'), 'private.pem': base64(keys[0] ?? '') });
});

test('takes what is there and writes nothing', async () => {
  const { fake, secret } = await onFake();
  fake.always(json({ metadata: { name: 'key', resourceVersion: '1' }, data: { 'private.pem': base64('a key') } }));
  expect(await obtainSigningKeys(secret)).toBe('a key');
  expect(fake.requests.map(({ method, path }) => `${method} ${path}`)).toEqual(['GET /api/v1/namespaces/default/secrets/key']);
});

test('a key that another operator has written meanwhile is taken instead of its own', async () => {
  const { fake, secret } = await onFake();
  fake.script(
    json({ metadata: { name: 'key', resourceVersion: '7' } }),
    refuse(409, 'Conflict'),
    json({ metadata: { name: 'key', resourceVersion: '8' }, data: { 'private.pem': base64('of the other') } }),
  );
  expect(await obtainSigningKeys(secret)).toBe('of the other');
  expect(fake.requests[1]).toMatchObject({ method: 'PATCH', body: { metadata: { resourceVersion: '7' } } });
});

test.each([
  {
    status: 404,
    reason: 'NotFound',
    want: "operator: --executor-signing-secret: expected Secret 'key' in namespace 'default', got none; kubectl create secret generic key -n default makes an empty one, which the operator fills",
  },
  {
    status: 403,
    reason: 'Forbidden',
    want:
      "operator: --executor-signing-secret: expected the right to get and patch Secret 'key' in namespace 'default', " +
      "got GET /api/v1/namespaces/default/secrets/key: HTTP 403: refused: Forbidden; give it to the operator's Role",
  },
])('says what to do when the API server answers $status', async ({ status, reason, want }) => {
  const { fake, secret } = await onFake();
  fake.always(refuse(status, reason));
  await expect(obtainSigningKeys(secret)).rejects.toMatchObject({ code: 'SETTINGS_INVALID', message: want });
});

test('an API server that finds a conflict each time is not asked for ever', async () => {
  const { fake, secret } = await onFake();
  fake.always((request, response) => (request.method === 'GET' ? json({ metadata: { name: 'key', resourceVersion: '1' } }) : refuse(409, 'Conflict'))(request, response));
  await expect(obtainSigningKeys(secret)).rejects.toMatchObject({ status: 409 });
});

test.each([
  ['breaks every connection', breakConnection],
  ['answers 503', refuse(503, 'ServiceUnavailable')],
  ['answers 429', refuse(429, 'TooManyRequests')],
])('waits for an API server that %s, longer than one call lasts', async (_what, outage) => {
  const clock = new ManualClock();
  const { fake, secret } = await onFake(clock);
  fake.always(outage);
  let over = false;
  const obtained = obtainSigningKeys(secret).finally(() => (over = true));
  obtained.catch(() => undefined); // looked at below
  await untilWith(clock, () => expect(clock.monotonicMs()).toBeGreaterThan(60_000), 1000);
  fake.always(json({ metadata: { name: 'key', resourceVersion: '1' }, data: { 'private.pem': base64('a key') } }));
  await untilWith(clock, () => expect(over).toBe(true), 1000);
  expect(await obtained).toBe('a key');
  expect(logged).toContainEqual(expect.stringContaining('"msg":"signing key not read"'));
});

test('gives up waiting when the signal aborts', async () => {
  const { fake, secret } = await onFake();
  fake.always(refuse(503, 'ServiceUnavailable', { 'retry-after': '3600' }));
  const stop = new AbortController();
  const obtained = obtainSigningKeys({ ...secret, signal: stop.signal });
  obtained.catch(() => undefined); // looked at below
  await until(() => expect(logged).toContainEqual(expect.stringContaining('signing key not read')));
  const reason = new Error('stopped');
  stop.abort(reason);
  await expect(obtained).rejects.toBe(reason);
});
