import { getRequestListener } from '@hono/node-server';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type Clock, systemClock } from '../../src/program/clock';
import { selfSignedCertificate } from './certificate';
import { createEmbeddedApi } from './embedded-api';
import { ExecServer } from './exec-server';
import { renderKubeconfig } from './kubeconfig';
import type { PodExec } from './pod-exec';
import type { PodLogs } from './pod-logs';
import { TokenCheck } from './reviews';
import { systemSources } from './sources';
import { openWatchSink } from './watch-sink';
import type { WriteCounts } from './write-counts';

/** How an API server is to run. */
export interface ApiServerOptions {
  /** IPv4 address, a loopback one. @default '127.0.0.1' */
  readonly host?: string;
  /** TCP port; 0 lets the system choose. @default 0 */
  readonly port?: number;
  /** Bearer token that every request must carry. @default - 32 random bytes */
  readonly token?: string;
  /** Time as objects show it. @default - the system's */
  readonly clock?: Pick<Clock, 'now' | 'setTimer'>;
  /** Where logs of pods are read. @default - no pod has a log */
  readonly logs?: PodLogs;
  /** Where commands of `pods/exec` run. @default - no pod runs any */
  readonly exec?: PodExec;
}

/** A running API server. Its state is in memory and ends with it. */
export interface ApiServer {
  readonly url: string;
  readonly token: string;
  /** Certificate that clients must trust, as PEM. */
  readonly ca: string;
  /** A kubeconfig for it, with this default namespace. @default 'default' */
  kubeconfig(namespace?: string): string;
  /** What clients have written so far. */
  writes(): WriteCounts;
  /** Breaks every connection and forgets everything. */
  close(): Promise<void>;
}

/** Time that a connection may idle, in ms: longer than clients keep theirs, so that they never write to one being closed. */
const KEEP_ALIVE_MS = 5 * 60_000;

/** Starts an API server. @throws Error of node:net, such as EADDRINUSE */
export async function createApiServer(options: ApiServerOptions = {}): Promise<ApiServer> {
  const { host = '127.0.0.1', port = 0, token = randomBytes(32).toString('base64url'), clock = systemClock, logs, exec } = options;
  const tokens = new TokenCheck(token);
  const { cert, key } = selfSignedCertificate([host], new Date());
  const api = createEmbeddedApi({ sources: systemSources(clock), tokens, ca: cert, ...(logs === undefined ? {} : { logs }) });
  const listener = getRequestListener((request, { outgoing }) => api.fetch(request, { openWatch: () => openWatchSink(outgoing) }), { overrideGlobalObjects: false });
  const server = createServer({ cert, key, keepAliveTimeout: KEEP_ALIVE_MS }, listener);
  const execs = new ExecServer({ registry: api.registry, writer: api.writer, tokens, exec });
  server.on('upgrade', (request, socket, head) => execs.upgrade(request, socket, head));
  try {
    server.listen(port, host);
    await once(server, 'listening');
  } catch (error) {
    api.close();
    throw error;
  }
  const url = `https://${host}:${(server.address() as AddressInfo).port}`;
  return {
    url,
    token,
    ca: cert,
    kubeconfig: (namespace) => renderKubeconfig({ url, token, ca: cert }, namespace),
    writes: () => api.writes(),
    close: () => {
      api.close();
      execs.close();
      return closeServer(server);
    },
  };
}

async function closeServer(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}
