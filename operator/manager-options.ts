import type { Clock } from '../src/program/clock';
import type { signExecutorToken } from '../src/program/executor-token';
import type { Logger } from '../src/program/log';
import type { SigningKeys } from '../src/program/signing-keys';
import type { OperatorSettings } from '../src/schema/operator-settings';
import type { HttpConnections, KubeConnection } from './kube/connection';
import type { PodExec } from './kube/pod-exec';

/** What the operator works with. */
export interface ManagerOptions {
  readonly connection: KubeConnection;
  readonly settings: OperatorSettings;
  readonly clock: Clock;
  readonly log: Logger;
  /** Number from 0 up to 1; names of pods come from it. */
  readonly random: () => number;
  /** Keys that sign requests to executors. @default - unsigned */
  readonly signingKeys?: SigningKeys;
  /** Signs one request to an executor with one of these keys. @default signExecutorToken */
  readonly sign?: typeof signExecutorToken;
  /** Whether this process may write; asked before every write. @default - it always may */
  readonly mayWrite?: () => boolean;
  /** Runs commands in containers. @default - by the API server */
  readonly exec?: PodExec;
  /** Connections to executors. @default - TCP */
  readonly executors?: HttpConnections;
}
