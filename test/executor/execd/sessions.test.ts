import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { until } from '../../support/waiting';
import { hostSandbox } from '../../../executor/execd/sandbox';
import { isRunning } from '../executor-process';
import { AppInProcess } from './app-in-process';
import { startsAtGate } from './starts-at-gate';
import type { Run } from './execd-client';

let app: AppInProcess;
beforeAll(async () => {
  app = await AppInProcess.start();
});
afterAll(() => app.stop());

async function newSession(body: unknown = {}): Promise<{ id: string; run: (command: string, more?: object) => Promise<Run> }> {
  const answer = await app.client.ask('POST', '/session', body);
  const { session_id: id } = (await answer.json()) as { session_id: string };
  return { id, run: (command, more = {}) => app.client.runBody(`/session/${id}/run`, { command, ...more }) };
}

test('a session keeps exported variables and directory from run to run, and nothing else (E13)', async () => {
  const { id, run } = await newSession({ cwd: 'made/for it' });
  const first = await run('echo "$# $NAME"; export A="two\nlines" B=\'=$x"\'; C=local; f() { :; }; unset HOME; cd ..; pwd; exit 3');
  expect(first).toMatchObject({ id, stdout: ['0 value', join(app.root, 'made')], exitCode: 3 });
  expect((await run('pwd; echo "$A"; echo "$B $C"; type f; echo "${HOME-unset}"')).stdout).toEqual([join(app.root, 'made'), 'two', 'lines', '=$x" ', 'unset']);
  expect(await run('export PATH=/nowhere; echo out; echo; echo err >&2')).toMatchObject({ stdout: ['out', '\n'], stderr: ['err'], exitCode: 0 });
  expect((await run('echo $PATH')).stdout).toEqual(['/nowhere']);
  expect(await run('true', { cwd: '/no/directory' })).toMatchObject({ status: 400 });
  expect((await run('pwd', { cwd: '/etc' })).stdout).toEqual(['/etc']);
  expect((await run('pwd')).stdout).toEqual(['/etc']);
  expect((await app.client.ask('DELETE', `/session/${id}`)).status).toBe(200);
  expect(await app.client.refused('POST', `/session/${id}/run`, { command: 'true' })).toEqual({ status: 404, code: 'CONTEXT_NOT_FOUND' });
  expect(await app.client.refused('DELETE', `/session/${id}`)).toEqual({ status: 404, code: 'CONTEXT_NOT_FOUND' });
});

test('a limit is told, also while a child holds the output, and the session goes on (E13)', async () => {
  const { run } = await newSession();
  await run('export A=kept');
  let timeout = 100;
  const limited = await until(async () => {
    const ended = await run('export A=lost; trap "" TERM; echo >armed; sleep 1000 & wait', { timeout });
    timeout *= 2;
    expect(existsSync(join(app.root, 'armed'))).toBe(true); // else it was over before it ignored anything
    return ended;
  });
  expect(limited.events.at(-1)).toMatchObject({ type: 'error', error: { ename: 'CommandTimeout', evalue: '137' } });
  expect((await run('echo $A')).stdout).toEqual(['kept']);
});

test('runs of a session go one after the other, and an interrupt ends the one that runs alone (E11, E13)', async () => {
  const { id, run } = await newSession();
  const first = run('echo $$ >first; exec sleep 1000');
  await until(() => expect(existsSync(join(app.root, 'first'))).toBe(true));
  const second = run('test -e first && echo second');
  expect((await app.client.ask('DELETE', `/command?id=${id}`)).status).toBe(200);
  expect([(await first).exitCode, (await second).stdout]).toEqual([143, ['second']]);
  expect((await app.client.ask('DELETE', `/command?id=${id}`)).status).toBe(200); // nothing runs
});

test('the end of a session ends what runs in it, and so does its caller', async () => {
  const { id, run } = await newSession();
  const running = run('echo >running; exec sleep 1000');
  await until(() => expect(existsSync(join(app.root, 'running'))).toBe(true));
  const waiting = app.client.refused('POST', `/session/${id}/run`, { command: 'true' });
  expect((await app.client.ask('DELETE', `/session/${id}`)).status).toBe(200);
  expect([(await running).exitCode, await waiting]).toEqual([143, { status: 404, code: 'CONTEXT_NOT_FOUND' }]);

  const other = await newSession();
  const caller = connect(Number(new URL(app.client.origin).port), '127.0.0.1').setEncoding('utf8');
  const body = JSON.stringify({ command: 'echo $$; exec sleep 1000' });
  caller.write(`POST /session/${other.id}/run HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  let text = '';
  for await (const piece of caller) {
    text += String(piece);
    if (/"stdout"[^]*\n\n/.test(text)) break; // which also ends the connection
  }
  const pid = Number(/"text":"(\d+)"/.exec(text)?.[1]);
  await until(() => expect(isRunning(pid)).toBe(false));
});

test('the end of a session ends what is just being started in it, and waits for its end', async () => {
  const { sandbox, begun, goOn } = startsAtGate((root) => hostSandbox({ PATH: process.env['PATH'] ?? '' }, root));
  const held = await AppInProcess.start(sandbox);
  const { session_id: id } = (await (await held.client.ask('POST', '/session')).json()) as { session_id: string };
  const running = held.client.runBody(`/session/${id}/run`, { command: 'exec sleep 1000' });
  const pid = await begun;
  const deleted = held.client.ask('DELETE', `/session/${id}`).then(({ status }) => [status, isRunning(pid)]);
  await until(async () => expect(await held.client.refused('POST', `/session/${id}/run`, { command: 'true' })).toMatchObject({ status: 404 }));
  goOn();
  expect([(await running).exitCode, await deleted]).toEqual([143, [200, false]]);
  await held.stop();
});

test.each<[unknown, number]>([['{', 400], [{ cwd: 1 }, 400], [{ cwd: '/etc/passwd' }, 400]])('a session of %j is refused', async (body, status) => {
  expect(await app.client.refused('POST', '/session', body)).toMatchObject({ status });
});

test('a session needs no body, and there are 100 at most (E11)', async () => {
  const made: string[] = [];
  for (let status = 200; status === 200; ) {
    const answer = await app.client.ask('POST', '/session');
    const { session_id: id } = (await answer.json()) as { session_id?: string };
    ({ status } = answer);
    if (id !== undefined) made.push(id);
    else expect([status, answer.headers.get('retry-after')]).toEqual([429, '1']);
  }
  expect(made.length).toBeLessThanOrEqual(100);
  expect(made.length).toBeGreaterThan(90);
  for (const id of made) await app.client.ask('DELETE', `/session/${id}`);
});
