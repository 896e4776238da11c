import { until } from '../../support/waiting';
import { ExecutorProcess, task } from '../executor-process';
import { ExecdClient } from './execd-client';

const FLAGS = ['--execd-listen-addr=127.0.0.1:0'];
const SECRET = 'kept tö itself';
const SHOW = 'echo "$A|$B"';

let executor: ExecutorProcess;
beforeAll(async () => {
  executor = await ExecutorProcess.start(FLAGS);
});
afterAll(() => executor.clean());

const clientFor = (uid?: string) => new ExecdClient(`http://127.0.0.1:${executor.execdPort}`, uid === undefined ? {} : { 'x-execd-task-uid': uid });

test('commands, sessions and code have the variables of the task of their sandbox, also those that come before it, until a reset', async () => {
  const client = clientFor('u-1');
  const early = [client.run(SHOW), client.ask('GET', '/ping')] as const;
  const given = task('setup', ['true'], { env: [{ name: 'A', value: SECRET }, { name: 'B', value: 'task' }] });
  await executor.set({ ...given, uid: 'u-1' });
  expect((await early[0]).stdout).toEqual([`${SECRET}|task`]);
  expect((await early[1]).status).toBe(200);

  await executor.ended();
  const shown = { stdout: [`${SECRET}|task`] };
  expect(await clientFor().run(SHOW)).toMatchObject(shown);
  expect(await client.run(SHOW, { envs: { B: 'request' } })).toMatchObject({ stdout: [`${SECRET}|request`] });
  const { session_id: session } = (await (await client.ask('POST', '/session')).json()) as { session_id: string };
  expect(await client.runBody(`/session/${session}/run`, { command: `${SHOW}; export B=session` })).toMatchObject(shown);
  expect(await client.runBody(`/session/${session}/run`, { command: SHOW })).toMatchObject({ stdout: [`${SECRET}|session`] });
  expect((await client.runBody('/code', { code: 'import os\nos.environ["A"]', context: { language: 'python' } })).result).toBe(`'${SECRET}'`);
  const { id } = await client.run(SHOW, { background: true });
  await until(async () => expect(await (await client.ask('GET', `/command/${id}/logs`)).text()).toBe(`${SECRET}|task\n`));

  expect(executor.readOwnLog()).not.toContain(SECRET);
  executor = await executor.restart('SIGKILL', FLAGS);
  expect(await clientFor('u-1').run(SHOW)).toMatchObject(shown);

  expect(await executor.request('POST', '/reset', {})).toMatchObject({ status: 200 });
  expect(await clientFor().run(`${SHOW}; env | grep -c -e '^[AB]='`)).toMatchObject({ stdout: ['|', '0'] });
  expect(executor.readOwnLog()).not.toContain(SECRET);
});

test('a file of variables that the task names counts, and its variables win over those of the task', async () => {
  await executor.set({ ...task('files', ['true'], { env: [{ name: 'EXECD_ENVS', value: 'more' }, { name: 'A', value: 'task' }] }), uid: 'u-2' });
  await clientFor('u-2').run('echo \'B="$A!"\' >more');
  expect((await clientFor('u-2').run('echo $A $B')).stdout).toEqual(['task task!']);
  await clientFor('u-2').run('echo A=file >>more');
  expect((await clientFor('u-2').run('echo $A $B')).stdout).toEqual(['file task!']);
});
