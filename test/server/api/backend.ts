import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';

/** A request as a program in a sandbox sees it. */
export interface SeenRequest {
  readonly method: string;
  readonly url: string;
  readonly rawHeaders: readonly string[];
  readonly body: string;
}

/** What stands for the program in a sandbox: it tells what it is asked, streams, breaks off, begins what nobody asked for, and shouts back what comes over an upgraded connection. */
export interface Backend {
  readonly port: number;
  readonly seen: SeenRequest[];
  /** Goes on with the answers to `/stream`. */
  release(): void;
  /** Callers of `/stream` that have gone before their answer ended. */
  readonly left: () => number;
  close(): Promise<void>;
}

/** Starts it on loopback. */
export async function startBackend(): Promise<Backend> {
  const seen: SeenRequest[] = [];
  const held: (() => void)[] = [];
  let left = 0;
  const server: Server = createServer((request, response) => {
    const { method = '', url = '', rawHeaders } = request;
    void bodyOf(request).then((body) => {
      seen.push({ method, url, rawHeaders, body: body.length > 200 ? String(body.length) : body });
      if (url.startsWith('/stream')) {
        response.on('close', () => (left += response.writableFinished ? 0 : 1));
        response.write('first\n');
        held.push(() => response.end('last\n'));
      } else if (url.startsWith('/break')) {
        request.socket.destroy();
      } else if (url.startsWith('/eager')) {
        request.socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n');
      } else if (url.startsWith('/moved')) {
        response.writeHead(302, { location: '/there?x=1' }).end();
      } else if (url.startsWith('/odd')) {
        request.socket.end('HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nContent-Length: 2\r\n\r\nhi');
      } else if (method === 'HEAD') {
        response.end();
      } else {
        response.writeHead(200, ['Set-Cookie', 'a=1', 'Set-Cookie', 'b=2', 'X-Written-So', 'yes', 'Trailer', 'X-Sum']);
        response.addTrailers({ 'X-Sum': '42' });
        response.end(`got ${method} ${url}`);
      }
    }, () => undefined);
  });
  const sockets = new Set<Duplex>();
  server.on('upgrade', (request, socket: Duplex, head) => {
    sockets.add(socket.on('error', () => undefined));
    seen.push({ method: 'UPGRADE', url: request.url ?? '', rawHeaders: request.rawHeaders, body: String(head) });
    if (request.url?.startsWith('/unwilling') === true) {
      socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 100\r\n\r\nsince');
      return;
    }
    socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: accepted\r\n\r\nHI ');
    socket.on('data', (chunk) => socket.write(String(chunk).toUpperCase()));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    seen,
    release: () => held.splice(0).forEach((go) => go()),
    left: () => left,
    close: async () => {
      sockets.forEach((socket) => socket.destroy());
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}
