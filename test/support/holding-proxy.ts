import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { request as requestByTls } from 'node:https';
import type { AddressInfo } from 'node:net';

/** A request as a test chooses which one to keep back. */
export interface PassingRequest {
  readonly method: string;
  /** Path with query. */
  readonly path: string;
  readonly body: string;
}

/** A request that is kept back. */
export interface HeldRequest {
  /** Lets it go on, and resolves with the status of its answer. */
  letGo(): Promise<number>;
}

interface Wish {
  readonly isWanted: (request: PassingRequest) => boolean;
  readonly found: (held: HeldRequest) => void;
}

/** Stands between one program and an API server, so that a test can decide when a request of that program arrives. */
export class HoldingProxy {
  private readonly wishes = new Set<Wish>();

  private constructor(
    private readonly server: Server,
    private readonly upstream: { readonly url: string; readonly ca: string },
  ) {
    server.on('request', (request, response) => void this.pass(request, response).catch(() => response.destroy()));
  }

  static async start(upstream: { readonly url: string; readonly ca: string }): Promise<HoldingProxy> {
    const server = createServer({ keepAliveTimeout: 300_000 }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new HoldingProxy(server, upstream);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Keeps back the next request like this; resolves when it is there. */
  hold(isWanted: Wish['isWanted']): Promise<HeldRequest> {
    return new Promise((found) => this.wishes.add({ isWanted, found }));
  }

  /** Breaks every connection. */
  async close(): Promise<void> {
    const closed = once(this.server, 'close');
    this.server.close();
    this.server.closeAllConnections();
    await closed;
  }

  private async pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const { method = 'GET', url: path = '/' } = request;
    const wish = [...this.wishes].find(({ isWanted }) => isWanted({ method, path, body: body.toString() }));
    if (wish === undefined) {
      this.send(request, body, response);
      return;
    }
    this.wishes.delete(wish);
    wish.found({ letGo: () => new Promise((resolve) => this.send(request, body, response, resolve)) });
  }

  private send({ method, url = '/', headers }: IncomingMessage, body: Buffer, response: ServerResponse, answered?: (status: number) => void): void {
    const sent = requestByTls(new URL(url, this.upstream.url), { method, headers: { ...headers, host: new URL(this.upstream.url).host }, ca: this.upstream.ca }, (answer) => {
      const { statusCode = 0 } = answer;
      answered?.(statusCode);
      response.writeHead(statusCode, answer.headers);
      answer.on('error', () => response.destroy()).pipe(response);
    });
    sent.on('error', () => response.destroy());
    response.on('close', () => sent.destroy()); // its caller has gone: a watch, say
    sent.end(body);
  }
}
