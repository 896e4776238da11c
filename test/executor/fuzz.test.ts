import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { connect } from 'node:net';
import fc from 'fast-check';
import { sendNoise } from '../support/http-noise';
import { ExecutorProcess, shell } from './executor-process';

const RUNS = 60;

let executor: ExecutorProcess;
beforeAll(async () => (executor = await ExecutorProcess.start(['--max-tasks=2', '--stop-grace-seconds=0'])));
afterAll(() => executor.clean());
/** It is the same process, and answers. */
afterEach(async () => expect(await executor.request('GET', '/version')).toMatchObject({ status: 200 }));

/** What the routes may answer a body that nobody has thought of: never 500. */
const DOCUMENTED: Readonly<Record<string, readonly number[]>> = {
  'POST /setTasks': [200, 400, 409, 413],
  'POST /tasks': [201, 400, 409, 413],
  'POST /reset': [200, 400, 409, 413],
  'DELETE /tasks/a': [204, 413],
  'POST /nothing': [404, 413],
  'PUT /getTasks': [405, 413],
};

const anyBytes = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));
const odd = fc.constantFrom<unknown>(null, true, 0, -1, 1.5, 1e21, '', 'a', '../a', '\u0000', '\ud800', [], {}, [null], { valueFrom: {} });
const text = fc.oneof(fc.constantFrom('true', 'a', ''), fc.string({ maxLength: 8 }), odd);
const nearlyTask = fc.record(
  {
    name: fc.oneof(fc.constantFrom('a', 'b', 'a..b', 'A_1'), text),
    uid: text,
    process: fc.oneof(
      { weight: 8, arbitrary: fc.record(
        {
          command: fc.oneof({ weight: 4, arbitrary: fc.constant(['true']) }, { weight: 1, arbitrary: fc.array(odd, { maxLength: 3 }) }, { weight: 1, arbitrary: odd }),
          args: fc.oneof(fc.array(text, { maxLength: 2 }), odd),
          env: fc.oneof(fc.array(fc.record({ name: text, value: text }, { requiredKeys: [] }), { maxLength: 2 }), odd),
          workingDir: text,
          timeoutSeconds: fc.oneof(fc.constantFrom(1, 60, 2 ** 31, 2 ** 53), odd),
          stopGraceSeconds: fc.oneof(fc.constantFrom(0, 5), odd),
        },
        { requiredKeys: ['command'] },
      ) },
      { weight: 1, arbitrary: odd },
    ),
    processStatus: odd,
    podTemplateSpec: odd,
    other: odd,
  },
  { requiredKeys: ['name', 'process'] },
); // prettier-ignore
const nearlyJson = fc
  .oneof(fc.array(nearlyTask, { maxLength: 3 }), nearlyTask, fc.jsonValue(), odd)
  .map((value) => JSON.stringify(value) ?? '')
  .chain((json) => fc.tuple(fc.constant(json), fc.nat(json.length), fc.constantFrom('', '', '', '', '"', '}', '\\', '\u0000', '[')))
  .map(([json, at, put]) => Buffer.from(put === '' ? json : json.slice(0, at) + put + json.slice(at)));

/** Status of an answer, and its text. */
async function send(route: string, body: Buffer, headers: Readonly<Record<string, string>> = {}): Promise<{ readonly status: number; readonly text: string }> {
  const [method = '', path = ''] = route.split(' ');
  const response = await fetch(`http://127.0.0.1:${executor.port}${path}`, { method, body: new Uint8Array(body), headers });
  return { status: response.status, text: await response.text() };
}

test.each(Object.entries(DOCUMENTED))('%s answers every body by a documented status, and errors by their shape (X15, X16)', async (route, statuses) => {
  await fc.assert(
    fc.asyncProperty(fc.oneof(anyBytes, nearlyJson), async (body) => {
      const { status, text } = await send(route, body);
      expect({ body: body.toString('latin1'), status, isDocumented: statuses.includes(status) }).toMatchObject({ isDocumented: true });
      if (status >= 400) expect(JSON.parse(text)).toEqual({ code: expect.any(String), reason: expect.any(String), message: expect.any(String) });
    }),
    { numRuns: RUNS },
  );
});

test('a body that is refused changes nothing, whatever it is (X15, X16)', async () => {
  await executor.request('POST', '/reset', {});
  const before = await executor.set(shell('keeps', 'exec sleep 1000'));
  await executor.running();
  const held = await executor.list();
  await fc.assert(
    fc.asyncProperty(fc.oneof(anyBytes, nearlyJson), async (body) => {
      const { status } = await send('POST /setTasks', Buffer.concat([body, Buffer.from(' ]')])); // never a whole text
      expect(status).toBe(400);
    }),
    { numRuns: RUNS },
  );
  expect(await executor.list()).toEqual(held);
  expect(before).toHaveLength(1);
});

