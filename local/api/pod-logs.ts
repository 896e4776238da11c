import { type ApiObject } from './api-object';
import { badRequest } from './api-error';
import { objectsOf, toJsonObject } from './json';
import { parseCount } from './query-count';

/** Which part of the log of a container is wanted. */
export interface PodLogRequest {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  /** Go on with what the container writes, until it ends. */
  readonly follow: boolean;
  /** The log of the container before its last restart. */
  readonly previous: boolean;
  /** Only so many of the last lines; default all. */
  readonly tailLines?: number;
}

/** Reads logs for the API server; the nodes have them. Undefined when that log does not exist. */
export type PodLogs = (request: PodLogRequest, signal: AbortSignal) => AsyncIterable<Uint8Array> | undefined;

/** Reads a request for the log of a pod. @throws ApiError 400 when it does not say which of several containers it means, or how many lines */
export function parseLogRequest(pod: ApiObject, query: URLSearchParams): PodLogRequest {
  return {
    namespace: pod.metadata.namespace ?? '',
    pod: pod.metadata.name,
    container: containerOf(pod, query.get('container') ?? ''),
    follow: query.get('follow') === 'true',
    previous: query.get('previous') === 'true',
    ...(query.has('tailLines') ? { tailLines: parseCount(query, 'tailLines') } : {}),
  };
}

/** Name of the container that is meant: by name, or the only one. @throws ApiError 400 */
export function containerOf(pod: ApiObject, wanted: string): string {
  const { containers, initContainers } = toJsonObject(pod.spec);
  const names = namesOf(containers);
  const all = [...namesOf(initContainers), ...names];
  if (wanted === '') {
    const [only, ...others] = names;
    if (only !== undefined && others.length === 0) return only;
    throw badRequest(`a container name must be specified for pod ${pod.metadata.name}, choose one of: [${all.join(' ')}]`);
  }
  if (!all.includes(wanted)) throw badRequest(`container ${wanted} is not valid for pod ${pod.metadata.name}`);
  return wanted;
}

function namesOf(containers: unknown): string[] {
  return objectsOf(containers).map(({ name }) => String(name));
}
