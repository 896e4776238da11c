import { builtInKinds } from './built-in-kinds';
import { Collector } from './collector';
import { toCustomKind } from './crd';
import { jsonEqual } from './json';
import { Lister } from './list';
import { ObjectWriter, type WriteOptions } from './object-writer';
import type { PodLogs } from './pod-logs';
import { Registry } from './registry';
import { ResourceApi } from './resource-api';
import type { ResourceKind } from './resource-kind';
import type { TokenCheck } from './reviews';
import { createRoutes } from './routes';
import type { Sources } from './sources';
import { ObjectStore } from './store';
import type { WatchBindings } from './watch-sink';
import { type WriteCounts, WriteCounter } from './write-counts';

/** What an API server is made of beside its sources of time and chance. */
export interface EmbeddedApiOptions {
  readonly sources: Sources;
  /** Judges the token of every request. */
  readonly tokens: TokenCheck;
  /** Certificate that pods find in each namespace, as PEM. */
  readonly ca: string;
  /** Where logs of pods are read. @default - no pod has a log */
  readonly logs?: PodLogs;
}

/** An API server without a socket: what it holds is in memory and ends with it. */
export interface EmbeddedApi {
  readonly store: ObjectStore;
  readonly registry: Registry;
  readonly writer: ObjectWriter;
  /** Answers a request; a watch goes to what the bindings open. */
  fetch(request: Request, bindings: WatchBindings): Response | Promise<Response>;
  /** What clients have written so far. */
  writes(): WriteCounts;
  /** Ends all watches and stops to collect. */
  close(): void;
}

/** Makes an API server with the namespaces that a cluster has from its start. */
export function createEmbeddedApi({ sources, tokens, ca, logs }: EmbeddedApiOptions): EmbeddedApi {
  const now = () => sources.clock.now();
  const store = new ObjectStore(now);
  const registry = new Registry(builtInKinds());
  const writer = new ObjectWriter(store, registry, { ...sources, now });
  serveCustomKinds(store, registry);
  const collector = new Collector(store, registry, writer, sources.soon);
  furnishNamespaces(store, writer, registry, ca);
  createInitialObjects(writer, registry);
  store.startHistory();
  const writes = new WriteCounter();
  const resources = new ResourceApi(store, writer, new Lister(store, sources.newUid), writes, now);
  const routes = createRoutes({ store, registry, writer, resources, writes, tokens, sources, ...(logs === undefined ? {} : { logs }) });
  return {
    store,
    registry,
    writer,
    fetch: (request, bindings) => routes.fetch(request, bindings),
    writes: () => writes.snapshot(),
    close: () => {
      collector.close();
      store.close();
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
