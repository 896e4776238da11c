import { connect, type Socket } from 'node:net';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { once } from 'node:events';
import { REVISION_HEADER } from '../../src/schema/executor-api';
import { ExecutorProcess, fixture, task } from './executor-process';

const CALLERS = 64;

let executor: ExecutorProcess;
const sockets: Socket[] = [];
beforeEach(async () => {
  executor = await ExecutorProcess.start();
  await executor.set(task('t', [fixture('waits-for-file.sh'), executor.home]));
  await executor.running();
});
afterEach(async () => {
  sockets.splice(0).forEach((socket) => socket.destroy());
  writeFileSync(join(executor.home, 'go'), '0');
  await executor.clean();
});

/** Sends a request on a connection of its own; the whole answer comes when the server has closed that. */
async function ask(path: string): Promise<{ readonly answer: Promise<string> }> {
  let text = '';
  const socket = connect(executor.port, '127.0.0.1').setEncoding('utf8');
  sockets.push(socket);
  await once(socket, 'connect');
  socket.on('data', (piece) => (text += String(piece))).on('error', (error) => (text += error.message));
  socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
  return { answer: new Promise((resolve) => socket.once('close', () => resolve(text))) };
}

/** Callers that wait for the next change, when all their requests are with the server. */
async function callers(): Promise<readonly Promise<string>[]> {
  const { headers } = await executor.request('GET', '/getTasks');
  const path = `/getTasks?after=${headers.get(REVISION_HEADER)}&wait=25`;
  const waiting = await Promise.all(Array.from({ length: CALLERS }, () => ask(path)));
  // Connections are accepted in order, and each of these two after the one before has been answered.
  for (let later = 0; later < 2; later += 1) expect(await (await ask('/version')).answer).toMatch(/^HTTP\/1\.1 200 /);
  return waiting.map(({ answer }) => answer);
}

test('64 callers wait, hear of a result, and learn one new revision (X20)', async () => {
  const answers = await callers();
  writeFileSync(join(executor.home, 'go'), '7');
  const texts = await Promise.all(answers);
  expect(texts.map((text) => /^HTTP\/1\.1 200 [^]*"exitCode":7/.test(text))).toEqual(texts.map(() => true));
  expect(new Set(texts.map((text) => /x-task-revision: (\S+)/i.exec(text)?.[1])).size).toBe(1);
});

test('64 callers get the normal answer when the server ends, and its successor has another revision (X11, X20)', async () => {
  const { headers } = await executor.request('GET', '/getTasks');
  const answers = await callers();
  expect(await executor.kill('SIGTERM')).toBe(0);
  const texts = await Promise.all(answers);
  expect(texts.map((text) => /^HTTP\/1\.1 200 [^]*"running":/.test(text))).toEqual(texts.map(() => true));

  executor = await ExecutorProcess.start([], executor.home);
  const seen = headers.get(REVISION_HEADER);
  const answer = await executor.request('GET', `/getTasks?after=${seen}&wait=25`); // at once, or this test would take too long
  expect(answer.headers.get(REVISION_HEADER)).not.toBe(seen);
});
