import { type Execution, ExecutionEventDispatcher, type ServerStreamEvent } from '@alibaba-group/opensandbox';
import { createExecdClient } from '@alibaba-group/opensandbox/internal';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { hostSandbox } from '../../../executor/execd/sandbox';
import { ManualClock, untilWith } from '../../support/manual-clock';
import { until } from '../../support/waiting';
import { isRunning } from '../executor-process';
import { AppInProcess } from './app-in-process';
import { CODE_SAMPLES } from './code-samples';
import type { Run } from './execd-client';

/** Interpreters of this machine: the Node of the tests, and the Python of the system. */
const PATH = `${dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin`;

const toSandbox = (root: string) => hostSandbox({ PATH, HOME: root, NAME: 'value' }, root);

let app: AppInProcess;
beforeAll(async () => {
  app = await AppInProcess.start(toSandbox);
});
afterAll(() => app.stop());

const run = (code: string, context: object): Promise<Run> => app.client.runBody('/code', { code, context });
const refused = (method: string, path: string, body?: unknown) => app.client.refused(method, path, body);

async function newContext(language: string, more: object = {}): Promise<{ id: string; run: (code: string) => Promise<Run> }> {
  const answer = await app.client.ask('POST', '/code/context', { language, ...more });
  const { id, language: told } = (await answer.json()) as { id: string; language: string };
  expect([answer.status, told]).toEqual([200, language]);
  return { id, run: (code) => run(code, { id, language }) };
}

/** Resolves when code has made a file of this name. */
const untilMade = (name: string) => until(() => expect(existsSync(join(app.root, name))).toBe(true));

describe.each(Object.entries(CODE_SAMPLES))('a context of %s', (language, sample) => {
  test('keeps what code defines, and tells its output, the value of its last expression and its number', async () => {
    const { id, run: runIn } = await newContext(language);
    const first = await runIn(sample.begin);
    expect(first).toMatchObject({ id, stdout: ['out'], stderr: ['err'], exitCode: 0 });
    expect(first.result).toBeUndefined();
    const { events } = await runIn(sample.add);
    expect(events.map(({ type }) => type)).toEqual(['init', 'ping', 'execution_count', 'result', 'status', 'execution_complete']);
    expect(events).toMatchObject([{ text: id }, {}, { execution_count: 2 }, { results: { 'text/plain': '42', text: '42' } }, { text: 'ok' }, {}]);
    expect((await runIn(sample.awaits)).result).toBe('42');
    expect((await runIn(sample.awaits)).result).toBe('42');
  });

  test('tells errors with name, message and traceback, and goes on', async () => {
    const { run: runIn } = await newContext(language);
    for (const [code, [ename, evalue]] of Object.entries(sample.failures)) {
      const { error, events } = await runIn(code);
      expect([code, error]).toEqual([code, { ename, evalue: typeof evalue === 'string' ? evalue : expect.stringMatching(evalue), traceback: expect.arrayContaining([expect.any(String)]) }]);
      expect(events.slice(-2)).toMatchObject([{ type: 'status', text: 'error' }, { type: 'error' }]);
    }
    const { error } = await runIn(Object.keys(sample.failures)[1] ?? '');
    // Of the code alone, with its lines: nothing of what runs it.
    expect(error?.traceback.join('\n')).toMatch(/cell.8/);
    expect(error?.traceback.join('\n')).not.toMatch(/<string>|\[eval\]|inspector/);
    expect((await runIn(sample.add.replace('x', '40'))).result).toBe('42');
  });

  test('is interrupted by the id of its run, also while it waits, and keeps what there is', async () => {
    const { id, run: runIn } = await newContext(language);
    await runIn(sample.begin);
    for (const [index, loop] of sample.loops.entries()) {
      const file = `${language}-${index}`;
      const running = runIn(loop(file));
      await untilMade(file);
      expect((await app.client.ask('DELETE', `/code?id=${id}`)).status).toBe(200);
      const { error } = await running;
      expect([error?.ename, error?.traceback.filter((line) => /<string>|\[eval\]/.test(line))]).toEqual([sample.interrupted, []]);
    }
    expect((await app.client.ask('DELETE', `/code?id=${id}`)).status).toBe(200); // nothing runs
    expect((await runIn(sample.add)).result).toBe('42');
  });

  test('keeps its pipes from the programs that it starts', async () => {
    expect(await (await newContext(language)).run(sample.leaks)).toMatchObject({ stdout: [], result: '1' });
  });

  test('is gone with its interpreter, and says so', async () => {
    const { id, run: runIn } = await newContext(language);
    expect((await runIn(sample.exit)).error).toMatchObject({ ename: 'InterpreterExited', evalue: '7' });
    const answer = await app.client.ask('POST', '/code', { code: 'x', context: { id } });
    expect([answer.status, await answer.json()]).toEqual([404, { code: 'CONTEXT_NOT_FOUND', message: expect.stringContaining('exit code 7') }]);
    expect(await refused('GET', `/code/contexts/${id}`)).toEqual({ status: 404, code: 'CONTEXT_NOT_FOUND' });
  });

  test('is shared by all code of its language that names none, until it is deleted', async () => {
    const [first, second] = await Promise.all([run(sample.pid, { language }), run(sample.pid, { language, id: null })]);
    expect([first.result, first.id]).toEqual([second.result, second.id]);
    expect((await app.client.ask('DELETE', `/code/contexts?language=${language}`)).status).toBe(200);
    expect(isRunning(Number(first.result))).toBe(false);
    expect((await run(sample.pid, { language })).id).not.toBe(first.id);
  });

  test('has variables and directory of the sandbox, or one of its own', async () => {
    const code = { python: 'import os\nprint(os.environ["NAME"])\nprint(os.getcwd())', javascript: 'console.log(process.env.NAME); console.log(process.cwd())' }[language] ?? '';
    expect((await (await newContext(language)).run(code)).stdout).toEqual(['value', app.root]);
    expect((await (await newContext(language, { cwd: `made/${language}` })).run(code)).stdout).toEqual(['value', join(app.root, 'made', language)]);
  });
});

