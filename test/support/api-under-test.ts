import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Agent, request } from 'undici';
import { createApiServer } from '../../local/api/server';
import { type ApiAnswer, ApiClient } from './api-client';
import { runProgram } from './run-program';
import type { ProgramResult } from './target';

/** An API server by itself: no operator, no nodes. */
export interface ApiTarget {
  readonly url: string;
  readonly token: string;
  readonly kubeconfigPath: string;
  /** Command that is kubectl. */
  readonly kubectl: readonly string[];
  stop(): Promise<void>;
}

/** One event of a watch. */
export interface WatchLine {
  readonly type: string;
  readonly object: {
    readonly kind?: string;
    readonly code?: number;
    readonly reason?: string;
    readonly metadata: { readonly name?: string; readonly resourceVersion?: string; readonly annotations?: Readonly<Record<string, string>> };
    readonly [field: string]: unknown;
  };
}

/** The API server of a test file, and what is needed to use it. */
export interface ApiUnderTest {
  request<T = unknown>(method: string, path: string, body?: unknown, contentType?: string, accept?: string): Promise<ApiAnswer<T>>;
  kubectl(args: readonly string[], input?: string): Promise<ProgramResult>;
  /** Opens a watch: what happens from now on is told live. Events are read one by one until the test calls `return`. */
  watch(path: string, accept?: string): Promise<AsyncGenerator<WatchLine, void, void>>;
  /** Makes a namespace of its own; its name. */
  newNamespace(): Promise<string>;
}

/** Starts an API server before the tests of the block that calls this, and ends it after them. */
export function useApi(start: () => Promise<ApiTarget>, startWithinMs: number): ApiUnderTest {
  let target: ApiTarget | undefined;
  let client: ApiClient | undefined;
  let namespaces = 0;
  beforeAll(async () => {
    target = await start();
    client = new ApiClient(target.kubeconfigPath);
  }, startWithinMs);
  afterAll(async () => {
    await client?.close();
    await target?.stop();
  });
  const started = () => {
    if (target === undefined || client === undefined) throw new Error('api: expected a call from within a test');
    return { target, client };
  };
  return {
    request: (...args) => started().client.request(...args),
    kubectl: (args, input) => {
      const { kubeconfigPath, kubectl: [program = '', ...firstArgs] } = started().target;
      return runProgram(program, [...firstArgs, ...args], { ...process.env, KUBECONFIG: kubeconfigPath, HOME: dirname(kubeconfigPath) }, input);
    },
    watch: (path, accept) => openWatch(started().target, path, accept),
    newNamespace: async () => {
      namespaces += 1;
      const name = `space-${namespaces}`;
      await started().client.request('POST', '/api/v1/namespaces', { metadata: { name } });
      return name;
    },
  };
}

/** The API server of the embedded cluster, in this process. */
export async function startEmbeddedApi(): Promise<ApiTarget> {
  const server = await createApiServer();
  const folder = await mkdtemp(join(tmpdir(), 'sandboxes-api-'));
  const kubeconfigPath = join(folder, 'kubeconfig');
  await writeFile(kubeconfigPath, server.kubeconfig(), { mode: 0o600 });
  return {
    url: server.url,
    token: server.token,
    kubeconfigPath,
    kubectl: ['kubectl'],
    stop: async () => {
      await server.close();
      await rm(folder, { recursive: true });
    },
  };
}

async function openWatch({ url, token }: ApiTarget, path: string, accept = 'application/json'): Promise<AsyncGenerator<WatchLine, void, void>> {
  // What the certificate is worth is the business of the clients' tests.
  const agent = new Agent({ connect: { rejectUnauthorized: false } });
  try {
    const { body } = await request(`${url}${path}`, { dispatcher: agent, headers: { authorization: `Bearer ${token}`, accept } });
    return readLines(body, agent);
  } catch (error) {
    await agent.destroy();
    throw error;
  }
}

async function* readLines(body: AsyncIterable<unknown>, agent: Agent): AsyncGenerator<WatchLine, void, void> {
  try {
    let rest = '';
    for await (const chunk of body) {
      const lines = (rest + String(chunk)).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) yield JSON.parse(line) as WatchLine;
    }
  } finally {
    await agent.destroy();
  }
}

/** The next `count` events of a watch. */
export async function take(events: AsyncGenerator<WatchLine, void, void>, count: number): Promise<WatchLine[]> {
  const lines: WatchLine[] = [];
  while (lines.length < count) {
    const { value, done } = await events.next();
    if (done === true || value === undefined) break;
    lines.push(value);
  }
  return lines;
}
