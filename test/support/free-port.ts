import { once } from 'node:events';
import { createServer } from 'node:net';

/** A TCP port of a loopback address that nobody listens on. */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  const server = createServer().listen(0, host);
  await once(server, 'listening');
  const bound = server.address();
  server.close();
  await once(server, 'close');
  if (bound === null || typeof bound === 'string') throw new Error('server: expected a port, got none');
  return bound.port;
}
