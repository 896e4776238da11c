import type { ApiObject } from './api-object';
import { badRequest } from './api-error';
import { containerOf } from './pod-logs';

/** A command to run in a container of a pod. */
export interface PodExecRequest {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  /** Program and arguments. */
  readonly command: readonly string[];
  /** Whether the client sends input, and what output it wants. */
  readonly streams: { readonly stdin: boolean; readonly stdout: boolean; readonly stderr: boolean };
}

/** A command that runs in a container. */
export interface ExecProcess {
  readonly stdout: AsyncIterable<Uint8Array>;
  readonly stderr: AsyncIterable<Uint8Array>;
  /** Exit code, once it has ended; never rejects. */
  readonly ended: Promise<number>;
  write(chunk: Uint8Array): void;
  /** Nothing more is written. */
  endInput(): void;
  /** Ends it at once. */
  kill(): void;
}

/** Runs commands for the API server; the nodes have the containers. Undefined when the container does not run; else what starts the command. */
export type PodExec = (request: PodExecRequest) => (() => ExecProcess) | undefined;

/** Reads a request for a command in a pod. @throws ApiError 400 when it does not say what to run, where, or with what streams */
export function parseExecRequest(pod: ApiObject, query: URLSearchParams): PodExecRequest {
  const command = query.getAll('command');
  const wants = (name: string) => query.get(name) === 'true' || query.get(name) === '1';
  const streams = { stdin: wants('stdin'), stdout: wants('stdout'), stderr: wants('stderr') };
  if (command.length === 0) throw badRequest('you must specify at least one command for the container');
  if (!Object.values(streams).includes(true)) throw badRequest('you must specify at least 1 of stdin, stdout, stderr');
  if (wants('tty')) throw badRequest('tty: expected none, since this node offers no terminal, got true; leave out --tty');
  return { namespace: pod.metadata.namespace ?? '', pod: pod.metadata.name, container: containerOf(pod, query.get('container') ?? ''), command, streams };
}
