import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

/** One request that the fake has received. */
export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly contentType: string | undefined;
  readonly authorization: string | undefined;
  readonly accept: string | undefined;
  readonly body: unknown;
  /** Port of the client's end: one for each connection. */
  readonly connection: number;
}

/** Answers one request, now or later. */
export type Answer = (request: SeenRequest, response: ServerResponse) => void;

/**
 * An HTTP server that plays the API server as a test scripts it: it keeps no objects and decides nothing.
 *
 * For Kubernetes' own behaviour use the embedded cluster; this is for what a right server never does.
 */
export class FakeApi {
  readonly requests: SeenRequest[] = [];
  private readonly sockets = new Set<Socket>();
  private readonly server = createServer((request, response) => void this.receive(request, response));
  private answer: Answer = (_request, response) => sendStatus(response, 404, 'NotFound');

  /** Starts one on a free port of loopback. */
  static async start(): Promise<FakeApi> {
    const fake = new FakeApi();
    fake.server.on('connection', (socket: Socket) => {
      fake.sockets.add(socket);
      socket.once('close', () => fake.sockets.delete(socket));
    });
    await new Promise<void>((resolve) => fake.server.listen(0, '127.0.0.1', resolve));
    return fake;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Answers all requests from now on. */
  always(answer: Answer): void {
    this.answer = answer;
  }

  /** Answers the next requests one by one; the last answer also serves all later ones. */
  script(...answers: readonly Answer[]): void {
    const left = [...answers];
    this.answer = (request, response) => {
      const next = left.length > 1 ? left.shift() : left[0];
      next?.(request, response);
    };
  }

  /** Connections that carried requests so far. */
  get connectionCount(): number {
    return new Set(this.requests.map(({ connection }) => connection)).size;
  }

  async stop(): Promise<void> {
    this.sockets.forEach((socket) => socket.destroy());
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const url = new URL(request.url ?? '/', this.url);
    const text = Buffer.concat(chunks).toString();
    const seen: SeenRequest = {
      method: request.method ?? '',
      path: url.pathname,
      query: url.searchParams,
      contentType: request.headers['content-type'],
      authorization: request.headers.authorization,
      accept: request.headers.accept,
      body: text === '' ? undefined : (JSON.parse(text) as unknown),
      connection: request.socket.remotePort ?? 0,
    };
    this.requests.push(seen);
    this.answer(seen, response);
  }
}

/** Answers with JSON. */
export const json =
  (body: unknown, status = 200, headers: Record<string, string> = {}): Answer =>
  (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(JSON.stringify(body));
  };

/** Refuses with a Status of this HTTP code. */
export const refuse =
  (status: number, reason: string, headers: Record<string, string> = {}, details?: object): Answer =>
  (_request, response) =>
    sendStatus(response, status, reason, headers, details);

/** Breaks the connection without an answer. */
export const breakConnection: Answer = (_request, response) => response.destroy();

/** Never answers. */
export const silence: Answer = () => undefined;

/** A list of objects at a version, the last page unless `token` is given. */
export const list = (items: readonly unknown[], resourceVersion: string, token?: string): Answer =>
  json({ kind: 'List', apiVersion: 'v1', metadata: { resourceVersion, continue: token }, items });

/** Sends lines of a watch; then ends it, breaks it, or leaves it open. */
export const watch =
  (lines: readonly (object | string)[], then: 'end' | 'break' | 'stay' = 'stay'): Answer =>
  (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    for (const line of lines) response.write(typeof line === 'string' ? line : `${JSON.stringify(line)}\n`);
    if (then === 'end') response.end();
    // The bytes must have left before the connection breaks.
    if (then === 'break') response.write('', () => response.destroy());
  };

function sendStatus(response: ServerResponse, code: number, reason: string, headers: Record<string, string> = {}, details?: object): void {
  response.writeHead(code, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify({ kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, message: `refused: ${reason}`, details }));
}
