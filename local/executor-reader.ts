import type { webcrypto } from 'node:crypto';
import { types } from 'node:util';
import type { KubeApi } from '../operator/kube/api';
import { PODS } from '../operator/kube/resource-types';
import { signExecutorToken } from '../src/program/executor-token';
import { Port } from '../src/schema/names';
import { readOperatorKey } from './signing-secret';

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
    private readonly key: webcrypto.CryptoKey,
    private readonly podUIDByAddress: ReadonlyMap<string, string>,
  ) {}

  /**
   * One that knows the pods of now.
   *
   * @param namespaces of the sandboxes, and of the Secret with the key; absent means all
   * @throws as readOperatorKey
   */
  static async open(api: KubeApi, signal: AbortSignal, namespaces: { readonly pods?: string; readonly operator?: string } = {}): Promise<ExecutorReader> {
    const [key, { items }] = await Promise.all([readOperatorKey(api, signal, namespaces.operator), api.list(PODS, { namespace: namespaces.pods }, { signal })]);
    return new ExecutorReader(key, new Map(items.map(({ metadata, status }) => [status?.podIP ?? '', metadata.uid ?? ''])));
  }

  /**
   * Everything that the executor keeps of one of the streams of a task; the beginning of a long one is gone.
   *
   * @throws Error when the executor does not answer with it, or drops some of it meanwhile; the reason of the signal when that has aborted
   */
  async readOutput(address: string, task: string, stream: TaskStream, signal: AbortSignal): Promise<string> {
    const parts: Buffer[] = [];
    let offset = 0;
    for (;;) {
      const answer = await this.get(address, `/tasks/${encodeURIComponent(task)}/logs?stream=${stream}&offset=${String(offset)}`, signal);
      const subject = `task '${task}': output`;
      if (answer.status !== 200) {
        throw new Error(`${subject}: expected HTTP 200, got ${String(answer.status)}: ${answer.body.toString().slice(0, 200)}`);
      }
      const first = Number(answer.headers.get('x-log-offset'));
      if (first !== offset && parts.length > 0) throw new Error(`${subject}: expected byte ${String(offset)}, got ${String(first)} as the first that is kept`);
      parts.push(answer.body);
      const next = Number(answer.headers.get('x-log-next-offset'));
      if (answer.headers.get('x-log-complete') === 'true' || next === offset) return Buffer.concat(parts).toString();
      offset = next;
    }
  }

  private async get(address: string, path: string, signal: AbortSignal): Promise<Answer> {
    const token = await signExecutorToken(this.key, this.podUIDByAddress.get(address) ?? '', { method: 'GET', path, body: '' }, new Date());
    return fetchFrom(address, path, { authorization: `Bearer ${token}` }, signal);
  }
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
