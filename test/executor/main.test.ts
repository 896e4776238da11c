import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readSigningKey, signExecutorToken } from '../../src/program/executor-token';
import { runProgram } from '../support/run-program';
import { EXECUTOR_PROGRAM, ExecutorProcess, shell } from './executor-process';

let home: string;
beforeEach(() => (home = mkdtempSync(join(tmpdir(), 'executor-test-'))));
afterEach(() => rmSync(home, { recursive: true, force: true }));
const run = (args: readonly string[], env: NodeJS.ProcessEnv = {}) => runProgram(process.execPath, [EXECUTOR_PROGRAM, ...args], { PATH: process.env['PATH'], ...env });

test('--help says what it is and names every flag', async () => {
  const { exitCode, stdout } = await run(['--help']);
  expect(exitCode).toBe(0);
  for (const flag of ['data-dir', 'listen-addr', 'enable-sidecar-mode', 'auth-public-key-file', 'stop-grace-seconds', 'reset-paths', 'log-max-size']) {
    expect(stdout).toContain(`--${flag}`);
  }
});

test('--version prints one line', async () => {
  expect(await run(['--version'])).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^\S+\n$/) });
});

const REFUSED: Readonly<Record<string, { given: readonly string[]; env?: NodeJS.ProcessEnv; want: string }>> = {
  'without a key': { given: [], want: '--auth-public-key-file: expected a file, or keys in AUTH_PUBLIC_KEY, got nothing; --allow-unauthenticated serves anybody' },
  'with a key and without an audience': { given: ['--auth-public-key-file=/k'], want: '--auth-audience: expected the UID of the pod' },
  'with a token that is none': { given: ['--allow-unauthenticated', '--access-token= \n# comment'], want: '--access-token: expected a token, got nothing but blank lines and comments; put one into the Secret' },
  'with the token of a Secret whose key is empty': { given: ['--allow-unauthenticated'], env: { EXECD_ACCESS_TOKEN: '' }, want: 'EXECD_ACCESS_TOKEN comes from, or leave flag and variable out, so that everybody may ask' },
  'with an unknown flag': { given: ['-nix=1'], want: '--nix: unknown flag' },
  'with a root to empty': { given: ['--allow-unauthenticated', '--reset-paths=/,tmp'], want: "2 problems: --reset-paths: expected absolute directories other than /, got '/'" },
};

test.each(Object.entries(REFUSED))('does not start %s (X27)', async (_title, { given, env, want }) => {
  const { exitCode, stderr } = await run(given, env);
  expect({ exitCode, stderr }).toEqual({ exitCode: 2, stderr: expect.stringContaining(want) });
});

test('ends with 1 when it cannot use its directory or its key', async () => {
  const file = join(home, 'file');
  writeFileSync(file, '');
  expect(await run(['--allow-unauthenticated', `--data-dir=${file}`])).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('cannot start') });
  const args = [`--data-dir=${home}/data`, `--auth-public-key-file=${file}`, '--auth-audience=pod'];
  expect(await run(args)).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('expected one or two PEM blocks') });
});

test('a request that was answered is refused by the next server too, though its token is good (X25, X26)', async () => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const env = { POD_UID: 'pod-1', AUTH_PUBLIC_KEY: String(publicKey.export({ type: 'spki', format: 'pem' })) };
  const key = await readSigningKey(String(privateKey.export({ type: 'pkcs8', format: 'pem' })));
  const signed = { method: 'POST', path: '/reset', body: '{}' };
  const sign = (audience: string) => signExecutorToken(key, audience, signed, new Date());
  const send = ({ port }: ExecutorProcess, token: string) =>
    fetch(`http://127.0.0.1:${port}/reset`, { method: 'POST', body: '{}', headers: { authorization: `Bearer ${token}` } }).then(({ status }) => status);

  const first = await ExecutorProcess.start([], home, env);
  const token = await sign('pod-1');
  expect(await send(first, token)).toBe(200);
  await first.kill('SIGKILL');
  const next = await ExecutorProcess.start([], home, env);
  expect(await send(next, token)).toBe(401);
  expect(await send(next, await sign('pod-2'))).toBe(401);
  expect(await send(next, await sign('pod-1'))).toBe(200);
  await next.kill('SIGTERM');
});

test.each(['a file', 'its environment'])('serves signed requests only, when it has a key in %s (X25, X26, X27)', async (place) => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const [keyFile, pem] = [join(home, 'key.pem'), String(publicKey.export({ type: 'spki', format: 'pem' }))];
  writeFileSync(keyFile, pem);
  const executor =
    place === 'a file'
      ? await ExecutorProcess.start([`--auth-public-key-file=${keyFile}`], home, { POD_UID: 'pod-1' })
      : await ExecutorProcess.start([], home, { POD_UID: 'pod-1', AUTH_PUBLIC_KEY: pem });
  expect(await executor.request('POST', '/setTasks', [])).toMatchObject({ status: 401, body: { reason: 'Unauthorized' } });
  expect((await executor.request('GET', '/health')).status).toBe(200);

  const key = await readSigningKey(String(privateKey.export({ type: 'pkcs8', format: 'pem' })));
  const signed = { method: 'POST', path: '/setTasks', body: JSON.stringify([shell('a', 'exit 0')]) };
  const token = await signExecutorToken(key, 'pod-1', signed, new Date());
  const send = () => fetch(`http://127.0.0.1:${executor.port}/setTasks`, { method: 'POST', body: signed.body, headers: { authorization: `Bearer ${token}` } });
  expect((await send()).status).toBe(200);
  expect((await send()).status).toBe(401);

  const reset = { method: 'POST', path: '/reset', body: '{}' };
  const resetToken = await signExecutorToken(key, 'pod-1', reset, new Date());
  const { status } = await fetch(`http://127.0.0.1:${executor.port}/reset`, { method: 'POST', body: '{}', headers: { authorization: `Bearer ${resetToken}` } });
  expect(status).toBe(200);
  await executor.kill('SIGTERM');
});

test('is a whole executor, and ends with 0 and without a trace when it has nothing', async () => {
  const executor = await ExecutorProcess.start(['--spare-runners=1'], home);
  await executor.set(shell('hello', 'echo hello'));
  expect(await executor.ended()).toMatchObject({ exitCode: 0, reason: 'Succeeded' });
  expect((await executor.log('hello')).body).toBe('hello\n');
  await executor.request('POST', '/reset', {});
  expect(await executor.kill('SIGINT')).toBe(0);
  expect(readdirSync(executor.dataDir)).toEqual([]);
});
