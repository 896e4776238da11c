import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import fc from 'fast-check';
import { hostLauncher } from '../../../executor/tasks/launch';
import { taskRoutes } from '../../../executor/tasks/routes';
import { RunnerPool } from '../../../executor/tasks/runner';
import { TaskStore } from '../../../executor/tasks/store';
import { Supervisor } from '../../../executor/tasks/supervisor';
import { SandboxError } from '../../../src/schema/errors';
import { REVISION_HEADER, TASK_NAME } from '../../../src/schema/executor-api';
import { ManualClock } from '../../support/manual-clock';
import { ExecutorProcess, shell } from '../executor-process';

const log = { info: () => undefined, error: () => undefined };
const version = { version: '1.2.3', mode: 'host', bootId: 'boot' } as const;
const notReset = () => Promise.reject(new SandboxError('SANDBOX_NOT_EMPTY', 'reset: left', { details: { reason: 'NotEmpty', processes: [{ pid: 7, command: 'sleep' }] } }));
let dataDir: string;

/** The routes over an empty supervisor that can start nothing. */
async function routes(more: Partial<Parameters<typeof taskRoutes>[0]> = {}) {
  const store = await TaskStore.open(dataDir);
  const runners = new RunnerPool({ argv: ['/no/such/program'], env: {} }, dataDir, 0);
  const supervisor = new Supervisor({
    store, runners, log, launcher: hostLauncher({}, '/'), clock: new ManualClock(), scope: 'test', maxTasks: 2, stopGraceSeconds: 1, taskLogMaxBytes: 4096,
  });
  const handle = taskRoutes({ supervisor, log, version, maxBodyBytes: 1000, health: () => Promise.resolve([]), reset: notReset, ...more });
  return {
    supervisor,
    call: async (method: string, path: string, body: string | Buffer = '') => {
      const request = { method, url: new URL(path, 'http://executor'), headers: {}, body: [Buffer.from(body)], signal: new AbortController().signal };
      const answer = await handle(request);
      const text = String(answer.body ?? '');
      return { status: answer.status, headers: answer.headers, body: text === '' ? undefined : (JSON.parse(text) as unknown) };
    },
  };
}

beforeEach(() => (dataDir = mkdtempSync(join(tmpdir(), 'executor-test-'))));
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

const a = { name: 'a', process: { command: ['true'] } };
const withProcess = (process: unknown) => JSON.stringify([{ name: 'a', process }]);

const BAD_BODIES: Readonly<Record<string, { body: string; reason?: string; message: string }>> = {
  'no body': { body: '', message: 'expected JSON in UTF-8, got 0 bytes' },
  null: { body: 'null', message: 'expected a list of tasks, got null; send [] to remove all' },
  'an object': { body: '{}', message: 'expected a list of tasks, got an object' },
  'text behind the list': { body: '[] []', message: 'expected JSON in UTF-8' },
  'an entry that is null': { body: '[null]', message: '[0]: expected an object, got null' },
  'an entry without a name': { body: '[{"process":{"command":["x"]}}]', message: '[0].name: expected text, got nothing' },
  'a name that is a path': { body: JSON.stringify([{ ...a, name: '../a' }]), message: '[0].name: expected text matching' },
  'a name twice': { body: JSON.stringify([a, a]), reason: 'DuplicateName', message: "[1].name: expected a name once, got 'a' again" },
  'too many names': { body: JSON.stringify(['a', 'b', 'c'].map((name) => ({ ...a, name }))), reason: 'TooManyTasks', message: 'expected at most 2 tasks (--max-tasks), got 3' },
  'no process': { body: '[{"name":"a"}]', message: '[0].process: expected an object, got nothing' },
  'a container task': { body: '[{"name":"a","podTemplateSpec":{}}]', message: '[0].podTemplateSpec: expected no container task' },
  'an unknown member': { body: JSON.stringify([{ ...a, prio: 1 }]), message: '[0].prio: expected a known member' },
  'an unknown member of the process': { body: withProcess({ command: ['x'], shell: true }), message: '[0].process.shell: expected a known member' },
  'a member that objects inherit': { body: '[{"name":"a","process":{"command":["x"]},"__proto__":{}}]', message: '[0].__proto__: expected a known member' },
  'no program': { body: withProcess({ command: [], args: null }), message: '[0].process.command: expected a program, got nothing' },
  'a command that is text': { body: withProcess({ command: 'ls' }), message: '[0].process.command: expected a list, got a string' },
  'valueFrom': { body: withProcess({ command: ['x'], env: [{ name: 'A', valueFrom: {} }] }), message: '[0].process.env[0].valueFrom: expected a known member' },
  'a variable with =': { body: withProcess({ command: ['x'], env: [{ name: 'A=B' }] }), message: '[0].process.env[0].name: expected text matching' },
  'a NUL in an argument': { body: withProcess({ command: ['x\0'] }), message: '[0].process.command[0]: expected text matching' },
  'a limit of 0': { body: withProcess({ command: ['x'], timeoutSeconds: 0 }), message: '[0].process.timeoutSeconds: expected a number of at least 1' },
  'a limit with a fraction': { body: withProcess({ command: ['x'], timeoutSeconds: 1.5 }), message: '[0].process.timeoutSeconds: expected a whole number' },
};

