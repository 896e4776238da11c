import { getRequestListener } from '@hono/node-server';
import { randomBytes, randomInt, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type Clock, systemClock } from '../../src/program/clock';
import { builtInKinds } from './built-in-kinds';
import { selfSignedCertificate } from './certificate';
import { Collector } from './collector';
import { toCustomKind } from './crd';
import { ExecServer } from './exec-server';
import { jsonEqual } from './json';
import { renderKubeconfig } from './kubeconfig';
import { Lister } from './list';
import { ObjectWriter, type WriteOptions } from './object-writer';
import type { PodExec } from './pod-exec';
import type { PodLogs } from './pod-logs';
import { Registry } from './registry';
import { ResourceApi } from './resource-api';
import type { ResourceKind } from './resource-kind';
import { TokenCheck } from './reviews';
import { createRoutes } from './routes';
import { ObjectStore } from './store';
import { type WriteCounts, WriteCounter } from './write-counts';

/** How an API server is to run. */
export interface ApiServerOptions {
  /** IPv4 address, a loopback one. @default '127.0.0.1' */
  readonly host?: string;
  /** TCP port; 0 lets the system choose. @default 0 */
  readonly port?: number;
  /** Bearer token that every request must carry. @default - 32 random bytes */
  readonly token?: string;
  /** Time as objects show it. @default - the system's */
  readonly clock?: Pick<Clock, 'now'>;
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

/** Names that generateName ends in: without vowels and look-alikes, as Kubernetes does it. */
const SUFFIX_ALPHABET = 'bcdfghjklmnpqrstvwxz2456789';
/** Time that a connection may idle, in ms: longer than clients keep theirs, so that they never write to one being closed. */
const KEEP_ALIVE_MS = 5 * 60_000;

/** Starts an API server. @throws Error of node:net, such as EADDRINUSE */
export async function createApiServer(options: ApiServerOptions = {}): Promise<ApiServer> {
  const { host = '127.0.0.1', port = 0, token = randomBytes(32).toString('base64url'), clock = systemClock, logs, exec } = options;
  const now = () => clock.now();
  const store = new ObjectStore(now);
  const registry = new Registry(builtInKinds());
  const writer = new ObjectWriter(store, registry, { now, newUid: randomUUID, newSuffix });
  serveCustomKinds(store, registry);
  const collector = new Collector(store, registry, writer);
  const { cert, key } = selfSignedCertificate([host], new Date());
  furnishNamespaces(store, writer, registry, cert);
  createInitialObjects(writer, registry);
  store.startHistory();
  const writes = new WriteCounter();
  const resources = new ResourceApi(store, writer, new Lister(store), writes, now);
  const tokens = new TokenCheck(token);
  const routes = createRoutes({ store, registry, writer, resources, writes, tokens, now, ...(logs === undefined ? {} : { logs }) });
  const server = createServer({ cert, key, keepAliveTimeout: KEEP_ALIVE_MS }, getRequestListener(routes.fetch, { overrideGlobalObjects: false }));
  const execs = new ExecServer({ registry, writer, tokens, exec });
  server.on('upgrade', (request, socket, head) => execs.upgrade(request, socket, head));
  const forget = () => {
    collector.close();
    store.close();
  };
  try {
    server.listen(port, host);
    await once(server, 'listening');
  } catch (error) {
    forget();
    throw error;
  }
  const url = `https://${host}:${(server.address() as AddressInfo).port}`;
  return {
    url,
    token,
    ca: cert,
    kubeconfig: (namespace) => renderKubeconfig({ url, token, ca: cert }, namespace),
    writes: () => writes.snapshot(),
    close: () => {
      forget();
      execs.close();
      return closeServer(server);
    },
  };
}

/** Serves the kind of each CRD from the moment it is stored until it is gone. */
function serveCustomKinds(store: ObjectStore, registry: Registry): void {
  store.onChange((kind, { type, stored: { object }, previous }) => {
    if (kind.plural !== 'customresourcedefinitions') return;
    if (type === 'MODIFIED' && jsonEqual(object.spec, previous?.object.spec)) return;
    const custom = toCustomKind(object);
    const served = registry.all().find(({ group, plural }) => group === custom.group && plural === custom.plural);
    if (served !== undefined) registry.remove(served);
    if (type === 'DELETED') store.dropCollection(custom);
    else {
      registry.add(custom);
      store.collectionOf(custom); // its changes can be watched from now on
    }
  });
}

/** What a cluster has from its start. */
function createInitialObjects(writer: ObjectWriter, registry: Registry): void {
  const namespaces = coreKind(registry, 'namespaces');
  for (const name of ['default', 'kube-system', 'kube-public', 'kube-node-lease']) {
    writer.create(namespaces, undefined, { metadata: { name } }, { ...BY_THE_SERVER, manager: 'kube-apiserver' });
  }
}

/** Gives each new namespace what the controllers of a real cluster give it: an account for its pods, and the server's certificate. */
function furnishNamespaces(store: ObjectStore, writer: ObjectWriter, registry: Registry, ca: string): void {
  const options = { ...BY_THE_SERVER, manager: 'kube-controller-manager' };
  store.onChange((kind, { type, stored: { object } }) => {
    if (type !== 'ADDED' || kind.group !== '' || kind.plural !== 'namespaces') return;
    const { name } = object.metadata;
    writer.create(coreKind(registry, 'serviceaccounts'), name, { metadata: { name: 'default' } }, options);
    writer.create(coreKind(registry, 'configmaps'), name, { metadata: { name: 'kube-root-ca.crt' }, data: { 'ca.crt': ca } }, options);
  });
}

const BY_THE_SERVER: Omit<WriteOptions, 'manager'> = { fieldValidation: 'Strict', isPatch: false, warnings: [], dryRun: false };

function coreKind(registry: Registry, plural: string): ResourceKind {
  const kind = registry.find('', 'v1', plural);
  if (kind === undefined) throw new Error(`api server: built-in kinds: expected ${plural} among them`);
  return kind;
}

function newSuffix(): string {
  return Array.from({ length: 5 }, () => SUFFIX_ALPHABET[randomInt(SUFFIX_ALPHABET.length)]).join('');
}

async function closeServer(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}
