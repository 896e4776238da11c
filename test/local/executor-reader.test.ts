import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type Server } from 'node:net';
import { ExecutorReader, isHealthy } from '../../local/executor-reader';
import { readOperatorKeys } from '../../local/signing-secret';
import { KubeApi } from '../../operator/kube/api';
import { fixedConnection } from '../../operator/kube/connection';
import { Transport } from '../../operator/kube/transport';
import { systemClock } from '../../src/program/clock';
import { readVerifyKeys } from '../../src/program/executor-token';
import { verifyExecutorToken } from '../support/verify-executor-token';
import { LogHeader, MAX_LOG_CHUNK_BYTES } from '../../src/schema/executor-api';
import { Port, SIGNING_SECRET, SIGNING_SECRET_KEY } from '../../src/schema/names';
import { FakeApi, json } from '../support/fake-api';

/** Loopback addresses outside those of embedded clusters. */
const NOBODY = '127.9.0.1';
const CLOSES_AT_ONCE = '127.9.0.2';
const EXECUTOR = '127.9.0.4';
const GIVEN_BACK = '127.9.0.5';

const newKey = () => generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const [newer, older] = [newKey(), newKey()];
const inSecret = (pem: string) => ({ data: { [SIGNING_SECRET_KEY]: Buffer.from(pem).toString('base64') } });
const secret = (namespace: string, pem = '', name: string = SIGNING_SECRET) => ({ metadata: { name, namespace }, ...inSecret(pem) });
const pod = (uid: string, podIP: string, phase = 'Running') => ({ metadata: { name: uid, namespace: 'default', uid }, status: { podIP, phase } });

const PODS = [pod('a', NOBODY), pod('b', CLOSES_AT_ONCE), pod('c', EXECUTOR), pod('d', EXECUTOR, 'Failed'), pod('e', GIVEN_BACK, 'Succeeded')];
/** What the API server holds, by plural. */
let objects: Readonly<Record<string, readonly { readonly metadata: { readonly name: string; readonly namespace: string } }[]>> = {};

let fake: FakeApi;
let transport: Transport;
let api: KubeApi;
let closing: Server;
const { signal } = new AbortController();

beforeAll(async () => {
  fake = await FakeApi.start();
  fake.always((request, response) => {
    const [, namespace, plural = ''] = /^\/api\/v1(?:\/namespaces\/([^/]+))?\/([^/]+)$/.exec(request.path) ?? [];
    const selector = request.query.get('fieldSelector');
    const items = objects[plural]?.filter(({ metadata }) => (namespace ?? metadata.namespace) === metadata.namespace && (selector ?? `metadata.name=${metadata.name}`) === `metadata.name=${metadata.name}`);
    json({ metadata: {}, items })(request, response);
  });
  transport = new Transport({ connection: fixedConnection(fake.url), clock: systemClock });
  api = new KubeApi({ transport });
  closing = createServer((socket) => socket.on('data', () => socket.end()));
  await once(closing.listen(Port.executor, CLOSES_AT_ONCE), 'listening');
});
beforeEach(() => (objects = { pods: PODS, secrets: [secret('ops', `# new\n${newer}# old\n${older}`), secret('ops', newKey(), 'other')] }));
afterAll(async () => {
  await new Promise((resolve) => closing.close(resolve));
  await transport.destroy();
  await fake.stop();
});

test('the keys of the operator are in its order, whatever text it accepts around them', async () => {
  const text = Buffer.from('text');
  const [first, second, ...rest] = await readOperatorKeys(api, signal);
  const signatures = await Promise.all([first, second].map(async (key) => (key === undefined ? Buffer.of() : Buffer.from(await crypto.subtle.sign('Ed25519', key, text)))));
  expect(signatures.map((signature, i) => verify(null, text, createPublicKey(i === 0 ? newer : older), signature))).toEqual([true, true]);
  expect(rest).toEqual([]);
});

