import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { type IncomingMessage, request, type Server } from 'node:http';
import { join } from 'node:path';
import { TEMPORARY } from '../tasks/atomic-file';
import type { ExecdApp, ExecdOptions } from './app';
import { createExecdServer } from './server';
import { hostSandbox, type Sandbox } from './sandbox';

/** What is run: a program that is there wherever the API works, since pipes are made by it, and that writes a little. */
const PROGRAM = ['mkfifo', '--help'] as const;
/** After the first run the next command takes 10 ms to its output, after the second 8, as all that follow; without any 20. */
const RUNS = 2;

/**
 * Has the API run a command for nobody, so that what the first command of a sandbox needs has been compiled, and its memory touched, before anybody waits for it.
 *
 * The sandbox has no part in it: the command is a program of the executor's own, in the executor's own place, and it comes by a socket in the data directory. What fails
 * costs the first command its time, and nothing else.
 *
 * @param beside makes the same API for another sandbox
 * @param signal ends it early
 */
export async function rehearse(beside: (sandbox: Sandbox) => ExecdApp, { sandbox, dataDir }: Pick<ExecdOptions, 'sandbox' | 'dataDir'>, signal: AbortSignal): Promise<void> {
  const stage = beside(hostSandbox({ PATH: '/usr/local/bin:/usr/bin:/bin' }, dataDir));
  const server = createExecdServer(() => Promise.resolve(stage));
  const socketPath = join(dataDir, `.rehearsal-${process.pid}${TEMPORARY}`);
  try {
    rmSync(socketPath, { force: true }); // of a process of this number that was killed here
    server.listen(socketPath);
    await once(server, 'listening', { signal });
    for (let runs = 0; runs < RUNS; runs += 1) await run(socketPath, isForeign(sandbox), signal);
  } catch {
    // as said above
  } finally {
    await stage.stop();
    await close(server);
  }
}

/** Whether commands enter another container: theirs is another way to start. */
function isForeign(sandbox: Sandbox): boolean {
  const opened = sandbox.open();
  opened.close();
  return opened.isForeign;
}

async function run(socketPath: string, enters: boolean, signal: AbortSignal): Promise<void> {
  const body = JSON.stringify({ argv: PROGRAM, ...(enters && { uid: process.getuid?.(), gid: process.getgid?.() }) });
  const call = request({ socketPath, path: '/command', method: 'POST', agent: false, headers: { 'content-length': Buffer.byteLength(body) }, signal }).end(body);
  const [response] = (await once(call, 'response', { signal })) as [IncomingMessage];
  response.resume();
  await once(response, 'end', { signal });
}

async function close(server: Server): Promise<void> {
  if (!server.listening) return;
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}
