import type { KubeConnection } from '../../operator/kube/connection';
import { LifecycleServer } from '../../server/lifecycle-server';
import { readConfig } from '../../server/config/read-config';
import { AccessTokens } from '../../server/proxy/access-token';
import { ApiKeys } from '../../server/web/api-keys';
import { type Clock, systemClock } from '../../src/program/clock';
import { createLogger } from '../../src/program/log';
import type { PoolSpec } from '../../src/schema/pool';
import { type OperatorInProcess, startOperator } from '../support/operator-in-process';
import { until } from '../support/waiting';
import { type BeforeRequest, recordedConnection, type UsedRight } from './recorded-connection';

/** The key that callers of a test have. */
export const KEY = 'test-key';

/** An answer of the server. */
export interface Answer<T = Record<string, unknown>> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: T;
}

/** What a request of a test says beside method and path. */
export interface Sending {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** What else a replica may have of its own. */
export interface ReplicaOptions {
  /** @default - that of the machine */
  readonly clock?: Clock;
  /** @default - its requests to the API server leave at once */
  readonly before?: BeforeRequest;
}

/** A lifecycle server without a socket, and the operator that makes its sandboxes true, on one embedded API server. */
export interface ServerInProcess {
  readonly operator: OperatorInProcess;
  readonly server: LifecycleServer;
  /** Rights that servers have used so far, as `verb resource`. */
  readonly rights: ReadonlySet<UsedRight>;
  /** Lines of its log so far. */
  readonly log: readonly string[];
  /** Sends a request with the key, unless the headers name another. */
  send<T = Record<string, unknown>>(method: string, path: string, sending?: Sending): Promise<Answer<T>>;
  /** Another replica, with a configuration of its own. */
  replica(toml?: string, more?: ReplicaOptions): Promise<Pick<ServerInProcess, 'send' | 'server' | 'log'>>;
  /** Makes a Pool of so many pods, all of them Ready, and waits until they are idle. */
  createPool(name: string, size: number, more?: Partial<PoolSpec>): Promise<void>;
  stop(): Promise<void>;
}

/** Starts all of it. @param toml configuration of the server */
export async function startServer(toml = ''): Promise<ServerInProcess> {
  // Its pods run no executor that could stop a task.
  const operator = await startOperator({ flags: ['--task-stop-timeout=1ms'] });
  const closers: (() => Promise<void>)[] = [() => operator.stop()];
  const rights = new Set<UsedRight>();
  const replica = async (config = toml, { clock = systemClock, before }: ReplicaOptions = {}) => {
    const started = await startReplica(recordedConnection(operator.connection, rights, before), config, clock);
    closers.unshift(() => started.server.close());
    return started;
  };
  const first = await replica();
  return {
    ...first,
    operator,
    rights,
    replica,
    createPool: async (name, size, more = {}) => {
      await operator.createPool(name, { capacitySpec: { bufferMin: 0, bufferMax: size, poolMin: size, poolMax: size }, ...more });
      await until(async () => {
        await operator.makeReady();
        expect((await operator.pool(name)).status).toMatchObject({ total: size, available: size });
      });
    },
    stop: async () => {
      for (const close of closers) await close();
    },
  };
}

async function startReplica(connection: KubeConnection, toml: string, clock: Clock): Promise<Pick<ServerInProcess, 'send' | 'server' | 'log'>> {
  const read = readConfig(toml);
  if (!read.ok) throw new Error(read.problems.join('; '));
  const log: string[] = [];
  const logger = createLogger('test', 'info', { write: (line) => void log.push(line) });
  const server = new LifecycleServer({ connection, config: read.config, namespace: 'default', keys: new ApiKeys([KEY]), tokens: new AccessTokens([KEY]), version: '0.0.0', clock, log: logger });
  await server.start(new AbortController().signal);
  return { server, log, send: (...request) => send(server, ...request) };
}

async function send<T>(server: LifecycleServer, method: string, path: string, { body, headers = {}, signal }: Sending = {}): Promise<Answer<T>> {
  const request = new Request(`http://server.example${path}`, {
    method,
    headers: { 'open-sandbox-api-key': KEY, ...headers },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    ...(signal !== undefined && { signal }),
  });
  const response = await server.app.fetch(request);
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.startsWith('application/json') === true;
  return { status: response.status, headers: response.headers, body: (isJson ? JSON.parse(text) : text) as T };
}
