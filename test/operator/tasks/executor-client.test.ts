import { generateKeyPairSync } from 'node:crypto';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ExecutorClient } from '../../../operator/tasks/executor-client';
import { systemClock } from '../../../src/program/clock';
import { readSigningKey, readVerifyKeys } from '../../../src/program/executor-token';
import { ManualClock } from '../../support/manual-clock';
import { verifyExecutorToken } from '../../support/verify-executor-token';
import { until } from '../../support/waiting';
import { FakeExecutor } from './fake-executor';

const never = new AbortController().signal;
const task = { name: 'b-0', uid: 'u', process: { command: ['run'] } };

const clients: ExecutorClient[] = [];
const servers: { close(): unknown }[] = [];

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
  for (const server of servers.splice(0)) await server.close();
});

function clientFor(port: number, options: Partial<ConstructorParameters<typeof ExecutorClient>[0]> = {}): ExecutorClient {
  const client = new ExecutorClient({ clock: systemClock, port, ...options });
  clients.push(client);
  return client;
}

async function fake(address = '127.0.0.1'): Promise<FakeExecutor> {
  const executor = await FakeExecutor.start(address, 0);
  servers.push(executor);
  return executor;
}

/** Port of a server that answers as told. */
async function serve(listener: RequestListener): Promise<number> {
  const server: Server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  servers.push({ close: () => server.close() && server.closeAllConnections() });
  return (server.address() as AddressInfo).port;
}

const pod = { podUID: 'pod-uid', podIP: '127.0.0.1' };
const problemOf = (call: Promise<unknown>) => call.then(() => 'no error', (error: { code: string; message: string }) => `${error.code} ${error.message}`);

test('puts IPv6 addresses in brackets (R136)', async () => {
  const executor = await fake('::1');
  await expect(clientFor(executor.port).getTasks({ ...pod, podIP: '::1' }, never)).resolves.toEqual({ tasks: [], revision: '0' });
  expect(executor.headers[0]?.host).toBe(`[::1]:${executor.port}`);
});

test('signs each request anew for its pod, method, path and body (R136)', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const signingKey = await readSigningKey(privateKey.export({ format: 'pem', type: 'pkcs8' }).toString());
  const keys = await readVerifyKeys(publicKey.export({ format: 'pem', type: 'spki' }).toString());
  const executor = await fake();
  const client = clientFor(executor.port, { signingKeys: [signingKey] });
  await client.setTasks(pod, [task], never);
  await client.awaitTasks(pod, 'a b&c', never);
  const tokens = await Promise.all(
    executor.requests.map((line, index) => {
      const [method = '', path = ''] = line.split(' ');
      const token = executor.headers[index]?.authorization?.replace('Bearer ', '') ?? '';
      return verifyExecutorToken(keys, pod.podUID, { method, path, body: executor.bodies[index] ?? '' }, token, new Date());
    }),
  );
  expect(executor.requests).toEqual(['POST /setTasks', 'GET /getTasks?after=a%20b%26c&wait=25']);
  expect(new Set(tokens.map(({ jti }) => jti)).size).toBe(2);
});

test('tries its next key where an executor does not know the one before, and does not go on after an answer', async () => {
  const pairs = [generateKeyPairSync('ed25519'), generateKeyPairSync('ed25519')] as const;
  const signingKeys = await Promise.all(pairs.map(({ privateKey }) => readSigningKey(privateKey.export({ format: 'pem', type: 'pkcs8' }).toString())));
  const known = await readVerifyKeys(pairs[1].publicKey.export({ format: 'pem', type: 'spki' }).toString());
  const seen: string[] = [];
  const port = await serve((request, response) => {
    const token = request.headers.authorization?.replace('Bearer ', '') ?? '';
    void verifyExecutorToken(known, pod.podUID, { method: 'GET', path: '/getTasks', body: '' }, token, new Date()).then(
      () => seen.push('known') && response.end('[]'),
      () => seen.push('unknown') && response.writeHead(401).end(),
    );
  });
  await clientFor(port, { signingKeys }).getTasks(pod, never);
  expect(seen).toEqual(['unknown', 'known']);
  await clientFor(port, { signingKeys: [...signingKeys].reverse() }).getTasks(pod, never);
  expect(seen).toEqual(['unknown', 'known', 'known']);
});

test('counts calls by what they ask for and how they end, but not those cut short', async () => {
  const calls: string[] = [];
  const executor = await fake();
  const client = clientFor(executor.port, { onCall: (operation, result) => calls.push(`${operation} ${result}`) });
  await client.getTasks(pod, never);
  await problemOf(client.awaitTasks(pod, '0', AbortSignal.abort()));
  executor.behaviour.status = 500;
  await problemOf(client.reset(pod, never));
  expect(calls).toEqual(['get success', 'reset failure']);
});