test('JavaScript that waits for what never comes is given up, and its memory is collected', async () => {
  const { id, run: runIn } = await newContext('javascript');
  const running = runIn('setTimeout(() => require("fs").writeFileSync("never", "")); await new Promise(() => {})');
  await untilMade('never');
  expect((await app.client.ask('DELETE', `/command?id=${id}`)).status).toBe(200); // as good as /code
  expect((await running).error?.ename).toBe('Interrupted');
  // Where the inspector still waits for it, Node 24 ends here.
  expect((await runIn('require("v8").setFlagsFromString("--expose-gc"); require("vm").runInNewContext("gc")(); 42')).result).toBe('42');
});

test('the end of a context ends what its code has started', async () => {
  const { id, run: runIn } = await newContext('python');
  const { stdout } = await runIn('import os, subprocess\nprint(os.getpid())\nprint(subprocess.Popen(["setsid", "sleep", "1000"]).pid)');
  const pids = stdout.map(Number);
  expect(pids.map(isRunning)).toEqual([true, true]);
  const running = runIn('open("runs", "w").close()\nwhile True: pass');
  await untilMade('runs');
  expect((await app.client.ask('DELETE', `/code/contexts/${id}`)).status).toBe(200);
  expect([pids.map(isRunning), (await running).error?.ename]).toEqual([[false, false], 'InterpreterExited']);
});

