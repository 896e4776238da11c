import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { type IncomingMessage, request, type Server } from 'node:http';
import { join } from 'node:path';
import { TEMPORARY } from '../tasks/atomic-file';
import type { ExecdApp } from './app';
import { createExecdServer } from './server';

/** What is run: the program that pipes are made by, which writes a little. */
const PROGRAM = ['mkfifo', '--help'] as const;
/** The next command takes 10 ms to its output after one run, 9 after two, 8 after three, as all that follow; without any 18 to 20. Each costs every warm sandbox its processor time. */
const RUNS = 2;
/** Longest time of a run, in ms. */
const LONGEST_RUN_MS = 1_000;

/**
 * Has the API run a command for nobody, so that what the first command of a sandbox needs has been compiled, and its memory touched, before anybody waits for it.
 *
 * The request comes by a socket in the data directory, which no sandbox sees.
 *
 * @param app another instance than that of the sandbox: one for the executor's own place
 * @param signal ends it early
 * @throws Error when something fails or the signal aborts; nothing is left in any case
 */
export async function rehearse(app: ExecdApp, dataDir: string, signal: AbortSignal): Promise<void> {
  const server = createExecdServer(() => Promise.resolve(app));
  const socketPath = join(dataDir, `.rehearsal-${process.pid}${TEMPORARY}`);
  try {
    rmSync(socketPath, { force: true }); // of a process of this number that was killed here
    server.listen(socketPath);
    await once(server, 'listening');
    server.on('error', () => undefined);
    for (let runs = 0; runs < RUNS; runs += 1) await run(socketPath, signal);
  } finally {
    await app.halt();
    await close(server);
  }
}

async function run(socketPath: string, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const body = JSON.stringify({ argv: PROGRAM, timeout: LONGEST_RUN_MS });
  const call = request({ socketPath, path: '/command', method: 'POST', agent: false, headers: { 'content-length': Buffer.byteLength(body) }, signal }).end(body);
  const [response] = (await once(call, 'response')) as [IncomingMessage];
  response.resume();
  await once(response, 'end');
}

async function close(server: Server): Promise<void> {
  if (!server.listening) return;
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}
