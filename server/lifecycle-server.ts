import { randomUUID } from 'node:crypto';
import { KubeApi } from '../operator/kube/api';
import type { KubeConnection } from '../operator/kube/connection';
import { Transport } from '../operator/kube/transport';
import type { Clock } from '../src/program/clock';
import type { Logger } from '../src/program/log';
import type { BatchSandbox } from '../src/schema/batch-sandbox';
import type { PodTemplateSpec } from '../src/schema/kubernetes';
import { SERVER_AGENT } from '../src/schema/names';
import { runtimeClassOf, type ServerConfig } from '../src/schema/server-config';
import { ConcurrencyLimit } from './concurrency-limit';
import { Diagnostics } from './diagnostics/diagnostics';
import { diagnosticsRoutes } from './diagnostics/routes';
import { ServerMetrics } from './metrics';
import { notYetRoutes } from './not-yet-routes';
import { PoolStore } from './pools/pool-store';
import { poolRoutes } from './pools/routes';
import { AccessRenewer } from './proxy/access-renewer';
import type { AccessTokens } from './proxy/access-token';
import { endpointOf } from './proxy/endpoints';
import { ExecdHeaders } from './proxy/execd-headers';
import { Gate } from './proxy/gate';
import { Proxy } from './proxy/proxy';
import { RouteSigner } from './proxy/route-signature';
import { SandboxCreator } from './sandboxes/creator';
import { SandboxOperations } from './sandboxes/operations';
import { PlatformCheck } from './sandboxes/platform-check';
import { sandboxRoutes } from './sandboxes/routes';
import { SandboxStore } from './sandboxes/sandbox-store';
import { toSandbox } from './sandboxes/sandbox-view';
import { sweepAbandoned } from './sandboxes/sweeper';
import { serviceRoutes } from './service-routes';
import type { ApiKeys } from './web/api-keys';
import { createApp } from './web/app';
import { openApiDocument } from './web/openapi';
import type { Route } from './web/route';

/** A cache that has heard nothing for so long, in ms, is not trusted: bookmarks come about once a minute. */
const STALE_MS = 150_000;

/** What a {@link LifecycleServer} needs. */
export interface LifecycleServerOptions {
  readonly connection: KubeConnection;
  readonly config: ServerConfig;
  /** Namespace of sandboxes and pools. */
  readonly namespace: string;
  readonly keys: ApiKeys;
  /** Tokens that open single sandboxes through the proxy. */
  readonly tokens: AccessTokens;
  /** What executors are told. @default - no access token */
  readonly execd?: ExecdHeaders;
  /** Version of this package. */
  readonly version: string;
  /** Template of sandboxes without a pool. @default - an empty one */
  readonly base?: PodTemplateSpec;
  readonly clock: Clock;
  readonly log: Logger;
  /** Makes the id of a sandbox. @default - random UUIDs */
  readonly newId?: () => string;
}

/**
 * The lifecycle server without a socket: what it knows of the cluster, and the API on top of it.
 *
 * All state is in the Kubernetes API, so any number of them serve the same sandboxes (L42).
 */
export class LifecycleServer {
  readonly routes: readonly Route[];
  readonly app: ReturnType<typeof createApp>;
  readonly sandboxes: SandboxStore;
  readonly metrics = new ServerMetrics();
  /** Takes the requests that go into sandboxes. */
  readonly proxy: Proxy;
  private readonly pools: PoolStore;
  private readonly transport: Transport;
  /** Ends the watches. */
  private readonly over = new AbortController();
  /** Ends requests under way. */
  private readonly stopping = new AbortController();
  private running: Promise<unknown> = Promise.resolve();