test('sends no token without a key', async () => {
  const executor = await fake();
  await clientFor(executor.port).getTasks(pod, never);
  expect(executor.headers[0]?.authorization).toBeUndefined();
});

test('uses one connection for calls that follow each other', async () => {
  const ports = new Set<number | undefined>();
  const port = await serve((request, response) => {
    ports.add(request.socket.remotePort);
    response.end('[]');
  });
  const client = clientFor(port);
  for (let call = 0; call < 20; call++) await client.getTasks(pod, never);
  expect(ports.size).toBe(1);
});

test('cuts the texts of an executor and ignores what it does not know', async () => {
  const terminated = { exitCode: 1, reason: 'x'.repeat(500), message: null, startedAt: null, more: true };
  const port = await serve((_, response) => response.end(JSON.stringify([{ name: 'b-0', extra: 1, processStatus: { terminated } }])));
  const { tasks, revision } = await clientFor(port).getTasks(pod, never);
  expect(tasks).toEqual([{ name: 'b-0', processStatus: { terminated: { exitCode: 1, reason: 'x'.repeat(200), message: undefined } } }]);
  expect(revision).toBeUndefined();
});

test.each([
  ['null', 'null'],
  ['text', 'hello secret'],
  ['an object', '{"secret":1}'],
  ['a fractional exit code', '[{"name":"a","processStatus":{"terminated":{"exitCode":0.5}}}]'],
  ['a task without a name', '[{}]'],
])('takes %s for no answer, and quotes none of it (R135)', async (_, answer) => {
  const port = await serve((_request, response) => response.end(answer));
  expect(await problemOf(clientFor(port).getTasks(pod, never))).toBe(
    'EXECUTOR_UNAVAILABLE executor: answer: expected a set of tasks, got another answer',
  );
});

test.each(['<html>It works!</html>', '', '{}', '[]', 'null', '{"empty":false}', '{"empty":1}'])('takes a reset that is answered by %j for none (X30)', async (answer) => {
  const port = await serve((_request, response) => response.end(answer));
  expect(await problemOf(clientFor(port).reset(pod, never))).toBe('EXECUTOR_UNAVAILABLE executor: answer: expected a proof that nothing is left, got another answer');
});

test('stops reading an answer without end', async () => {
  const port = await serve((_, response) => {
    response.on('error', () => undefined);
    const more = () => {
      while (response.write('[[[['.repeat(16_384)));
    };
    response.on('drain', more);
    more();
  });
  expect(await problemOf(clientFor(port).getTasks(pod, never))).toContain('EXECUTOR_UNAVAILABLE executor: answer: expected an answer within 3000 ms');
});

test.each([
  [400, 'EXECUTOR_REFUSED executor: request: expected a request that it accepts, got status 400'],
  [401, 'EXECUTOR_UNAUTHORIZED executor: token: expected a key that it knows, got status 401'],
  [500, 'EXECUTOR_UNAVAILABLE executor: answer: expected status 200, got 500'],
  [302, 'EXECUTOR_UNAVAILABLE executor: answer: expected status 200, got 302'],
])('reports status %i without the body (R135)', async (status, want) => {
  const port = await serve((_, response) => response.writeHead(status, { location: '/getTasks' }).end('secret'));
  expect(await problemOf(clientFor(port).setTasks(pod, [task], never))).toBe(want);
});

test('gives up after three seconds (R39)', async () => {
  const clock = new ManualClock();
  let asked = 0;
  const port = await serve(() => void (asked += 1));
  let problem: string | undefined;
  const call = problemOf(clientFor(port, { clock }).getTasks(pod, never)).then((text) => (problem = text));
  await until(() => expect(asked).toBe(1));
  await clock.advance(2_999);
  expect(problem).toBeUndefined();
  await clock.advance(1);
  expect(await call).toBe('EXECUTOR_UNAVAILABLE executor: answer: expected an answer within 3000 ms, got none');
});

test('ends a call when its signal aborts, before and during it', async () => {
  const port = await serve(() => aborter.abort());
  const aborter = new AbortController();
  const client = clientFor(port);
  expect(await problemOf(client.awaitTasks(pod, '1', aborter.signal))).toContain('EXECUTOR_UNAVAILABLE');
  expect(await problemOf(client.getTasks(pod, aborter.signal))).toContain('EXECUTOR_UNAVAILABLE');
});
