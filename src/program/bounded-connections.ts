import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Most connections of a server at a time: each costs some 20 kB while it is silent, and whatever runs in the cluster may open them. */
const MAX_CONNECTIONS = 256;

/**
 * Bounds the connections of a server. One too many ends the oldest one on which nothing is asked, so that a flood of silent ones keeps nobody out;
 * the new one ends only where all others have a request.
 *
 * @param max connections at a time @default 256
 */
export function boundConnections(server: Server, max = MAX_CONNECTIONS): void {
  const idle = new Set<Socket>();
  let count = 0;
  server.on('connection', (socket: Socket) => {
    count += 1;
    if (count > max) {
      const [oldest = socket] = idle;
      idle.delete(oldest);
      oldest.destroy();
    }
    if (!socket.destroyed) idle.add(socket);
    socket.once('close', () => {
      count -= 1;
      idle.delete(socket);
    });
  });
  if (server.listenerCount('upgrade') > 0) {
    // Only where somebody takes them: a listener of our own would leave them open and unanswered.
    server.on('upgrade', ({ socket }: IncomingMessage) => void idle.delete(socket));
  }
  server.on('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
    idle.delete(socket);
    response.once('close', () => {
      if (!socket.destroyed) idle.add(socket);
    });
  });
}