  constructor(private readonly options: LifecycleServerOptions) {
    const { connection, config, namespace, keys, tokens, execd = new ExecdHeaders(), version, base, clock, log, newId = randomUUID } = options;
    const { write_qps: qps, write_burst: burst } = config.kubernetes;
    this.transport = new Transport({ connection, clock, agent: SERVER_AGENT, onAnswer: (answer) => this.metrics.kubeAnswered(answer), qps, burst: burst === 0 ? Math.max(1, qps) : burst });
    const api = new KubeApi({ transport: this.transport });
    this.sandboxes = new SandboxStore({ api, namespace, clock, log, ...(config.kubernetes.read_qps > 0 && { liveReadsPerSecond: config.kubernetes.read_qps }) });
    this.pools = new PoolStore({ api, namespace, clock, log });
    const { secure_access: secureAccess } = config.ingress;
    const signer = secureAccess === undefined ? undefined : new RouteSigner(secureAccess);
    const gate = new Gate({ store: this.sandboxes, keys, tokens, signer, config, clock });
    const { enabled, min_interval_seconds: interval } = config.renew_intent;
    const renewer = enabled ? new AccessRenewer({ store: this.sandboxes, clock, log, intervalMs: interval * 1000 }) : undefined;
    this.proxy = new Proxy({ gate, execd, clock, log, stop: this.stopping.signal, renewer, onAnswer: (answer) => this.metrics.answered(answer) });
    const platforms = new PlatformCheck({ api, clock, log });
    const creator = new SandboxCreator({ api, namespace, store: this.sandboxes, pools: this.pools, platforms, config, version, base, clock, log, newId, onCreate: (create) => this.metrics.created(create) });
    const service = serviceRoutes({ version, notReady: () => this.notReady(), openApi: () => openApiDocument(this.routes, version) });
    this.routes = [
      ...service,
      ...sandboxRoutes({
        store: this.sandboxes,
        creator,
        operations: new SandboxOperations({ store: this.sandboxes, clock }),
        creates: new ConcurrencyLimit(config.server.max_concurrent_creates),
        toReply: (batch: BatchSandbox) => toSandbox(batch, (name) => this.pools.find(name)),
        endpointOf: (batch, port, input) => endpointOf(batch, port, input, { config, tokens, execd, signer, now: clock.now() }),
      }),
      ...notYetRoutes({ store: this.sandboxes }),
      ...poolRoutes({ pools: this.pools, namespace, allowPrivileged: config.pools.allow_privileged, runtimeClass: runtimeClassOf(config) }),
      ...diagnosticsRoutes({ store: this.sandboxes, diagnostics: new Diagnostics({ api, namespace }) }),
    ];
    this.app = createApp({ routes: this.routes, keys, log, stop: this.stopping.signal, corsOrigins: config.server.cors_origins, onAnswer: (answer) => this.metrics.answered(answer), onRefusedKey: () => this.metrics.rejectedKey() });
    this.metrics.observe({
      watchAgesMs: () => [['batchsandboxes', this.sandboxes.ageMs()], ['pools', this.pools.ageMs()]],
      proxiedStreams: () => this.proxy.count,
    });
  }

  /** Begins to watch the cluster; resolves when everything has been listed, or the signal aborts. */
  async start(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.options;
    const over = this.over.signal;
    this.running = Promise.all([this.sandboxes.run(over), this.pools.run(over)]);
    const swept = this.sandboxes.synced.then(() => {
      this.running = Promise.all([this.running, sweepAbandoned(this.sandboxes, clock, log, over)]);
    });
    await Promise.race([Promise.all([swept, this.pools.synced]), new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))]);
  }

  /** Why requests cannot be served; empty when they can. */
  notReady(): readonly string[] {
    return [this.sandboxes, this.pools].flatMap((store) => store.notReady(STALE_MS) ?? []);
  }

  /** Ends requests under way: creates are taken back, and their callers told to come again. */
  stopRequests(): void {
    this.stopping.abort();
  }

  /** Ends the watches and breaks all connections to the API server. */
  async close(): Promise<void> {
    this.stopping.abort();
    this.over.abort();
    await this.running;
    await this.transport.destroy();
  }
}
