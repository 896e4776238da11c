import { getRequestListener } from '@hono/node-server';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Clock } from '../../src/program/clock';
import { isWebSocketHandshake } from '../../src/program/forwarding';

/** Takes requests before the API does: true when it has taken one. */
export interface RequestTaker {
  request(incoming: IncomingMessage, outgoing: ServerResponse): boolean;
  /** Takes a connection that is to become a web socket. */
  upgrade(incoming: IncomingMessage, socket: Duplex, head: Buffer): void;
}

/** How to serve. */
export interface HttpHostOptions {
  readonly fetch: (request: Request) => Response | Promise<Response>;
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** How long an idle connection stays open, in ms. */
  readonly keepAliveMs: number;
  /** @default - every request goes to `fetch`, and no connection is upgraded */
  readonly taker?: RequestTaker;
}

/** A server that listens. */
export interface HttpHost {
  readonly port: number;
  /**
   * Stops to listen, and lets what is under way end.
   *
   * @param graceMs after which `onLate` is called, and, after as long again, what is left is broken
   */
  close(graceMs: number, onLate: () => void): Promise<void>;
}

/** Serves by plain HTTP. @throws Error of node:net, such as EADDRINUSE */
export async function serveHttp({ fetch, host, port, keepAliveMs, taker }: HttpHostOptions, clock: Clock): Promise<HttpHost> {
  const listener = getRequestListener(fetch, { overrideGlobalObjects: false });
  const shouldUpgradeCallback = (incoming: IncomingMessage) => taker !== undefined && isWebSocketHandshake(incoming);
  const server = createServer({ keepAliveTimeout: keepAliveMs, shouldUpgradeCallback }, (incoming, outgoing) => {
    if (taker?.request(incoming, outgoing) !== true) void listener(incoming, outgoing);
  });
  // A proxied request may take as long as it takes.
  server.requestTimeout = 0;
  if (taker !== undefined) server.on('upgrade', (incoming, socket, head) => taker.upgrade(incoming, socket, head));
  server.listen(port, host);
  await once(server, 'listening');
  return { port: (server.address() as AddressInfo).port, close: (graceMs, onLate) => closeServer(server, graceMs, onLate, clock) };
}

async function closeServer(server: Server, graceMs: number, onLate: () => void, clock: Clock): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeIdleConnections();
  const cancels = [clock.setTimer(graceMs, onLate), clock.setTimer(2 * graceMs, () => server.closeAllConnections())];
  await closed;
  cancels.forEach((cancel) => cancel());
}
