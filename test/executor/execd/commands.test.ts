import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { CommandStatus } from '../../../src/schema/execd-api';
import { until } from '../../support/waiting';
import { ExecutorProcess, isRunning, shell } from '../executor-process';
import { ExecdClient } from './execd-client';

let executor: ExecutorProcess;
let client: ExecdClient;
beforeAll(async () => {
  executor = await ExecutorProcess.start(['--execd-listen-addr=127.0.0.1:0'], undefined, { FROM_EXECUTOR: 'yes', EXECD_ENVS: 'variables' });
  client = new ExecdClient(`http://127.0.0.1:${executor.execdPort}`);
});
afterAll(() => executor.clean());

const status = async (id: string) => (await (await client.ask('GET', `/command/status/${id}`)).json()) as CommandStatus;
const untilEnded = (id: string) => until(async () => expect(await status(id)).toMatchObject({ running: false }));

test('a ping is answered with nothing, and says that', async () => {
  const answer = await client.ask('GET', '/ping');
  expect([answer.status, answer.headers.get('content-length'), await answer.text()]).toEqual([200, '0', '']);
});

test('the output of a command comes line by line between init and completion (E1, E2)', async () => {
  const run = await client.run('echo one; echo; printf "two\\r\\nthree"; echo wrong >&2');
  expect(run).toMatchObject({ status: 200, type: 'text/event-stream', stdout: ['one', '\n', 'two', 'three'], stderr: ['wrong'], exitCode: 0 });
  expect(run.id).toMatch(/^[0-9a-f]{32}$/);
  expect(run.events.slice(0, 2)).toMatchObject([{ type: 'init' }, { type: 'ping', text: 'pong' }]);
  expect(run.events.every(({ timestamp }) => Number.isInteger(timestamp))).toBe(true);
  expect(run.events.filter(({ type }) => ['init', 'error', 'execution_complete'].includes(type))).toHaveLength(2);
  expect(await status(run.id)).toMatchObject({ id: run.id, content: expect.stringContaining('echo one'), running: false, exit_code: 0 });
});

test.each<[string, object, { readonly exitCode: number; readonly ename?: string }]>([
  ['its own code', { command: 'exit 3' }, { exitCode: 3, ename: 'CommandExecError' }],
  ['a signal', { command: 'kill -KILL $$' }, { exitCode: 137, ename: 'CommandExecError' }],
  ['a program that does not exist', { argv: ['/no/program'] }, { exitCode: 127, ename: 'CommandExecError' }],
  ['a file that is no program', { argv: ['/etc/passwd'] }, { exitCode: 126, ename: 'CommandExecError' }],
  ['its time limit', { command: 'sleep 60', timeout: 100 }, { exitCode: 143, ename: 'CommandTimeout' }],
  ['its time limit, though it ends well then', { command: 'trap "exit 0" TERM; sleep 60 & wait', timeout: 100 }, { exitCode: 143, ename: 'CommandTimeout' }],
])('a command fails by %s (E7, E8)', async (_title, body, { exitCode, ename }) => {
  const { events, id } = await client.runBody('/command', body);
  expect(events.at(0)).toMatchObject({ type: 'init' });
  expect(events.at(-1)).toMatchObject({ type: 'error', error: { ename, evalue: String(exitCode), traceback: [expect.stringMatching(/./)] } });
  expect(await status(id)).toMatchObject({ running: false, exit_code: exitCode, error: expect.stringMatching(/./) });
});

test('a vector runs without a shell', async () => {
  expect((await client.runBody('/command', { argv: ['printf', '%s|', '$HOME', 'a b'] })).stdout).toEqual(['$HOME|a b|']);
});

