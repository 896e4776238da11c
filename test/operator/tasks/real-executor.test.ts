import { type ChildProcess, spawn } from 'node:child_process';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CryptoKey } from 'jose';
import pino from 'pino';
import { ExecutorClient } from '../../../operator/tasks/executor-client';
import { type SlotTask, TaskTracker } from '../../../operator/tasks/task-tracker';
import { systemClock } from '../../../src/program/clock';
import { readSigningKey } from '../../../src/program/executor-token';
import { freePort } from '../../support/free-port';
import { until } from '../../support/waiting';

const program = join(__dirname, '../../../lib/bin/sandbox-executor.js');
const address = '127.85.0.1';
const batch = { key: 'default/b', uid: 'batch-uid' };

let folder: string;
let executor: ChildProcess;
let port: number;
let tracker: TaskTracker;
let client: ExecutorClient;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tasks-'));
  port = await freePort(address);
});

/** Starts an executor that answers requests signed for this key only, or everybody without one. */
function startExecutor(publicKey?: KeyObject): void {
  const keyFile = join(folder, 'key.pem');
  if (publicKey) writeFileSync(keyFile, publicKey.export({ format: 'pem', type: 'spki' }));
  const auth = publicKey ? ['--auth-public-key-file', keyFile, '--auth-audience', pod.podUID] : ['--allow-unauthenticated=true'];
  const args = [program, '--data-dir', join(folder, 'data'), '--listen-addr', `${address}:${port}`, '--execd-listen-addr=0', ...auth];
  executor = spawn(process.execPath, args, { stdio: 'ignore' });
}

afterEach(async () => {
  tracker.stop(batch, [pod]);
  await until(() => expect(tracker.stopState(pod.podUID)?.state).toBe('stopped'));
  await closeTracker();
  executor.kill();
  if (executor.exitCode === null) await once(executor, 'exit');
  rmSync(folder, { recursive: true });
});

function startTracker(signingKey?: CryptoKey): void {
  client = new ExecutorClient({ clock: systemClock, port, signingKeys: signingKey && [signingKey] });
  tracker = new TaskTracker({ client, clock: systemClock, log: pino({ enabled: false }), onChange: () => undefined, onUnauthorized: () => undefined });
}

async function closeTracker(): Promise<void> {
  await tracker.close();
  await client.close();
}

const pod = { slot: 0, podUID: 'pod-uid', podIP: address };

/** A task that notes its start, then waits for a file `go` before it ends with `exitCode`. */
function slotTask(exitCode: number): SlotTask {
  const script = `echo started >> '${folder}/starts'; while [ ! -e '${folder}/go' ]; do sleep 0.02; done; exit ${exitCode}`;
  return { ...pod, recorded: '-', task: { name: 'b-0', uid: batch.uid, process: { command: ['/bin/sh', '-c', script] } } };
}

const observed = () => tracker.observed(batch.uid).get(0);
const starts = () => readFileSync(join(folder, 'starts'), 'utf8');
const letGo = () => writeFileSync(join(folder, 'go'), '');

test('runs a task in a real executor to its true end, through a restart of the operator, once (R37, R99)', async () => {
  startExecutor();
  startTracker();
  tracker.ensure(batch, [slotTask(3)]);
  await until(() => expect(observed()?.letter).toBe('R'));
  await until(() => expect(starts()).toBe('started\n'));
  await closeTracker();

  startTracker();
  tracker.ensure(batch, [{ ...slotTask(3), recorded: 'R' }]);
  letGo();
  await until(() => expect(observed()).toMatchObject({ letter: 'F', exitCode: 3, reason: 'Failed' }));
  expect(starts()).toBe('started\n');
});

test('stops a running task in a real executor and proves it gone', async () => {
  startExecutor();
  startTracker();
  tracker.ensure(batch, [slotTask(0)]);
  await until(() => expect(existsSync(join(folder, 'starts'))).toBe(true));
  tracker.stop(batch, [pod]);
  await until(() => expect(tracker.stopState(pod.podUID)?.state).toBe('stopped'));
  await expect(client.getTasks(pod, new AbortController().signal)).resolves.toMatchObject({ tasks: [] });
  await expect(tracker.reset(pod, new AbortController().signal)).resolves.toBe(true);
});

test('fails a task whose program does not exist, with its own reason', async () => {
  startExecutor();
  startTracker();
  const task = { name: 'b-0', uid: batch.uid, process: { command: ['/no/such/program'] } };
  tracker.ensure(batch, [{ ...pod, recorded: '-', task }]);
  await until(() => expect(observed()).toMatchObject({ letter: 'F', exitCode: 127, reason: 'StartFailed' }));
});

test('signs every call to an executor that asks for it', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  startExecutor(publicKey);
  startTracker(await readSigningKey(privateKey.export({ format: 'pem', type: 'pkcs8' }).toString()));
  tracker.ensure(batch, [slotTask(0)]);
  letGo();
  await until(() => expect(observed()?.letter).toBe('S'));
  const stranger = new ExecutorClient({ clock: systemClock, port });
  await expect(stranger.getTasks(pod, new AbortController().signal)).rejects.toThrow('expected a key that it knows, got status 401');
  await stranger.close();
});