test('runs of a context go one after the other, and one ends with its caller', async () => {
  const { id, run: runIn } = await newContext('python');
  const first = runIn('import os, time\nopen("waits", "w").close()\nwhile not os.path.exists("go"): time.sleep(0.01)\nseen = ["first"]');
  await untilMade('waits');
  const second = runIn('seen + ["second"]');
  writeFileSync(join(app.root, 'go'), '');
  expect([(await first).exitCode, (await second).result]).toEqual([0, "['first', 'second']"]);

  const body = JSON.stringify({ code: 'print("runs")\nwhile True: pass', context: { id } });
  const caller = connect(Number(new URL(app.client.origin).port), '127.0.0.1').setEncoding('utf8');
  caller.write(`POST /code HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  let text = '';
  for await (const piece of caller) {
    text += String(piece);
    if (/"stdout"/.test(text)) break; // which also ends the connection
  }
  expect((await runIn('len(seen)')).result).toBe('1');
});

test('output comes whole before the value, and a value is cut', async () => {
  const { run: runIn } = await newContext('python');
  const { stdout, events } = await runIn('for i in range(20000): print(i)\nprint("last", end="")\n"x" * 3000000');
  expect([stdout.length, stdout.at(-1)]).toEqual([20001, 'last']);
  expect(events.slice(-3).map(({ type }) => type)).toEqual(['result', 'status', 'execution_complete']);
  expect(events.at(-3)?.results?.['text/plain']).toHaveLength(1024 * 1024);
});

test('nothing that code writes is taken for an answer of its interpreter, and a fork does not answer', async () => {
  const { run: runIn } = await newContext('python');
  expect(await runIn('import os\nprint(\'{"type":"done","result":"1"}\')\npid = os.fork()\nif pid: os.waitpid(pid, 0)\npid > 0')).toMatchObject({ stdout: ['{"type":"done","result":"1"}'], result: 'True' });
  expect((await runIn('os.write(6, b"nothing we know\\n")\nwhile True: pass')).error?.ename).toBe('InterpreterExited');
});

test('code that does not heed an interrupt goes on, and its context can be deleted', async () => {
  const clock = new ManualClock();
  const slow = await AppInProcess.start(toSandbox, clock);
  const running = slow.client.runBody('/code', { code: 'import signal, time\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nopen("deaf", "w").close()\nwhile True: time.sleep(1000)', context: { language: 'python' } });
  await until(() => expect(existsSync(join(slow.root, 'deaf'))).toBe(true));
  const [{ id } = { id: '' }] = (await (await slow.client.ask('GET', '/code/contexts')).json()) as { id: string }[];
  const before = clock.timerCount;
  const interrupt = slow.client.refused('DELETE', `/code?id=${id}`);
  await until(() => expect(clock.timerCount).toBe(before + 1));
  await clock.advance(10_000);
  expect(await interrupt).toEqual({ status: 409, code: 'RUNTIME_ERROR' });
  await slow.client.ask('DELETE', `/code/contexts/${id}`);
  expect((await running).error?.ename).toBe('InterpreterExited');
  await slow.stop();
});

test('code that does not heed the interrupt of a caller that has gone ends with its interpreter', async () => {
  const clock = new ManualClock();
  const slow = await AppInProcess.start(toSandbox, clock);
  const body = JSON.stringify({ code: 'import signal, time\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nopen("deaf", "w").close()\nwhile True: time.sleep(1000)', context: { language: 'python' } });
  const caller = connect(Number(new URL(slow.client.origin).port), '127.0.0.1').resume();
  caller.write(`POST /code HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  await until(() => expect(existsSync(join(slow.root, 'deaf'))).toBe(true));
  caller.destroy();
  await untilWith(clock, async () => expect(await (await slow.client.ask('GET', '/code/contexts')).json()).toEqual([]), 1_000);
  await slow.stop();
});

test('code that names only its language runs in another context where the shared one ends before its turn', async () => {
  await app.client.ask('DELETE', '/code/contexts?language=python');
  const first = run('import os, time\nopen("ends", "w").close()\nwhile not os.path.exists("end"): time.sleep(0.01)\nos._exit(7)', { language: 'python' });
  await untilMade('ends');
  const queued = [run('6 * 7', { language: 'python' }), run('6 * 7', { language: 'python' })];
  await app.client.ask('GET', '/ping'); // they are with the server
  writeFileSync(join(app.root, 'end'), '');
  expect((await first).error?.ename).toBe('InterpreterExited');
  expect((await Promise.all(queued)).map(({ result }) => result)).toEqual(['42', '42']);
});

test('modules of the working directory are for the code, and not for its driver', async () => {
  mkdirSync(join(app.root, 'shadows'));
  for (const name of ['json', 'types', 'traceback']) writeFileSync(join(app.root, 'shadows', `${name}.py`), 'raise SystemExit(9)');
  writeFileSync(join(app.root, 'shadows', 'helper.py'), 'answer = 42');
  const { run: runIn } = await newContext('python', { cwd: 'shadows' });
  expect((await runIn('import helper\nhelper.answer')).result).toBe('42');
});

test('a context of bash keeps what a session does', async () => {
  const { id, run: runIn } = await newContext('bash');
  await runIn('export A=kept; cd /etc');
  expect(await runIn('echo "$A"; pwd')).toMatchObject({ id, stdout: ['kept', '/etc'], exitCode: 0 });
  const running = runIn('>bash-runs; exec sleep 1000'.replace('>', `>${app.root}/`));
  await untilMade('bash-runs');
  await app.client.ask('DELETE', `/code?id=${id}`);
  expect((await running).exitCode).toBe(143);
  expect(await refused('POST', '/code', { code: 'a\0b', context: { id } })).toEqual({ status: 400, code: 'INVALID_REQUEST_BODY' });
  expect((await app.client.ask('DELETE', `/code/contexts/${id}`)).status).toBe(200);
  expect(await refused('POST', '/code', { code: 'true', context: { id } })).toEqual({ status: 404, code: 'CONTEXT_NOT_FOUND' });
});

test.each<[string, string, unknown, number, string]>([
  ['POST', '/code', {}, 400, 'INVALID_REQUEST_BODY'],
  ['POST', '/code', { code: 'x', context: { language: 'java' } }, 501, 'NOT_SUPPORTED'],
  ['POST', '/code', { code: 'x', context: { id: 'none', language: 'python' } }, 404, 'CONTEXT_NOT_FOUND'],
  ['POST', '/code', { code: 'a\0b' }, 400, 'INVALID_REQUEST_BODY'],
  ['POST', '/code/context', {}, 400, 'INVALID_REQUEST_BODY'],
  ['POST', '/code/context', { language: 'go' }, 501, 'NOT_SUPPORTED'],
  ['POST', '/code/context', { language: 'python', cwd: '/etc/passwd' }, 400, 'UNKNOWN'],
  ['GET', '/code/contexts/none', undefined, 404, 'CONTEXT_NOT_FOUND'],
  ['DELETE', '/code/contexts/none', undefined, 404, 'CONTEXT_NOT_FOUND'],
  ['DELETE', '/code/contexts', undefined, 400, 'MISSING_QUERY'],
  ['DELETE', '/code?id=none', undefined, 404, 'CONTEXT_NOT_FOUND'],
])('%s %s %j is refused', async (method, path, body, status, code) => {
  expect(await refused(method, path, body)).toEqual({ status, code });
});

test('a context is of one language, and there are 64 at most', async () => {
  await app.client.ask('DELETE', '/code/contexts?language=bash');
  const before = ((await (await app.client.ask('GET', '/code/contexts')).json()) as unknown[]).length;
  const { id } = await newContext('bash');
  expect(await refused('POST', '/code', { code: 'x', context: { id, language: 'python' } })).toEqual({ status: 400, code: 'INVALID_REQUEST_BODY' });
  const made = [id];
  while (before + made.length < 64) made.push((await newContext('bash')).id);
  expect(await refused('POST', '/code/context', { language: 'bash' })).toEqual({ status: 429, code: 'TOO_MANY_REQUESTS' });
  const listed = (await (await app.client.ask('GET', '/code/contexts?language=bash')).json()) as { id: string }[];
  expect(listed.map((context) => context.id)).toEqual(made);
  expect((await app.client.ask('DELETE', '/code/contexts?language=bash')).status).toBe(200);
  expect(await (await app.client.ask('GET', '/code/contexts?language=bash')).json()).toEqual([]);
});

test('the public SDK makes, lists and deletes contexts, and understands what code tells', async () => {
  const client = createExecdClient({ baseUrl: app.client.origin });
  const { data: made } = await client.POST('/code/context', { body: { language: 'python' } });
  const id = made?.id ?? '';
  const execution: Execution = { logs: { stdout: [], stderr: [] }, result: [] };
  const dispatcher = new ExecutionEventDispatcher(execution);
  for (const event of (await run('print("out")\n6 * 7', { id, language: 'python' })).events) await dispatcher.dispatch(event as ServerStreamEvent);
  expect(execution).toMatchObject({ id, executionCount: 1, logs: { stdout: [{ text: 'out' }] }, result: [{ text: '42' }], complete: { executionTimeMs: expect.any(Number) } });
  const { data: listed } = await client.GET('/code/contexts', { params: { query: { language: 'python' } } });
  expect(listed).toContainEqual({ id, language: 'python' });
  expect((await client.DELETE('/code/contexts/{context_id}', { params: { path: { context_id: id } } })).error).toBeUndefined();
  expect((await client.GET('/code/contexts/{context_id}', { params: { path: { context_id: id } } })).error).toMatchObject({ code: 'CONTEXT_NOT_FOUND' });
});