test.each(Object.entries(BAD_BODIES))('POST /setTasks with %s is 400 and changes nothing (X15, X16, X17)', async (_title, { body, reason = 'InvalidBody', message }) => {
  const { call, supervisor } = await routes();
  const before = supervisor.changes.revision;
  expect(await call('POST', '/setTasks', body)).toMatchObject({ status: 400, body: { code: 'Bad Request', reason, message: expect.stringContaining(message) } });
  expect({ tasks: supervisor.list(), revision: supervisor.changes.revision }).toEqual({ tasks: [], revision: before });
});

const takenName = fc.stringMatching(TASK_NAME);
const longName = fc.string({ unit: fc.constantFrom('a', '.', '-', '_'), minLength: 245, maxLength: 256 }).map((inner) => `a${inner}b`);
/** A name with something put in or on; most of these are refused. */
const spoiltName = fc
  .tuple(fc.oneof(takenName, longName), fc.nat(), fc.oneof(fc.constantFrom('.', '..', '/', '/../', '-', '_', '%2f', '\\', '\0', '\n', 'é'), fc.string({ unit: 'binary', maxLength: 3 })))
  .map(([name, at, put]) => name.slice(0, at % (name.length + 1)) + put + name.slice(at % (name.length + 1)));
const anyName = fc.oneof(takenName, longName, spoiltName, spoiltName);

test('no name leaves the data directory, and none is taken for a file of ours (X17)', () => {
  fc.assert(
    fc.property(anyName, (name) => {
      const path = join('/data', name);
      const isHarmless = path === `/data/${name}` && dirname(path) === '/data' && !basename(path).startsWith('.') && Buffer.byteLength(name) <= 253;
      expect({ name, isTaken: TASK_NAME.test(name), isHarmless }).not.toEqual({ name, isTaken: true, isHarmless: false });
    }),
  );
});

test('names of each kind are taken, and refused', () => {
  const counts = fc.sample(anyName, { numRuns: 1000, seed: 1 }).filter((name) => TASK_NAME.test(name)).length;
  expect(counts).toBeGreaterThan(250);
  expect(counts).toBeLessThan(750);
});

test('an error names all that is wrong, without values (X15, X24)', async () => {
  const { call } = await routes();
  const { body } = await call('POST', '/setTasks', withProcess({ command: 'rm secret', env: [{ name: 'TOKEN', value: 5 }] }));
  expect(body).toMatchObject({ message: 'request: 2 problems: [0].process.command: expected a list, got a string; [0].process.env[0].value: expected text, got a number' });
});

test('bytes that are no UTF-8 are 400 (X15)', async () => {
  const { call } = await routes();
  const response = await call('POST', '/tasks', Buffer.from([0x22, 0xff, 0x22]));
  expect(response).toMatchObject({ status: 400, body: { reason: 'InvalidBody' } });
});

test('a start that the system does not allow is 500 and changes nothing (X16)', async () => {
  const { call, supervisor } = await routes();
  expect(await call('POST', '/setTasks', JSON.stringify([a]))).toMatchObject({ status: 500, body: { code: 'Internal Server Error', reason: 'Internal' } });
  expect(supervisor.list()).toEqual([]);
});

