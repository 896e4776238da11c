import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server as HttpServer, type ServerResponse } from 'node:http';
import { Port } from '../../../src/schema/names';
import type { Responder, Server } from '../exchange';

/** Lets simulated executors answer at the addresses of their pods. */
export class ExecutorServers {
  private readonly servers = new Map<string, HttpServer>();

  /** @param answer takes a request once it has come; its origin names the address */
  constructor(private readonly answer: Server) {}

  /** Listens on an address of this machine. */
  listen(ip: string): void {
    if (this.servers.has(ip)) return;
    const server = createServer((request, response) => void this.take(ip, request, response).catch(() => response.destroy()));
    server.on('error', () => this.servers.delete(ip)); // nobody answers there, then
    server.listen(Port.executor, ip);
    this.servers.set(ip, server);
  }

  /** Nobody answers there any more. */
  silence(ip: string): void {
    const server = this.servers.get(ip);
    this.servers.delete(ip);
    server?.close();
    server?.closeAllConnections();
  }

  async close(): Promise<void> {
    await Promise.all(
      [...this.servers].map(async ([ip, server]) => {
        const closed = once(server, 'close');
        this.silence(ip);
        await closed;
      }),
    );
  }

  private async take(ip: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { method = 'GET', url: path = '/', headers: { authorization = '' } } = request;
    this.answer({ method, path, origin: `http://${ip}:${Port.executor}`, headers: { authorization }, body: Buffer.concat(chunks).toString() }, toResponder(response));
  }
}

function toResponder(response: ServerResponse): Responder {
  return {
    start: (status, headers = {}) => void response.writeHead(status, { ...headers }),
    data: (chunk) => void response.write(chunk),
    end: () => void response.end(),
    fail: () => void response.destroy(),
    onClose: (callback) => {
      if (response.closed) callback();
      else response.once('close', callback);
    },
  };
}