test.each([
  { given: [], namespace: undefined, got: 'expected one in all namespaces, got none' },
  { given: ['other'], namespace: 'ops', got: "expected one in namespace 'ops', got none" },
  { given: ['ops', 'other'], namespace: undefined, got: 'expected one in all namespaces, got one in each of ops, other' },
])('tells where it looked for the key and what is there: $got', async ({ given, namespace, got }) => {
  objects = { secrets: [...given.map((name) => secret(name)), secret('ops', newKey(), 'other')] };
  await expect(readOperatorKeys(api, signal, namespace)).rejects.toThrow(`Secret 'opensandbox-executor-signing-key': ${got}`);
});

describe('an executor from before a rotation of the key', () => {
  let text = Buffer.of();
  /** What its task writes while an answer is under way. */
  let written = Buffer.of();
  const server = createHttpServer((request, response) => {
    const path = request.url ?? '';
    const token = (request.headers.authorization ?? '').replace('Bearer ', '');
    const verified = readVerifyKeys(createPublicKey(older).export({ type: 'spki', format: 'pem' }).toString()).then((keys) => verifyExecutorToken(keys, 'c', { method: 'GET', path, body: '' }, token, new Date()));
    verified.then(
      () => {
        const { searchParams } = new URL(path, 'http://executor');
        const offset = Number(searchParams.get('offset'));
        const bytes = text.subarray(offset, offset + Number(searchParams.get('limit')));
        text = Buffer.concat([text, written]);
        response.writeHead(200, { [LogHeader.offset]: String(offset), [LogHeader.nextOffset]: String(offset + bytes.length) }).end(bytes);
      },
      () => response.writeHead(401).end(),
    );
  });
  beforeAll(() => once(server.listen(Port.executor, EXECUTOR), 'listening'));
  afterAll(() => new Promise((resolve) => server.close(resolve)));

  test.each([
    ['nothing', Buffer.of(), Buffer.of()],
    ['less than one answer holds', Buffer.from('hello\n'), Buffer.of()],
    ['as much as one answer holds', Buffer.alloc(MAX_LOG_CHUNK_BYTES, 'x'), Buffer.of()],
    ['more than two answers hold', Buffer.alloc(2 * MAX_LOG_CHUNK_BYTES + 7, 'x'), Buffer.of()],
    ['up to now, of a task that always writes', Buffer.alloc(MAX_LOG_CHUNK_BYTES + 7, 'x'), Buffer.from('more\n')],
  ])('gives its output: %s', async (_title, before, during) => {
    text = before;
    written = during;
    const reader = await ExecutorReader.open(api, await readOperatorKeys(api, signal), signal);
    const output = await reader.readOutput(EXECUTOR, 'dice-0', 'stdout', signal);
    // The task has written twice when an answer is asked for a second time, and the second answer holds the first of it.
    expect(output).toBe(`${before.toString()}${during.toString()}`);
  });
});

test.each([
  [NOBODY, 'connect ECONNREFUSED 127.9.0.1:5758'],
  [CLOSES_AT_ONCE, 'other side closed'],
])('tells which executor gave no answer, and why: %s', async (address, why) => {
  const reader = await ExecutorReader.open(api, await readOperatorKeys(api, signal), signal);
  await expect(reader.readOutput(address, 'dice-0', 'stdout', signal)).rejects.toMatchObject({
    message: `executor: http://${address}:5758: expected an answer within 10000 ms, got ${why}; this machine must reach the network of the pods`,
  });
  expect(await isHealthy(address, signal)).toBe(false);
});

test('asks nobody at an address that no pod has any more', async () => {
  const reader = await ExecutorReader.open(api, await readOperatorKeys(api, signal), signal);
  await expect(reader.readOutput(GIVEN_BACK, 'dice-0', 'stdout', signal)).rejects.toThrow(`task 'dice-0': output: expected a pod with the address ${GIVEN_BACK}, got none`);
});

test('an interrupted read ends with the reason of the interruption', async () => {
  const reader = await ExecutorReader.open(api, await readOperatorKeys(api, signal), signal);
  const reason = new Error('interrupted');
  await expect(reader.readOutput(NOBODY, 'dice-0', 'stdout', AbortSignal.abort(reason))).rejects.toBe(reason);
});
