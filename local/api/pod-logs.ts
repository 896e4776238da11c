import { type ApiObject } from './api-object';
import { badRequest, invalid } from './api-error';
import { invalidValue } from './field-problem';
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
  /** Only so many of the first bytes of these, at least 1; default all, which are as many as the nodes keep. */
  readonly limitBytes?: number;
}

/** Reads logs for the API server; the nodes have them. Undefined when that log does not exist. */
export type PodLogs = (request: PodLogRequest, signal: AbortSignal) => AsyncIterable<Uint8Array> | undefined;

/** Reads a request for the log of a pod. @throws ApiError 400 when it does not say which of several containers it means, or how many lines; 422 for no bytes */
export function parseLogRequest(pod: ApiObject, query: URLSearchParams): PodLogRequest {
  return {
    namespace: pod.metadata.namespace ?? '',
    pod: pod.metadata.name,
    container: containerOf(pod, query.get('container') ?? ''),
    follow: query.get('follow') === 'true',
    previous: query.get('previous') === 'true',
    ...(query.has('tailLines') ? { tailLines: parseCount(query, 'tailLines') } : {}),
    ...(query.has('limitBytes') ? { limitBytes: parseLimit(pod, query) } : {}),
  };
}

/** The first bytes of a log. */
export async function* firstBytes(log: AsyncIterable<Uint8Array>, count = Infinity): AsyncGenerator<Uint8Array> {
  let left = count;
  for await (const chunk of log) {
    yield chunk.subarray(0, left);
    left -= chunk.length;
    if (left <= 0) return;
  }
}

function parseLimit({ metadata: { name } }: ApiObject, query: URLSearchParams): number {
  const limit = parseCount(query, 'limitBytes');
  if (limit < 1) throw invalid({ group: '', kind: 'PodLogOptions' }, name, [invalidValue(['limitBytes'], limit, 'must be greater than 0')]);
  return limit;
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
