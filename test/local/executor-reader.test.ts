import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { createServer, type Server } from 'node:net';
import { ExecutorReader, isHealthy } from '../../local/executor-reader';
import { readOperatorKey } from '../../local/signing-secret';
import { KubeApi } from '../../operator/kube/api';
import { fixedConnection } from '../../operator/kube/connection';
import { Transport } from '../../operator/kube/transport';
import { systemClock } from '../../src/program/clock';
import { Port, SIGNING_SECRET_KEY } from '../../src/schema/names';
import { FakeApi, json } from '../support/fake-api';

/** Loopback addresses outside those of embedded clusters. */
const NOBODY = '127.9.0.1';
const CLOSES_AT_ONCE = '127.9.0.2';

let fake: FakeApi;
let transport: Transport;
let closing: Server;
let reader: ExecutorReader;
const { signal } = new AbortController();

const newKey = () => generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

beforeAll(async () => {
  fake = await FakeApi.start();
  const secret = { metadata: { name: 's' }, data: { [SIGNING_SECRET_KEY]: Buffer.from(newKey()).toString('base64') } };
  fake.always((request, response) => json(request.path.includes('/secrets') ? { metadata: {}, items: [secret] } : { metadata: {}, items: [] })(request, response));
  transport = new Transport({ connection: fixedConnection(fake.url), clock: systemClock });
  reader = await ExecutorReader.open(new KubeApi({ transport }), signal);
  closing = createServer((socket) => socket.on('data', () => socket.end()));
  await new Promise<void>((resolve) => closing.listen(Port.executor, CLOSES_AT_ONCE, resolve));
});
afterAll(async () => {
  await new Promise((resolve) => closing.close(resolve));
  await transport.destroy();
  await fake.stop();
});

test('signs with the first of two keys, whatever text the operator accepts around them', async () => {
  const [first, second] = [newKey(), newKey()];
  const api = { list: () => Promise.resolve({ items: [{ data: { [SIGNING_SECRET_KEY]: Buffer.from(`# new\n${first}# old\n${second}`).toString('base64') } }] }) };
  const key = await readOperatorKey(api as unknown as KubeApi, signal);
  const text = Buffer.from('text');
  expect(verify(null, text, createPublicKey(first), Buffer.from(await crypto.subtle.sign('Ed25519', key, text)))).toBe(true);
});

test.each([
  { given: [], namespace: undefined, got: 'expected one in all namespaces, got none' },
  { given: [], namespace: 'ops', got: "expected one in namespace 'ops', got none" },
  { given: ['ops', 'other'], namespace: undefined, got: 'expected one in all namespaces, got one in each of ops, other' },
])('tells where it looked for the key and what is there: $got', async ({ given, namespace, got }) => {
  const list = jest.fn().mockResolvedValue({ items: given.map((name) => ({ metadata: { namespace: name } })) });
  await expect(readOperatorKey({ list } as unknown as KubeApi, signal, namespace)).rejects.toThrow(`Secret 'opensandbox-executor-signing-key': ${got}`);
  expect(list.mock.calls).toEqual([[expect.anything(), { namespace, fieldSelector: 'metadata.name=opensandbox-executor-signing-key' }, { signal }]]);
});

test.each([
  [NOBODY, 'connect ECONNREFUSED 127.9.0.1:5758'],
  [CLOSES_AT_ONCE, 'other side closed'],
])('tells which executor gave no answer, and why: %s', async (address, why) => {
  await expect(reader.readOutput(address, 'dice-0', 'stdout', signal)).rejects.toMatchObject({
    message: `executor: http://${address}:5758: expected an answer within 10000 ms, got ${why}; this machine must reach the network of the pods`,
  });
  expect(await isHealthy(address, signal)).toBe(false);
});

test('an interrupted read ends with the reason of the interruption', async () => {
  const reason = new Error('interrupted');
  await expect(reader.readOutput(NOBODY, 'dice-0', 'stdout', AbortSignal.abort(reason))).rejects.toBe(reason);
});
