import type { PodTemplateSpec } from '../../src/schema/kubernetes';
import type { ApiAnswer, WatchEvent } from './api-client';
import type { TemplateOptions } from './pod-template';

/** What a program that was run has left. */
export interface ProgramResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Successful writes of all clients since the start of the cluster. */
export interface WriteCounts {
  /** `VERB resource[/subresource] namespace/name` to count. */
  readonly byObject: Readonly<Record<string, number>>;
}

/** A cluster that runs the operator, reached by what a user has: a kubeconfig, kubectl, and the addresses of the pods. */
export interface Target {
  readonly kubeconfigPath: string;
  /** Namespace of the operator itself. */
  readonly operatorNamespace: string;
  /** Sends one request to the API server; `body` is sent as JSON. */
  request<T = unknown>(method: string, path: string, body?: unknown, contentType?: string): Promise<ApiAnswer<T>>;
  /** What a watch of this path tells, until the server ends it or the signal aborts; then it rejects. */
  watch<T>(path: string, signal: AbortSignal): AsyncGenerator<WatchEvent<T>, void, void>;
  /** Runs kubectl with these arguments, and `input` on its standard input. */
  kubectl(args: readonly string[], input?: string): Promise<ProgramResult>;
  /** Where the executor of the pod with this address answers. */
  executorUrl(ip: string): string;
  /** The image that runs on this cluster in the place of one that a document names. */
  imageFor(name: string): string;
  /** A template whose pods run on this cluster. */
  podTemplate(options?: TemplateOptions): PodTemplateSpec;
  /** Counts of API writes. */
  writes(): Promise<WriteCounts>;
  /** What the operator has logged so far; on a cluster with several, all that run. */
  operatorLog(): Promise<string>;
  /** When the acting operator took over, in ms since 1970. Absent where one file of tests has the operator to itself: there nobody else ends it. */
  tookOverAt?(): Promise<number>;
  /** Ends the acting operator by SIGKILL, and waits until another acts. */
  killOperator(): Promise<void>;
  /** Ends what was started for the tests. */
  stop(): Promise<void>;
}
