import { createAdaptorServer } from '@hono/node-server';
import type { Hono } from 'hono';
import { Server } from 'node:http';
import type { ListenAddress } from '../src/schema/settings';

/** Longest time for a request to arrive, in ms; the answer to a long-poll may take about as long. */
const REQUEST_TIMEOUT_MS = 30_000;
/** How long an idle connection stays, in ms: longer than a long-poll, so that a caller keeps its connection between two. */
const KEEP_ALIVE_MS = 60_000;
/** Time for open answers to leave at the end, in ms. */
const DRAIN_MS = 2_000;

/** A server that listens. */
export interface WebServer {
  /** Port it listens on, also when 0 was asked for. */
  readonly port: number;
  /** Stops to listen, lets open answers leave, and breaks what is still open then. */
  close(): Promise<void>;
}

/**
 * Serves an app by plain HTTP.
 *
 * @throws the error of the system, such as EADDRINUSE
 */
export async function startWebServer(app: Pick<Hono, 'fetch'>, { host, port }: ListenAddress): Promise<WebServer> {
  const server = createAdaptorServer({ fetch: app.fetch });
  if (!(server instanceof Server)) {
    throw new Error('expected a server of node:http');
  }
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host: host === '' ? undefined : host }, resolve);
  });
  const address = server.address();
  return { port: typeof address === 'object' && address !== null ? address.port : port, close: () => close(server) };
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