test('a command has directory and variables of its own above those of the sandbox and of its file', async () => {
  await client.run(`printf 'A=file\\nB="$FROM_EXECUTOR!"\\n' >variables`);
  const { stdout } = await client.run('pwd; echo "$A $B $C $EXECD_ENVS $FROM_EXECUTOR"; echo "$SANDBOX_TASK_ID" | grep -c .; env | grep -c DATA_DIR', { cwd: '/etc', envs: { C: 'c\nd' } });
  expect(stdout).toEqual(['/etc', 'file yes! c', 'd variables yes', '1', '0']);
  expect((await client.run('echo $A', { envs: { A: 'request' } })).stdout).toEqual(['request']);
  expect((await client.run('pwd', { cwd: '$FROM_EXECUTOR' })).status).toBe(400);
  await client.run('mkdir -p yes; rm variables');
  expect((await client.run('pwd', { cwd: '$FROM_EXECUTOR' })).stdout).toEqual([join(executor.home, 'yes')]);
});

test('standard input is empty, and output can be opened by name', async () => {
  expect((await client.run('cat; echo by name >/dev/stdout; echo no >/proc/self/fd/2')).stdout).toEqual(['by name']);
});

test.each<[string, unknown, number, string]>([
  ['no JSON', '{', 400, 'INVALID_REQUEST_BODY'],
  ['no program', {}, 400, 'INVALID_REQUEST_BODY'],
  ['two programs', { command: 'true', argv: ['true'] }, 400, 'INVALID_REQUEST_BODY'],
  ['an empty program', { argv: [''] }, 400, 'INVALID_REQUEST_BODY'],
  ['a negative limit', { command: 'true', timeout: -1 }, 400, 'INVALID_REQUEST_BODY'],
  ['a group without a user', { command: 'true', gid: 1 }, 400, 'INVALID_REQUEST_BODY'],
  ['a directory that does not exist', { command: 'true', cwd: '/no/directory' }, 400, 'INVALID_REQUEST_BODY'],
  ['a file for a directory', { command: 'true', cwd: '/etc/passwd' }, 400, 'INVALID_REQUEST_BODY'],
  ['NUL characters', { command: 'a\0b' }, 400, 'INVALID_REQUEST_BODY'],
  ['too much', { command: 'x'.repeat(4 * 1024 * 1024) }, 413, 'TOO_LARGE'],
])('a request with %s is refused (E22, E26)', async (_title, body, want, code) => {
  expect(await client.refused('POST', '/command', body)).toEqual({ status: want, code });
});

test('null stands for nothing, and unknown members for what we do not know yet', async () => {
  expect(await client.runBody('/command', { command: 'echo a', argv: null, cwd: null, envs: null, uid: null, gid: null, timeout: null, background: null, newer: 1 })).toMatchObject({ stdout: ['a'] });
});

test.each<[string, string, number, string]>([
  ['GET', '/nothing', 404, 'UNKNOWN'],
  ['PUT', '/ping', 405, 'UNKNOWN'],
  ['DELETE', '/command', 400, 'MISSING_QUERY'],
  ['DELETE', '/command?id=0', 404, 'CONTEXT_NOT_FOUND'],
  ['GET', '/command/status/0', 404, 'CONTEXT_NOT_FOUND'],
  ['GET', '/command/0/logs', 404, 'CONTEXT_NOT_FOUND'],
])('%s %s is refused (E22)', async (method, path, want, code) => {
  expect(await client.refused(method, path)).toEqual({ status: want, code });
});

test('a background command answers at once, and keeps its output for later (E9, E10)', async () => {
  const run = await client.run('read line <gate', { background: true });
  expect(run.events.map(({ type }) => type)).toEqual(['init', 'ping', 'execution_complete']);
  await untilEnded(run.id); // without a gate the shell says so
  await client.run('mkfifo gate');
  const { id } = await client.run('echo out; read line <gate; echo "$line" >&2', { background: true });
  const log = async (cursor: number) => {
    const answer = await client.ask('GET', `/command/${id}/logs?cursor=${cursor}`);
    return [await answer.text(), Number(answer.headers.get('execd-commands-tail-cursor'))];
  };
  await until(async () => expect(await log(0)).toEqual(['out\n', 4]));
  expect(await status(id)).toMatchObject({ running: true });
  await client.run('echo öpen >gate');
  await untilEnded(id);
  expect(await log(4)).toEqual(['öpen\n', 10]);
  expect(await log(10)).toEqual(['', 10]);
  const foreground = await client.run('true');
  expect(await client.refused('GET', `/command/${foreground.id}/logs`)).toEqual({ status: 400, code: 'UNKNOWN' });
});

