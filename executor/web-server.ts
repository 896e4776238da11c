import { createServer, type IncomingHttpHeaders, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { boundConnections } from '../src/program/bounded-connections';
import type { ListenAddress } from '../src/schema/settings';

/** Longest time for a request to arrive, in ms; the answer to a long-poll may take about as long. */
const REQUEST_TIMEOUT_MS = 30_000;
/** How long an idle connection stays, in ms: longer than a long-poll, so that a caller keeps its connection between two. */
const KEEP_ALIVE_MS = 60_000;
/** Time for open answers to leave at the end, and for the rest of an unread body to come after its answer, in ms. */
const DRAIN_MS = 2_000;

/** A request. */
export interface WebRequest {
  /** In capitals. */
  readonly method: string;
  readonly url: Pick<URL, 'pathname' | 'search' | 'searchParams'>;
  readonly headers: IncomingHttpHeaders;
  /** Pieces of the body as they come; none for GET and HEAD. What is not read is dropped after the answer. */
  readonly body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
  /** Aborts when the caller is gone or has its answer. */
  readonly signal: AbortSignal;
}

/** What a request is answered with. */
export interface WebAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

/** Answers requests; never rejects. */
export type WebHandler = (request: WebRequest) => Promise<WebAnswer>;

/** A server that listens. */
export interface WebServer {
  /** Port it listens on, also when 0 was asked for. */
  readonly port: number;
  /** Stops to listen, lets open answers leave, and breaks what is still open then. */
  close(): Promise<void>;
}

/**
 * Serves by plain HTTP.
 *
 * @throws the error of the system, such as EADDRINUSE
 */
export async function startWebServer(handle: WebHandler, address: ListenAddress): Promise<WebServer> {
  const server = createServer((request, response) => void answer(handle, request, response, () => server.listening));
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  return listen(server, address);
}

/**
 * Lets a server listen, with bounded connections.
 *
 * @param maxConnections at a time @default 256
 * @throws the error of the system, such as EADDRINUSE
 */
export async function listen(server: Server, { host, port }: ListenAddress, maxConnections?: number): Promise<WebServer> {
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  boundConnections(server, maxConnections);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host: host === '' ? undefined : host }, resolve);
  });
  const address = server.address();
  return { port: typeof address === 'object' && address !== null ? address.port : port, close: () => close(server) };
}

async function answer(handle: WebHandler, request: IncomingMessage, response: ServerResponse, isListening: () => boolean): Promise<void> {
  const { method = '', url: target = '', headers } = request;
  const url = URL.parse(target.startsWith('/') ? `http://executor${target}` : target, 'http://executor');
  if (url === null) {
    response.writeHead(400).end();
    return;
  }
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  const body = method === 'GET' || method === 'HEAD' ? [] : request.iterator({ destroyOnReturn: false });
  const { status, headers: answerHeaders = {}, body: content } = await handle({ method, url, headers, body, signal: gone.signal });
  response.once('finish', () => dropRest(request));
  response.shouldKeepAlive &&= isListening(); // else a closing server would wait for the caller
  response.statusCode = status;
  response.setHeaders(new Map(Object.entries(answerHeaders)));
  response.end(content);
}

/** A caller that is still sending gets its answer, and can ask again when it ends in time. */
export function dropRest(request: IncomingMessage): void {
  if (!request.complete) {
    const cut = setTimeout(() => request.socket.destroy(), DRAIN_MS);
    request.once('close', () => clearTimeout(cut)).resume();
  }
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const cut = setTimeout(() => server.closeAllConnections(), DRAIN_MS);
    server.close(() => {
      clearTimeout(cut);
      resolve();
    });
    server.closeIdleConnections();
  });
}