const LARGE: Readonly<Record<string, (size: number) => string>> = {
  'wrong entries': (size) => `[${'0,'.repeat(size / 2)}0]`,
  'wrong arguments': (size) => `[{"name":"a","process":{"command":[${'0,'.repeat(size / 2)}0]}}]`,
  'unknown members': (size) => `[{"name":"a",${Array.from({ length: size / 16 }, (_, index) => `"m${index}":0`).join()}}]`,
  'the same name again': (size) => `[${Array.from({ length: size / 48 }, () => '{"name":"a","process":{"command":["true"]}}').join()}]`,
  'lists in lists': (size) => `${'['.repeat(size)}`,
  'lists in lists in a member that is ignored': (size) => `[{"name":"a","process":{"command":[]},"message":${'['.repeat(size / 4)}${']'.repeat(size / 4)}}]`,
};

test.each(Object.entries(LARGE))('a body of a megabyte of %s is refused in few words (X15, X16)', async (_title, bodyOf) => {
  await executor.request('POST', '/reset', {});
  const { status, text } = await send('POST /setTasks', Buffer.from(bodyOf(1_000_000)));
  expect(status).toBe(400);
  expect(text.length).toBeLessThan(10_000);
  expect(await executor.list()).toEqual([]);
});

test('bytes that are no HTTP end their connection and nothing else (X16)', () => sendNoise(executor.port, RUNS));

test('an executor with a key answers no body and no header but by 401, or as HTTP wants it (X25, X27)', async () => {
  const publicKey = String(generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' }));
  const guarded = await ExecutorProcess.start([], undefined, { AUTH_PUBLIC_KEY: publicKey, POD_UID: 'pod-1' });
  try {
    const part = fc.oneof(fc.jsonValue().map((value) => Buffer.from(JSON.stringify(value)).toString('base64url')), fc.stringMatching(/^[!-~]{0,40}$/));
    const header = fc.oneof(fc.stringMatching(/^[ -~]{0,100}$/), fc.tuple(part, part, part).map((parts) => `Bearer ${parts.join('.')}`), fc.constant(`Bearer eyJhbGciOiJub25lIn0.${'e30'.repeat(1000)}.`));
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...Object.keys(DOCUMENTED)), fc.oneof(anyBytes, nearlyJson), header, async (route, body, authorization) => {
        const [method = '', path = ''] = route.split(' ');
        const response = await fetch(`http://127.0.0.1:${guarded.port}${path}`, { method, body: new Uint8Array(body), headers: { authorization } });
        expect([response.status, await response.json()]).toEqual([401, { code: 'Unauthorized', reason: 'Unauthorized', message: expect.any(String) as unknown }]);
      }),
      { numRuns: RUNS },
    );
    expect(await answerBeforeBody(guarded.port)).toMatch(/^HTTP\/1.1 401 /); // nobody without a token has a body kept in memory
    await sendNoise(guarded.port, RUNS);
    expect((await guarded.request('GET', '/health')).status).toBe(200);
  } finally {
    await guarded.kill('SIGTERM');
    rmSync(guarded.home, { recursive: true, force: true });
  }
});

const QUERIES: Readonly<Record<string, number>> = {
  '/getTasks?wait=25.5&after=x': 400,
  '/getTasks?wait=1e1': 400,
  '/getTasks?wait=%00': 400,
  '/getTasks?after=%00': 200,
  '/tasks/a/logs?offset=-1': 404,
  '/tasks/..%2F..%2Fetc%2Fpasswd': 404,
  '/tasks/%00': 404,
  '/tasks/a/b/c': 404,
  '/tasks//logs': 404,
};

test.each(Object.entries(QUERIES))('GET %s is %d (X15, X16, X17)', async (path, want) => {
  await executor.set();
  await executor.until((tasks) => tasks.length === 0);
  expect((await executor.request('GET', path)).status).toBe(want);
});

/** First words of the answer to a request that announces a body of a megabyte and sends none of it. */
async function answerBeforeBody(port: number): Promise<string> {
  const caller = connect(port, '127.0.0.1').setEncoding('utf8');
  caller.write('POST /setTasks HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer x.y.z\r\nContent-Length: 1000000\r\n\r\n');
  const [text] = (await once(caller, 'data')) as [string];
  caller.destroy();
  return text;
}
