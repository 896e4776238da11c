import { ProgramMetrics } from '../src/program/metrics';

/** From a read of the cache (0.1 ms) to a create that waits as long as it may. */
const REQUEST_BUCKETS = [0.0005, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25];
/** From a warm pool (10 ms) to the end of a create's patience. */
const CREATE_BUCKETS = [0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25];

/** State that gauges read when somebody asks. */
export interface ServerMetricsSource {
  watchAgesMs(): Iterable<[kind: string, ageMs: number]>;
  proxiedStreams(): number;
}

/**
 * Metrics of the lifecycle server. No label carries the name of a sandbox, pool or key.
 *
 * @see docs/metrics.md
 */
export class ServerMetrics extends ProgramMetrics {
  private readonly requests = this.histogram('opensandbox_server_request_duration_seconds', 'Time of a request, by operation and status; of a proxied one, until its answer begins.', ['operation', 'status'], REQUEST_BUCKETS);
  private readonly creates = this.histogram('opensandbox_server_create_duration_seconds', 'Time of a create, by mode (pool or direct) and result (ready, or the code of the error).', ['mode', 'result'], CREATE_BUCKETS);
  private readonly apiRequests = this.counter('opensandbox_server_kube_requests_total', 'Requests to the API server of the cluster.', ['code', 'method']);
  private readonly rejections = this.counter('opensandbox_server_rejections_total', 'Requests turned away before they were looked at, by reason (key or route).', ['reason']);

  /** Registers the gauges that read the state at every scrape. */
  observe(source: ServerMetricsSource): void {
    this.gauge('opensandbox_server_watch_age_seconds', 'Time since a watch said anything.', ['kind'], (gauge) => {
      for (const [kind, ageMs] of source.watchAgesMs()) gauge.set({ kind }, ageMs / 1000);
    });
    this.gauge('opensandbox_server_proxied_streams', 'Requests and web sockets that go through the proxy now.', [], (gauge) => gauge.set(source.proxiedStreams()));
  }

  /** A request is answered. */
  answered({ operation, status, durationMs }: { readonly operation: string; readonly status: number; readonly durationMs: number }): void {
    if (operation === 'unknown') this.rejections.inc({ reason: 'route' });
    else this.requests.observe({ operation, status: String(status) }, durationMs / 1000);
  }

  /** A request had no good key. */
  rejectedKey(): void {
    this.rejections.inc({ reason: 'key' });
  }

  /** A create has ended. */
  created({ mode, result, durationMs }: { readonly mode: string; readonly result: string; readonly durationMs: number }): void {
    this.creates.observe({ mode, result }, durationMs / 1000);
  }

  /** The API server has answered, or `<error>` when it has not. */
  kubeAnswered({ method, code }: { readonly method: string; readonly code: string }): void {
    this.apiRequests.inc({ method, code });
  }
}
