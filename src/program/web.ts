import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ListenAddress } from '../schema/settings';
import { boundConnections } from './bounded-connections';

/** Routes of `/healthz` (200 while the event loop answers) and `/readyz` (200, or 503 with one reason a line). */
export function healthRoutes(notReady: () => readonly string[]): Hono {
  return new Hono()
    .get('/healthz', (context) => context.text('ok\n'))
    .get('/readyz', (context) => {
      const reasons = notReady();
      return reasons.length === 0 ? context.text('ok\n') : context.text(`${reasons.join('\n')}\n`, 503);
    });
}

/** What prom-client's registry offers. */
export interface MetricsSource {
  readonly contentType: string;
  metrics(): Promise<string>;
}

/** Route of `/metrics`. */
export function metricsRoutes(source: MetricsSource): Hono {
  return new Hono().get('/metrics', async (context) => context.body(await source.metrics(), 200, { 'content-type': source.contentType }));
}

/** A server that listens. */
export interface WebServer {
  /** Port it listens on, also when 0 was asked for. */
  readonly port: number;
  /** Stops to listen and breaks what is open. */
  close(): Promise<void>;
}

/**
 * Serves routes by plain HTTP.
 *
 * @throws Error of node:net, such as EADDRINUSE
 */
export function serveRoutes(routes: Pick<Hono, 'fetch'>, address: ListenAddress): Promise<WebServer> {
  return new Promise((resolve, reject) => {
    const options = { fetch: routes.fetch, port: address.port, ...(address.host === '' ? {} : { hostname: address.host }) };
    // Without TLS options the server is one of node:http.
    const server = serve(options, (info: AddressInfo) => resolve({ port: info.port, close: () => closeServer(server) })) as Server;
    boundConnections(server);
    server.once('error', reject);
  });
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.close((error) => (error === undefined ? resolve() : reject(error)));
    server.closeAllConnections();
  });
}