const ANSWERS: Readonly<Record<string, { given: [string, string, string?]; want: object }>> = {
  'a body over the limit is 413': { given: ['POST', '/setTasks', ' '.repeat(1001)], want: { status: 413, body: { code: 'Payload Too Large', reason: 'TooLarge' } } },
  'an empty list is a list': { given: ['GET', '/getTasks'], want: { status: 200, body: [] } },
  'members of answers are ignored': { given: ['POST', '/setTasks', '[]'], want: { status: 200, body: [] } },
  'an unknown path is 404': { given: ['GET', '/nothing'], want: { status: 404, body: { code: 'Not Found', reason: 'NotFound' } } },
  'GET /tasks is 405': { given: ['GET', '/tasks'], want: { status: 405, body: { code: 'Method Not Allowed', reason: 'MethodNotAllowed' } } },
  'another method is 405': { given: ['DELETE', '/getTasks'], want: { status: 405, body: { reason: 'MethodNotAllowed' } } },
  'an unknown task is 404': { given: ['GET', '/tasks/a'], want: { status: 404, body: { reason: 'NotFound' } } },
  'output of an unknown task is 404': { given: ['GET', '/tasks/a/logs'], want: { status: 404, body: { reason: 'NotFound' } } },
  'deleting an unknown task is 204': { given: ['DELETE', '/tasks/a'], want: { status: 204 } },
  'a wait over 25 s is 400': { given: ['GET', '/getTasks?after=x&wait=26'], want: { status: 400, body: { reason: 'InvalidQuery', message: "request: wait: expected a whole number from 0 to 25, got '26'" } } },
  'a wait that is no number is 400': { given: ['GET', '/getTasks?wait=-1'], want: { status: 400, body: { reason: 'InvalidQuery' } } },
  'a reset with members is 400': { given: ['POST', '/reset', '{"force":true}'], want: { status: 400, body: { reason: 'InvalidBody' } } },
  'a reset that leaves something is 500 and names it': {
    given: ['POST', '/reset', '{}'],
    want: { status: 500, body: { reason: 'NotEmpty', processes: [{ pid: 7, command: 'sleep' }] } },
  },
  'the version is told': { given: ['GET', '/version'], want: { status: 200, body: version } },
  'health is told': { given: ['GET', '/health'], want: { status: 200, body: { status: 'healthy' } } },
};

test.each(Object.entries(ANSWERS))('%s (X15, X16)', async (_title, { given: [method, path, body], want }) => {
  const { call } = await routes();
  expect(await call(method, path, body)).toMatchObject(want);
});

test('a long-poll answers at once when the revision is another (X20)', async () => {
  const { call } = await routes();
  const { headers } = await call('GET', '/getTasks?after=older&wait=25');
  expect(headers?.[REVISION_HEADER]).toMatch(/^[0-9a-f]{12}-0$/);
});

test('64 callers wait at the same time and all wake at a change (X20)', async () => {
  const { call, supervisor } = await routes();
  const waiting = Array.from({ length: 64 }, () => call('GET', `/getTasks?after=${supervisor.changes.revision}&wait=25`));
  // Any answer of the same app proves that the calls before it have arrived.
  await call('GET', '/version');
  supervisor.changes.announce();
  expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual(Array.from({ length: 64 }, () => 200));
});

test('without a token only /health answers (X27)', async () => {
  const { call } = await routes({ authorize: () => Promise.reject(new SandboxError('REQUEST_UNAUTHORIZED', 'token: none', { details: { reason: 'Unauthorized' } })) });
  expect((await call('GET', '/health')).status).toBe(200);
  for (const path of ['/getTasks', '/version', '/tasks/a', '/tasks/a/logs', '/nothing', '/tasks']) {
    expect(await call('GET', path)).toMatchObject({ status: 401, body: { code: 'Unauthorized', reason: 'Unauthorized' } });
  }
});

test('what is wrong with the executor is 503 (X22)', async () => {
  const { call } = await routes({ health: () => Promise.resolve(['disk']) });
  expect(await call('GET', '/health')).toMatchObject({ status: 503, body: { status: 'unhealthy', problems: ['disk'] } });
});

test('gives the output of a task as it comes, where Linux allows no more watchers of files (X23)', async () => {
  const withoutWatchers = ['unshare', '--map-root-user', 'sh', '-c', 'echo 0 >/proc/sys/user/max_inotify_instances && exec "$@"', 'sh'];
  const executor = await ExecutorProcess.start([], dataDir, {}, { launcher: withoutWatchers });
  try {
    // So many that waiting each time to the end of the wait would take longer than a test may.
    const lines = ['1', '2', '3', '4', '5'];
    await executor.set(shell('a', `for line in ${lines.join(' ')}; do until [ -e $line ]; do sleep 0.02; done; echo $line; done; exec sleep 600`));
    for (const [index, line] of lines.entries()) {
      const next = executor.log('a', `&offset=${index * 2}`);
      writeFileSync(join(executor.home, line), '');
      expect(await next).toMatchObject({ status: 200, body: `${line}\n` });
    }
    expect(await executor.request('GET', '/tasks/a/logs')).toMatchObject({ status: 200, body: '1\n2\n3\n4\n5\n' });
  } finally {
    await executor.clean();
  }
});

test('once tasks are ended with the executor nobody is told of them (R113)', async () => {
  const { call, supervisor } = await routes();
  await supervisor.endTasks();
  expect(await call('GET', '/getTasks')).toMatchObject({ status: 503, body: { reason: 'ShuttingDown' } });
  expect(await call('POST', '/setTasks', '[]')).toMatchObject({ status: 409, body: { reason: 'ShuttingDown' } });
  expect(await call('GET', '/health')).toMatchObject({ status: 200 });
});