test('an interrupt ends a command and its children, also one that has left, and nobody else (E6)', async () => {
  const { id: other } = await client.run('exec sleep 1000', { background: true });
  const { id } = await client.run('setsid sleep 1000 & echo $!; wait', { background: true });
  const child = await until(async () => {
    const text = await (await client.ask('GET', `/command/${id}/logs`)).text();
    expect(text).toMatch(/\d+\n/);
    return Number(text);
  });
  expect((await client.ask('DELETE', `/command?id=${id}`)).status).toBe(200);
  expect([isRunning(child), await status(id)]).toMatchObject([false, { running: false, exit_code: 143 }]);
  expect((await client.ask('DELETE', `/command?id=${id}`)).status).toBe(200); // again
  expect(await status(other)).toMatchObject({ running: true });
  await client.ask('DELETE', `/command?id=${other}`);
});

test('a process that is left behind holds no answer, and writes on (E4)', async () => {
  await client.run('rm -f gate written; mkfifo gate');
  const run = await client.run('(read line <gate; for i in $(seq 20000); do echo "$line"; done; echo written >written) & echo $!');
  expect(run).toMatchObject({ exitCode: 0, stdout: [expect.stringMatching(/^\d+$/)] });
  await client.run('echo go >gate');
  await until(() => expect(readFileSync(join(executor.home, 'written'), 'utf8')).toBe('written\n'));
});

/** Descriptors of the server that are pipes or files of its own. */
const openFiles = () =>
  readdirSync(`/proc/${executor.pid}/fd`).flatMap((fd) => {
    try {
      const target = readlinkSync(`/proc/${executor.pid}/fd/${fd}`);
      return target.startsWith(executor.home) ? [target] : [];
    } catch {
      return [];
    }
  });

test('a command of the foreground ends with its caller, unless it is to go on (E5)', async () => {
  const leave = async (more: object) => {
    const body = JSON.stringify({ command: 'echo $$; exec sleep 1000', ...more });
    const caller = connect(executor.execdPort, '127.0.0.1');
    caller.write(`POST /command HTTP/1.1\r\nHost: x\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
    let text = '';
    for await (const piece of caller.setEncoding('utf8')) {
      text += String(piece);
      if (/"stdout"[^]*\n\n/.test(text)) break; // which also ends the connection
    }
    return { id: /"init","text":"(\w+)"/.exec(text)?.[1] ?? '', pid: Number(/"text":"(\d+)"/.exec(text)?.[1]) };
  };
  const gone = await leave({});
  await until(() => expect(isRunning(gone.pid)).toBe(false));
  await untilEnded(gone.id);
  const kept = await leave({ on_disconnect: 'continue' });
  expect(await (await client.ask('GET', `/command/${kept.id}/logs`)).text()).toBe(`${kept.pid}\n`);
  expect([isRunning(kept.pid), await status(kept.id)]).toMatchObject([true, { running: true }]);
  await client.ask('DELETE', `/command?id=${kept.id}`);
});

test('a reset ends commands and forgets them', async () => {
  const { id } = await client.run('exec sleep 1000', { background: true });
  await executor.set(shell('t', 'exec sleep 1000'));
  const code = await client.runBody('/code', { code: 'process.pid', context: { language: 'javascript' } });
  expect(isRunning(Number(code.result))).toBe(true);
  expect(await executor.request('POST', '/reset', {})).toMatchObject({ status: 200, body: { empty: true } });
  expect((await client.ask('GET', `/command/status/${id}`)).status).toBe(404);
  expect([isRunning(Number(code.result)), await (await client.ask('GET', '/code/contexts')).json()]).toEqual([false, []]);
  expect(await client.run('true')).toMatchObject({ exitCode: 0 });
  await until(() => expect(openFiles()).toEqual([]));
});
