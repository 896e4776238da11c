import type { Clock } from '../src/program/clock';
import { ProgramMetrics } from '../src/program/metrics';
import type { BatchSandbox } from '../src/schema/batch-sandbox';
import type { RECYCLE_TYPES } from '../src/schema/pool';
import type { ReconcileOutcome } from './controller';
import type { PoolCounts } from './pool-book';

/** From a warm delivery of one sandbox (5 ms) to a cold start on a busy cluster (2 min). */
const DELIVERY_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120];
/** From a pass that finds nothing to do (0.1 ms) to one that waits for a slow API server. */
const RECONCILE_BUCKETS = [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10];

/** What became of a pod that a batch gave back; `gone` went by itself meanwhile. */
export type RecycleResult = 'reused' | 'restarted' | 'deleted' | 'gone';

/** Labels of a pod that a batch gave back. */
export interface RecycledPods {
  readonly namespace: string;
  /** Name of its pool. */
  readonly pool: string;
  readonly strategy: (typeof RECYCLE_TYPES)[number];
  readonly result: RecycleResult;
}

/** State that gauges read when somebody asks. */
export interface MetricsSource {
  pools(): Iterable<{ namespace: string; name: string; counts: PoolCounts; unmet: number }>;
  batches(): Iterable<BatchSandbox>;
  watchAgesMs(): Iterable<[kind: string, ageMs: number]>;
  queueDepths(): Iterable<[controller: string, depth: number]>;
  leading(): boolean;
}

/**
 * Metrics of the operator. No label carries the name of a batch, pod or task.
 *
 * @see docs/metrics.md
 */
export class OperatorMetrics extends ProgramMetrics {
  private readonly reconciles = this.counter('controller_runtime_reconcile_total', 'Passes over an object, by outcome.', ['controller', 'result']);
  private readonly reconcileErrors = this.counter('controller_runtime_reconcile_errors_total', 'Passes that failed.', ['controller']);
  private readonly reconcileSeconds = this.histogram('controller_runtime_reconcile_time_seconds', 'Time of a pass.', ['controller'], RECONCILE_BUCKETS);
  private readonly requests = this.counter('rest_client_requests_total', 'Requests to the API server.', ['code', 'method', 'host']);
  private readonly allocation = this.histogram(
    'opensandbox_allocation_duration_seconds',
    'Time from the creation of a pooled batch until all its slots are filled; creation times are whole seconds.',
    ['namespace', 'pool'],
    DELIVERY_BUCKETS,
  );
  private readonly executorCalls = this.counter('opensandbox_executor_calls_total', 'Calls to executors.', ['operation', 'result']);
  private readonly replacedPods = this.counter('opensandbox_pods_replaced_total', 'Pods that batches lost.', ['namespace']);

  private readonly recycledPods = this.counter(
    'opensandbox_recycle_total',
    'Pods that batches gave back, by what became of them.',
    ['namespace', 'pool', 'strategy', 'result'],
  );

  constructor(
    private readonly clock: Clock,
    private readonly host: string,
  ) {
    super();
  }

  /** Registers the gauges that read the operator's state at every scrape. */
  observe(source: MetricsSource): void {
    this.gauge('opensandbox_pool_pods', 'Pods of a pool, by state.', ['namespace', 'pool', 'state'], (gauge) => {
      for (const { namespace, name, counts } of source.pools()) {
        for (const [state, count] of Object.entries({
          total: counts.total,
          allocated: counts.allocated,
          available: counts.available,
          updated: counts.updated,
          terminating: counts.existing - counts.total,
        })) {
          gauge.set({ namespace, pool: name, state }, count);
        }
      }
    });
    this.gauge('opensandbox_pool_unmet_slots', 'Slots of batches that wait for a pod of the pool.', ['namespace', 'pool'], (gauge) => {
      for (const { namespace, name, unmet } of source.pools()) gauge.set({ namespace, pool: name }, unmet);
    });
    this.gauge('opensandbox_tasks', 'Tasks of all batches, by state.', ['namespace', 'state'], (gauge) => {
      for (const { metadata, status } of source.batches()) {
        const namespace = metadata.namespace ?? '';
        gauge.inc({ namespace, state: 'pending' }, status?.taskPending ?? 0);
        gauge.inc({ namespace, state: 'running' }, status?.taskRunning ?? 0);
        gauge.inc({ namespace, state: 'succeed' }, status?.taskSucceed ?? 0);
        gauge.inc({ namespace, state: 'failed' }, status?.taskFailed ?? 0);
        gauge.inc({ namespace, state: 'unknown' }, status?.taskUnknown ?? 0);
      }
    });
    this.gauge('opensandbox_watch_age_seconds', 'Time since a watch said anything; configmaps, the profile of pool assignment, once it has been read.', ['kind'], (gauge) => {
      for (const [kind, ageMs] of source.watchAgesMs()) gauge.set({ kind }, ageMs / 1000);
    });
    this.gauge('workqueue_depth', 'Objects that wait for a pass.', ['name'], (gauge) => {
      for (const [name, depth] of source.queueDepths()) gauge.set({ name }, depth);
    });
    this.gauge('leader_election_master_status', 'Whether this process leads.', ['name'], (gauge) => {
      gauge.set({ name: 'sandbox-operator' }, source.leading() ? 1 : 0);
    });
  }

  /** A pass over an object has ended. */
  reconciled(controller: string, result: ReconcileOutcome, durationMs: number): void {
    this.reconciles.inc({ controller, result });
    if (result === 'error') this.reconcileErrors.inc({ controller });
    this.reconcileSeconds.observe({ controller }, durationMs / 1000);
  }

  /** The API server has answered, or `<error>` when it has not. */
  answered(method: string, code: string): void {
    this.requests.inc({ method, code, host: this.host });
  }

  /** A call to an executor has ended. */
  calledExecutor(operation: string, result: string): void {
    this.executorCalls.inc({ operation, result });
  }

  /** All slots of a pooled batch are filled. */
  allocated(batch: BatchSandbox): void {
    const createdMs = Date.parse(batch.metadata.creationTimestamp ?? '');
    if (Number.isNaN(createdMs)) return;
    const labels = { namespace: batch.metadata.namespace ?? '', pool: batch.spec.poolRef ?? '' };
    this.allocation.observe(labels, Math.max(0, this.clock.now().getTime() - createdMs) / 1000);
  }

  /** A batch lost pods. */
  replaced(batch: BatchSandbox, count: number): void {
    this.replacedPods.inc({ namespace: batch.metadata.namespace ?? '' }, count);
  }

  /** Pods that were given back have been treated as their pool wants it. */
  recycled(pods: RecycledPods, count = 1): void {
    if (count > 0) this.recycledPods.inc({ ...pods }, count);
  }
}
