import { createServer, type Server } from 'node:http';
import { isWebSocketHandshake } from '../../src/program/forwarding';
import type { ExecdApp } from './app';

/** The server of the API, which does not listen yet. Only handshakes of web sockets are upgrades; other offers are passed over. */
export function createExecdServer(load: () => Promise<Pick<ExecdApp, 'handle' | 'upgrade'>>): Server {
  const server = createServer({ shouldUpgradeCallback: isWebSocketHandshake }, (request, response) => void load().then((app) => app.handle(request, response)));
  server.on('upgrade', (request, socket, head) => void load().then((app) => app.upgrade(request, socket, head)));
  server.requestTimeout = 0; // an upload may take its time
  return server;
}
