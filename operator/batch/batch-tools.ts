import type { BatchSandbox } from '../../src/schema/batch-sandbox';
import type { Pod, PodSpec } from '../../src/schema/kubernetes';
import type { Pool } from '../../src/schema/pool';
import type { Clock } from '../../src/program/clock';
import type { ObjectCache } from '../kube/cache';
import type { EventRecorder } from '../kube/events';
import type { Ledger } from '../ledger';
import type { OperatorMetrics } from '../metrics';
import type { PodCreationTools } from '../pod-creation';
import type { Recycler } from '../recycler';
import type { TaskTracker } from '../tasks/task-tracker';
import type { OwnPods } from './own-pods';
import type { BatchPublisher } from './publish';

/** What the steps of a batch work with. */
export interface BatchTools extends PodCreationTools {
  readonly batches: ObjectCache<BatchSandbox>;
  readonly pools: ObjectCache<Pool>;
  /** Pods of pools. */
  readonly poolPods: ObjectCache<Pod>;
  /** Pods that batches made themselves. */
  readonly directPods: ObjectCache<Pod>;
  readonly ownPods: OwnPods;
  readonly ledger: Ledger;
  readonly tasks: TaskTracker;
  /** Restarts the pods that come back to pools that want it. */
  readonly recycler: Recycler;
  readonly publisher: BatchPublisher;
  readonly events: EventRecorder;
  readonly metrics: OperatorMetrics;
  readonly clock: Clock;
  /** Longest wait for the tasks of a pod to stop, in ms (R49). */
  readonly taskStopTimeoutMs: number;
  /** The spec of a pod that is about to be made, with what its executor needs. */
  readonly completePod: (spec: PodSpec) => PodSpec;
  /** Chooses the Pool of a batch whose `poolRef` is `*`; without a name none suits, and the message says why. */
  readonly choosePool: (batch: BatchSandbox) => { readonly poolName?: string; readonly message: string };
  /** Reads a batch from the API and puts it into the cache; `undefined` when it is gone. */
  readonly refresh: (batch: BatchSandbox, signal: AbortSignal) => Promise<BatchSandbox | undefined>;
  /** Looks at a batch again after `delayMs`. */
  readonly requeue: (batchKey: string, delayMs: number) => void;
}
