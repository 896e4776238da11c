import { NotLeadingError } from './api-error';
import type { KubeConnection } from './connection';

/** A command to run in a container. */
export interface ExecRequest {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  /** Program and arguments. */
  readonly command: readonly string[];
  /** Longest time for all of it, in ms. */
  readonly timeoutMs: number;
  /** Ends the wait; the command may go on. */
  readonly signal: AbortSignal;
}

/**
 * Runs a command in a container. Resolves when the API server says that it has ended, or breaks the connection, as it does when the
 * container ends; what the command said and how it ended is not told, since that is not always known (lessons K14).
 *
 * Rejects with TransportError when the command could not be started or took too long, and with NotLeadingError while this process may not write.
 */
export type PodExec = (request: ExecRequest) => Promise<void>;

/** What {@link podExec} needs. */
export interface PodExecOptions {
  readonly connection: KubeConnection;
  /** Asked before every command; false refuses it. @default - commands are always allowed */
  readonly mayWrite?: () => boolean;
  /** Loads what opens the connections. @default - client-node */
  readonly load?: () => Promise<{ readonly execInPod: (connection: KubeConnection, request: ExecRequest) => Promise<void> }>;
}

/** Exec by client-node, which is loaded with the first command: most operators never need it. */
export function podExec({ connection, mayWrite = () => true, load = () => import('./client-node.js') }: PodExecOptions): PodExec {
  return async (request) => {
    if (!mayWrite()) throw new NotLeadingError(`exec in pod '${request.namespace}/${request.pod}': not sent, since this process does not hold the lease`);
    const { execInPod } = await load();
    await execInPod(connection, request);
  };
}
