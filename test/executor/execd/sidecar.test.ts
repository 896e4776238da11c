import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import type { Socket } from 'node:net';
import { until } from '../../support/waiting';
import { ExecutorProcess, isRunning, task } from '../executor-process';
import { EXECUTOR_RIGHTS, MAIN_USER, MainContainer, type MainContainerOptions } from '../main-container';
import { ExecdClient } from './execd-client';

/** An executor beside a main container, with the rights that it has in a pod; ends with the test. */
async function startBeside(options: MainContainerOptions): Promise<{ main: MainContainer; executor: ExecutorProcess; client: ExecdClient }> {
  const main = await MainContainer.start(options);
  mains.push(main);
  const env = { ENABLE_SIDECAR_MODE: 'true', MAIN_CONTAINER_NAME: main.name, FROM_EXECUTOR: 'yes', EXECD_ACCESS_TOKEN: '# two are good\nopen sesame\nopen barley\n' };
  const executor = await ExecutorProcess.start(['--execd-listen-addr=127.0.0.1:0'], undefined, env, { launcher: EXECUTOR_RIGHTS });
  executors.push(executor);
  return { main, executor, client: new ExecdClient(`http://127.0.0.1:${executor.execdPort}`, { 'x-execd-access-token': 'open sesame' }) };
}
const mains: MainContainer[] = [];
const executors: ExecutorProcess[] = [];
afterAll(async () => {
  for (const executor of executors) await executor.clean();
  for (const main of mains) await main.stop();
});

