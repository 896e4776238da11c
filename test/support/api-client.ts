import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, type Dispatcher, request } from 'undici';
import { parse } from 'yaml';

/** What the API server said. */
export interface ApiAnswer<T = unknown> {
  readonly status: number;
  readonly body: T;
  /** What it warns of, as the header says it; absent when it does not. */
  readonly warning?: string;
}

/** One line of a watch; `ERROR` comes with a Status. */
export interface WatchEvent<T> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'ERROR';
  readonly object: T;
}

/** The parts of a kubeconfig that a client with a token or a client certificate needs. */
interface Kubeconfig {
  readonly clusters: readonly { readonly cluster: { readonly server: string; readonly 'certificate-authority-data'?: string; readonly 'certificate-authority'?: string } }[];
  readonly users: readonly {
    readonly user: {
      readonly token?: string;
      readonly 'client-certificate-data'?: string;
      readonly 'client-certificate'?: string;
      readonly 'client-key-data'?: string;
      readonly 'client-key'?: string;
    };
  }[];
}

/** What is sent, and how. */
type RequestOptions = Omit<Dispatcher.RequestOptions, 'origin' | 'path' | 'method' | 'signal'> & { readonly method?: Dispatcher.HttpMethod; readonly signal?: AbortSignal };

/** Most repeats of a request that the server is too busy for, as of Kubernetes' own clients. @see https://github.com/kubernetes/client-go/blob/master/rest/request.go */
const MOST_REPEATS = 10;

/**
 * A client of the Kubernetes API that shows answers as they are; only what the server asks to send again later (429 with `retry-after`) it sends again.
 *
 * Written for the tests, so that a fault of the operator's own client cannot hide itself.
 */
export class ApiClient {
  readonly url: string;
  private readonly token: string | undefined;
  private readonly agent: Agent;

  /** @param kubeconfigPath file with one cluster and one user, as the targets write it */
  constructor(kubeconfigPath: string) {
    const config = parse(readFileSync(kubeconfigPath, 'utf8')) as Kubeconfig;
    const cluster = config.clusters[0]?.cluster;
    const user = config.users[0]?.user;
    if (cluster === undefined) throw new Error(`kubeconfig '${kubeconfigPath}': clusters: expected one, got none`);
    this.url = cluster.server.replace(/\/$/, '');
    this.token = user?.token;
    this.agent = new Agent({
      connections: 32,
      connect: {
        ca: readPem(cluster['certificate-authority-data'], cluster['certificate-authority']),
        cert: readPem(user?.['client-certificate-data'], user?.['client-certificate']),
        key: readPem(user?.['client-key-data'], user?.['client-key']),
      },
    });
  }

  /** Sends one request, with the body as JSON, or as it is when it is YAML text; an answer of any status is an answer. */
  async request<T = unknown>(method: string, path: string, body?: unknown, contentType = 'application/json', accept = 'application/json'): Promise<ApiAnswer<T>> {
    const answer = await this.send(path, {
      method: method as Dispatcher.HttpMethod,
      headers: { accept, 'content-type': contentType, ...this.authorization() },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await answer.body.text();
    const { warning } = answer.headers;
    return { status: answer.statusCode, body: parseBody(text) as T, ...(warning !== undefined && { warning: Buffer.from(String(warning), 'latin1').toString() }) };
  }

  /** What a watch tells, event by event, until the server ends it or the signal aborts; then it rejects. */
  async *watch<T>(path: string, signal: AbortSignal): AsyncGenerator<WatchEvent<T>, void, void> {
    const { body } = await this.send(path, { headers: { accept: 'application/json', ...this.authorization() }, bodyTimeout: 0, signal });
    let rest = '';
    for await (const chunk of body.setEncoding('utf8')) {
      const lines = (rest + String(chunk)).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) yield JSON.parse(line) as WatchEvent<T>;
    }
  }

  /** Closes the connections. */
  close(): Promise<void> {
    return this.agent.destroy();
  }

  private async send(path: string, options: RequestOptions): Promise<Dispatcher.ResponseData> {
    for (let repeats = 0; ; repeats++) {
      const answer = await request(`${this.url}${path}`, { dispatcher: this.agent, ...options });
      const retryAfter = Number(answer.headers['retry-after']);
      if (answer.statusCode !== 429 || !(retryAfter > 0) || repeats === MOST_REPEATS) return answer;
      await answer.body.dump();
      await sleep(retryAfter * 1000, undefined, { signal: options.signal });
    }
  }

  private authorization(): { readonly authorization?: string } {
    return this.token === undefined ? {} : { authorization: `Bearer ${this.token}` };
  }
}

function readPem(data: string | undefined, file: string | undefined): string | undefined {
  if (data !== undefined) return Buffer.from(data, 'base64').toString();
  return file === undefined ? undefined : readFileSync(file, 'utf8');
}

function parseBody(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text; // health endpoints and logs
  }
}
