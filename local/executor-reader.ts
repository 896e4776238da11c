import { types } from 'node:util';
import type { KubeApi } from '../operator/kube/api';
import { PODS } from '../operator/kube/resource-types';
import { signExecutorToken } from '../src/program/executor-token';
import type { SigningKeys } from '../src/program/signing-keys';
import { LogHeader, MAX_LOG_CHUNK_BYTES } from '../src/schema/executor-api';
import type { Pod } from '../src/schema/kubernetes';
import { Port } from '../src/schema/names';

/** Longest wait for one answer of an executor, in ms. */
const ANSWER_MS = 10_000;

/** True when the executor at the address says that it is healthy. */
export async function isHealthy(address: string, signal: AbortSignal): Promise<boolean> {
  try {
    return (await fetchFrom(address, '/health', {}, signal)).status === 200;
  } catch {
    return false;
  }
}

/** Output stream of a task. */
export type TaskStream = 'stdout' | 'stderr';

/** Reads the output of tasks from the executors of a cluster, by requests that are signed as the operator's are. */
export class ExecutorReader {
  private constructor(
    private readonly keys: SigningKeys['signing'],
    private readonly podUIDByAddress: ReadonlyMap<string, string>,
  ) {}

  /**
   * One that knows the pods of now.
   *
   * @param keys of the operator
   * @param namespace of the sandboxes; absent means all
   * @throws ApiError when the cluster hides its pods
   */
  static async open(api: KubeApi, keys: SigningKeys['signing'], signal: AbortSignal, namespace?: string): Promise<ExecutorReader> {
    const { items } = await api.list(PODS, { namespace }, { signal });
    return new ExecutorReader(keys, new Map(items.filter(hasOwnAddress).map(({ metadata, status }) => [status?.podIP ?? '', metadata.uid ?? ''])));
  }

  /**
   * Everything that the executor keeps of one of the streams of a task, up to where a task that still writes has come; the beginning
   * of a long one is gone.
   *
   * @throws Error when no pod has the address, or when the executor does not answer with the text, or drops some of it meanwhile; the
   *   reason of the signal when that has aborted
   */
  async readOutput(address: string, task: string, stream: TaskStream, signal: AbortSignal): Promise<string> {
    const subject = `task '${task}': output`;
    const podUID = this.podUIDByAddress.get(address);
    if (podUID === undefined) throw new Error(`${subject}: expected a pod with the address ${address}, got none`);
    const parts: Buffer[] = [];
    let offset = 0;
    for (;;) {
      const path = `/tasks/${encodeURIComponent(task)}/logs?stream=${stream}&offset=${String(offset)}&limit=${String(MAX_LOG_CHUNK_BYTES)}`;
      const answer = await this.get(address, podUID, path, signal);
      if (answer.status !== 200) {
        throw new Error(`${subject}: expected HTTP 200, got ${String(answer.status)}: ${answer.body.toString().slice(0, 200)}`);
      }
      const first = Number(answer.headers.get(LogHeader.offset));
      if (first !== offset && parts.length > 0) throw new Error(`${subject}: expected byte ${String(offset)}, got ${String(first)} as the first that is kept`);
      parts.push(answer.body);
      // A shorter answer holds all that there was. A task that always writes would keep one who reads on to the very end for ever.
      if (answer.body.length < MAX_LOG_CHUNK_BYTES) return Buffer.concat(parts).toString();
      offset = Number(answer.headers.get(LogHeader.nextOffset));
    }
  }

  /** The answer to the first key that the executor knows, else to the last: a pod from before a rotation knows only the second. */
  private async get(address: string, podUID: string, path: string, signal: AbortSignal): Promise<Answer> {
    const [first, ...others] = this.keys;
    const send = async (key: typeof first) => {
      const token = await signExecutorToken(key, podUID, { method: 'GET', path, body: '' }, new Date());
      return fetchFrom(address, path, { authorization: `Bearer ${token}` }, signal);
    };
    let answer = await send(first);
    for (const key of others) {
      if (answer.status !== 401) break;
      answer = await send(key);
    }
    return answer;
  }
}

/** Whether nobody else can have the address of a pod: one that has ended gives it back. */
function hasOwnAddress({ status }: Pod): boolean {
  return status?.podIP !== undefined && status.phase !== 'Succeeded' && status.phase !== 'Failed';
}

/** An answer that has come as a whole. */
interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Buffer;
}

async function fetchFrom(address: string, path: string, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Answer> {
  const origin = `http://${address.includes(':') ? `[${address}]` : address}:${String(Port.executor)}`;
  try {
    const answer = await fetch(`${origin}${path}`, { headers, signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]) });
    return { status: answer.status, headers: answer.headers, body: Buffer.from(await answer.arrayBuffer()) };
  } catch (error) {
    signal.throwIfAborted();
    throw new Error(`executor: ${origin}: expected an answer within ${String(ANSWER_MS)} ms, got ${toCauseText(error)}; this machine must reach the network of the pods`, { cause: error });
  }
}

/** What is behind an error: `fetch` itself says only that it failed. */
function toCauseText(error: unknown): string {
  if (!types.isNativeError(error)) return String(error);
  return error.cause === undefined ? error.message : toCauseText(error.cause);
}