/** All that a command writes to a terminal of its own, among the frames that carry it. */
async function terminalOutput(client: ExecdClient, command: string): Promise<string> {
  const { session_id: id } = (await (await client.ask('POST', '/pty', { command })).json()) as { session_id: string };
  const headers = { 'x-execd-access-token': 'open sesame', connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13', 'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==' };
  const asked = request(`${client.origin}/pty/${id}/ws`, { headers }).end();
  asked.once('response', ({ statusCode }) => asked.destroy(new Error(`expected an upgrade, got status ${String(statusCode)}`)));
  const [, socket, head] = (await once(asked, 'upgrade')) as [IncomingMessage, Socket, Buffer];
  let text = head.toString('latin1');
  socket.setEncoding('latin1').on('data', (piece) => (text += String(piece)));
  await until(() => expect(text).toContain('"type":"exit"'));
  socket.destroy();
  return text;
}

test('commands run in the main container, as its user, while there is one (E23, E24)', async () => {
  const { main, client } = await startBeside({});
  const { uid, gid, groups } = MAIN_USER;
  const run = await client.run('cat /etc/greeting; pwd; echo "$FROM_MAIN $FROM_EXECUTOR $BOTH"; grep -E "^(Uid|Gid|Groups|CapEff|NoNewPrivs):" /proc/self/status; ls /proc/self/fd; echo by name >/proc/self/fd/1', {
    envs: { BOTH: 'requést' },
  });
  const ids = (id: number) => Array(4).fill(id).join('\t');
  expect(run).toMatchObject({ status: 200, exitCode: 0, stderr: [] });
  expect(run.stdout.map((line) => line.trim())).toEqual([
    'of the main container', '/work', 'café  requést',
    `Uid:\t${ids(uid)}`, `Gid:\t${ids(gid)}`, `Groups:\t${groups.join(' ')}`, 'CapEff:\t0000000000000000', 'NoNewPrivs:\t0',
    '0', '1', '2', '3', 'by name',
  ]); // prettier-ignore
  expect((await client.run('pwd', { cwd: '/tmp/link' })).stdout).toEqual(['/work']);
  for (const body of [{ command: 'true', cwd: '/usr' }, { command: 'true', uid: 0 }]) {
    expect(await client.refused('POST', '/command', body)).toEqual({ status: 400, code: 'INVALID_REQUEST_BODY' });
  }
  expect((await client.runBody('/command', { argv: ['/usr/bin/perl', '-v'] })).exitCode).toBe(127);
  for (const language of ['python', 'javascript']) {
    expect(await client.refused('POST', '/code/context', { language })).toEqual({ status: 501, code: 'NOT_SUPPORTED' }); // it has no interpreters
  }
  const form = new FormData();
  form.append('metadata', new Blob(['{"path":"/tmp/link/deep/a"}']), 'metadata'); // a link to /work, which lies elsewhere for the executor
  form.append('file', new Blob(['uploaded']), 'a');
  expect((await fetch(`${client.origin}/files/upload`, { method: 'POST', body: form, headers: { 'x-execd-access-token': 'open sesame' } })).status).toBe(200);
  expect((await client.run('ls -ln deep/a; cat deep/a')).stdout).toEqual([expect.stringMatching(`^-rwxr-xr-x +1 ${uid} +${gid} `), 'uploaded']);
  expect(await (await client.ask('GET', '/files/download?path=/etc/greeting')).text()).toBe('of the main container\n');
  expect(await client.refused('GET', '/files/download?path=/usr/bin/perl')).toMatchObject({ status: 404 });
  expect(await client.refused('GET', '/files/download?path=/proc/1/environ')).toMatchObject({ status: 400 });
  expect(await terminalOutput(client, 'test -t 0 && test -t 1 && grep ^Uid: /proc/self/status; echo by name >/dev/tty; pwd')).toMatch(new RegExp(`Uid:\t${uid}\t[^]*by name\r\n[^]*/work`));
  const { stdout } = await client.run('setsid sleep 1000 >/dev/null 2>&1 & echo $!; exec sleep 0');
  const { id } = await client.run('setsid sleep 1001 & echo $!; wait', { background: true });
  const strays = [Number(stdout[0]), await until(async () => {
    const text = await (await client.ask('GET', `/command/${id}/logs`)).text();
    expect(text).toMatch(/\d+\n/);
    return Number(text);
  })]; // prettier-ignore
  await client.ask('DELETE', `/command?id=${id}`);
  expect(strays.map(isRunning)).toEqual([true, false]);

  expect(await new ExecdClient(client.origin).refused('GET', '/ping')).toEqual({ status: 401, code: 'UNAUTHORIZED' });
  for (const token of ['open sesam', '# two are good', 'open sesame\topen barley', '']) {
    expect(await new ExecdClient(client.origin, { 'x-execd-access-token': token }).refused('POST', '/command', { command: 'true' })).toMatchObject({ status: 401 });
  }
  expect((await new ExecdClient(client.origin, { 'x-execd-access-token': 'open barley' }).ask('GET', '/ping')).status).toBe(200);
  await main.stop();
  for (const [method, path] of [['GET', '/ping'], ['POST', '/command']] as const) {
    expect(await client.refused(method, path, path === '/ping' ? undefined : { command: 'true' })).toEqual({ status: 503, code: 'RUNTIME_ERROR' });
  }
});

test('root in the main container finds the variables of its task in all that it is given, and the token of its executor neither there nor in what the executor has (X28)', async () => {
  const { executor, client } = await startBeside({ isRoot: true });
  expect(readFileSync(`/proc/${executor.pid}/environ`, 'latin1')).toContain('sesame');
  // Each line says what it has looked for, and how often it was there.
  const count = (what: string, pid: number | string) => `echo ${what} $(cat /proc/${pid}/environ 2>/dev/null | grep -c ${what})`;
  const script = `env; ${count('FROM_MAIN', 'self')}; ${count('sesame', 'self')}; ${count('sesame', executor.pid)}`;
  const found = ['FROM_MAIN 1', 'sesame 0', 'sesame 0'];
  await executor.set(task('pry', ['sh', '-c', script], { env: [{ name: 'FROM_TASK', value: 'café' }, { name: 'BOTH', value: 'task' }] }));
  await executor.ended();
  const ofTask = (await executor.log('pry')).body.trim().split('\n');
  const ofCommand = (await client.run(script)).stdout;
  for (const lines of [ofTask, ofCommand]) expect([lines.slice(-3), lines.filter((line) => line.includes('sesame'))]).toEqual([found, found.slice(1)]);
  expect(await terminalOutput(client, 'env')).toMatch(/FROM_MAIN=(?![^]*sesame)/);

  // What the task of the sandbox is given, all of it has.
  const { stdout } = await client.run('echo $FROM_MAIN $FROM_TASK $BOTH');
  const { session_id: session } = (await (await client.ask('POST', '/session')).json()) as { session_id: string };
  const inSession = await client.runBody(`/session/${session}/run`, { command: 'echo $FROM_MAIN $FROM_TASK $BOTH' });
  expect([stdout, inSession.stdout]).toEqual([['café café task'], ['café café task']]);
  expect(await terminalOutput(client, 'echo $BOTH by name')).toContain('task by name');
});

test('a command becomes another user where the main container is root', async () => {
  const { client } = await startBeside({ isRoot: true });
  const { stdout } = await client.run('grep -E "^(Uid|Gid|Groups|CapEff):" /proc/self/status', { uid: 4321 });
  expect(stdout.map((line) => line.replace(/\s+/g, ' ').trim())).toEqual(['Uid: 4321 4321 4321 4321', 'Gid: 4321 4321 4321 4321', 'Groups:', 'CapEff: 0000000000000000']);
  expect((await client.run('grep ^Gid: /proc/self/status', { uid: 4321, gid: 7 })).stdout).toEqual(['Gid:\t7\t7\t7\t7']);
});

test('code runs in the main container with its interpreters, as its user, and can be interrupted', async () => {
  const { client } = await startBeside({ hasHostPrograms: true });
  const run = (language: string, code: string) => client.runBody('/code', { code, context: { language } });
  expect((await run('python', 'import os\n[os.getuid(), os.getcwd(), os.environ["FROM_MAIN"], open("/etc/greeting").read()]')).result).toBe(`[${MAIN_USER.uid}, '/work', 'café', 'of the main container\\n']`);
  const running = run('python', 'open("begun", "w").close()\nwhile True: pass');
  const { id } = ((await (await client.ask('GET', '/code/contexts')).json()) as { id: string }[])[0] ?? {};
  await until(async () => expect((await client.run('cat begun')).exitCode).toBe(0));
  expect((await client.ask('DELETE', `/code?id=${id}`)).status).toBe(200);
  expect((await running).error?.ename).toBe('KeyboardInterrupt');
  expect((await run('javascript', 'const seen = [process.getuid(), process.cwd()]; await seen')).result).toBe(`[ ${MAIN_USER.uid}, '/work' ]`);
});
