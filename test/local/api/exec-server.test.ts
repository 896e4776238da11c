import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { get } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { json as readJson } from 'node:stream/consumers';
import type { ExecProcess, PodExec, PodExecRequest } from '../../../local/api/pod-exec';
import { type ApiServer, createApiServer } from '../../../local/api/server';
import { execInPod } from '../../../operator/kube/client-node';
import { fixedConnection } from '../../../operator/kube/connection';
import { podExec } from '../../../operator/kube/pod-exec';
import { ApiClient } from '../../support/api-client';
import { runProgram } from '../../support/run-program';
import { until } from '../../support/waiting';

let server: ApiServer;
let client: ApiClient;
let folder: string;
let asked: PodExecRequest[];
let killed = 0;

/** Says on both outputs what it read, and ends with the exit code that is its argument. */
const echo: PodExec = (request) => {
  asked.push(request);
  if (request.container === 'absent') return undefined;
  return () => {
    const chunks: Uint8Array[] = [];
    let end: () => void = () => undefined;
    const input = new Promise<Buffer>((resolve) => (end = () => resolve(Buffer.concat(chunks))));
    const output = async function* (prefix: string) {
      const text = await input;
      if (request.command[0] !== 'silent') yield Buffer.from(`${prefix}${String(text)}`);
    };
    const ended = request.command[0] === 'endless' ? new Promise<number>(() => undefined) : Promise.resolve(Number(request.command[1] ?? 0));
    return {
      stdout: Readable.from(output('out:')),
      stderr: Readable.from(output('err:')),
      ended,
      write: (chunk) => chunks.push(chunk),
      endInput: () => end(),
      kill: () => (killed += 1),
    } satisfies ExecProcess;
  };
};

beforeEach(async () => {
  asked = [];
  killed = 0;
  folder = mkdtempSync(join(tmpdir(), 'exec-'));
  server = await createApiServer({ exec: echo });
  writeFileSync(join(folder, 'kubeconfig'), server.kubeconfig());
  client = new ApiClient(join(folder, 'kubeconfig'));
  const spec = { containers: ['main', 'absent'].map((name) => ({ name, image: 'none' })) };
  await client.request('POST', '/api/v1/namespaces/default/pods', { metadata: { name: 'p' }, spec });
});
afterEach(async () => {
  await client.close();
  await server.close();
  rmSync(folder, { recursive: true });
});

const kubectl = (...args: string[]) => {
  const env = { ...process.env, KUBECONFIG: join(folder, 'kubeconfig'), HOME: folder };
  return runProgram('kubectl', ['exec', '--container=main', ...args], env, args.includes('--stdin') ? 'in' : undefined);
};
const path = (query: string) => `/api/v1/namespaces/default/pods/p/exec?${query}`;

describe('kubectl exec', () => {
  test('shows both outputs and the exit code', async () => {
    expect(await kubectl('p', '--', 'run', '0')).toEqual({ exitCode: 0, stdout: 'out:', stderr: 'err:' });
    expect(await kubectl('p', '--', 'silent', '7')).toMatchObject({ exitCode: 7, stdout: '' });
    expect(asked[0]).toEqual({ namespace: 'default', pod: 'p', container: 'main', command: ['run', '0'], streams: { stdin: false, stdout: true, stderr: true } });
  });

  test('sends its input', async () => {
    expect(await kubectl('--stdin', 'p', '--', 'run')).toMatchObject({ exitCode: 0, stdout: 'out:in' });
  });

  test('says why a command cannot run', async () => {
    expect((await kubectl('other', '--', 'run')).stderr).toContain('pods "other" not found');
    expect((await kubectl('--container=absent', 'p', '--', 'run')).exitCode).toBe(1);
  });
});

test.each([
  ['no command', 'container=main&stdout=true'],
  ['no stream', 'container=main&command=x'],
  ['no container, of several', 'command=x&stdout=true'],
  ['a terminal', 'container=main&command=x&stdout=true&tty=true'],
])('a request with %s is refused', async (_title, query) => {
  const headers = { authorization: `Bearer ${server.token}`, connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-protocol': 'v5.channel.k8s.io' };
  const [answer] = (await once(get(server.url + path(query), { ca: server.ca, headers }), 'response')) as [IncomingMessage];
  expect(await readJson(answer)).toMatchObject({ kind: 'Status', code: 400, reason: 'BadRequest' });
});

test('a plain request is told to ask for an upgrade', async () => {
  for (const method of ['GET', 'POST']) {
    expect(await client.request(method, path('command=x&container=main&stdout=true'))).toMatchObject({ status: 400, body: { message: 'Upgrade request required' } });
  }
});

const request = (more: object = {}) => ({ namespace: 'default', pod: 'p', container: 'main', command: ['kill', '1'], timeoutMs: 10_000, signal: new AbortController().signal, ...more });
const exec = (token = server.token, mayWrite = true) =>
  podExec({ connection: fixedConnection(server.url, token, { ca: server.ca }), mayWrite: () => mayWrite, load: () => Promise.resolve({ execInPod }) });

describe('the exec of the operator', () => {

  test('runs a command, however that ends', async () => {
    await exec()(request());
    await exec()(request({ command: ['silent', '3'] }));
    expect(asked.map(({ command }) => command)).toEqual([['kill', '1'], ['silent', '3']]);
  });

  test('gives up after its time, and breaks the connection', async () => {
    let timeoutMs = 100;
    await until(async () => {
      timeoutMs *= 2;
      await expect(exec()(request({ command: ['endless'], timeoutMs }))).rejects.toThrow(`expected an end within ${timeoutMs} ms`);
      expect(asked).not.toEqual([]); // else the time was over before it was asked for anything
    });
    await until(() => expect(killed).toBe(asked.length));
  });

  test('is cut short by its signal', async () => {
    const stopping = new AbortController();
    const running = exec()(request({ command: ['endless'], signal: stopping.signal }));
    await Promise.all([expect(running).rejects.toThrow('cut short'), until(() => expect(asked).toHaveLength(1)).then(() => stopping.abort())]);
    await until(() => expect(killed).toBe(1));
  });

  test.each([
    ['a container that does not run', { container: 'absent' }, undefined, '400'],
    ['a pod that is not there', { pod: 'other' }, undefined, '404'],
    ['a token that is refused', {}, 'wrong', '401'],
  ])('says that it could not start: %s', async (_title, more, token, code) => {
    await expect(exec(token)(request(more))).rejects.toMatchObject({ name: 'TransportError', message: expect.stringContaining(code) as string });
  });

  test('is not sent by a process that does not lead', async () => {
    await expect(exec(undefined, false)(request())).rejects.toMatchObject({ name: 'NotLeadingError' });
    expect(asked).toEqual([]);
  });
});

test('a server that closes ends what runs', async () => {
  const running = exec()(request({ command: ['endless'] }));
  await until(() => expect(asked).toHaveLength(1));
  await server.close();
  await running;
  await until(() => expect(killed).toBe(1));
  server = await createApiServer();
});
