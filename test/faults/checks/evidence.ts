import type { BatchSandbox } from '../../../src/schema/batch-sandbox';
import type { ExecutorTask } from '../../../src/schema/executor-api';
import type { KubeObject, Pod } from '../../../src/schema/kubernetes';
import type { Pool } from '../../../src/schema/pool';
import type { Run } from '../executors';

/** One stored change of an object. */
export interface StoredChange {
  readonly plural: string;
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: KubeObject;
}

/** A request that a client has sent to the API server. */
export interface SentRequest {
  readonly method: string;
  /** Path with query. */
  readonly path: string;
  /** Empty for none. */
  readonly body: string;
}

/**
 * What the checks read of a world at one moment, wherever it comes from: the simulated world as it is, or what was recorded of a real one.
 *
 * All objects are of one namespace.
 */
export interface Evidence {
  /** Time in ms, from any zero; it never goes back. */
  nowMs(): number;
  /** Time by the clock that objects show. @default - not known, and what depends on it is not judged */
  timeOfDay?(): Date;
  pods(): readonly Pod[];
  /** A pod by its name; undefined when there is none. */
  pod(name: string): Pod | undefined;
  pools(): readonly Pool[];
  batches(): readonly BatchSandbox[];
  /** Every run of a task that has begun, in order. */
  readonly runs: readonly Run[];
  /** Tasks that the executor of a pod holds, ended ones too. */
  tasksOf(podUID: string): readonly ExecutorTask[];
  /** Keeps a line for those who read the history. */
  note(what: string): void;
}
