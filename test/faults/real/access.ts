import { readFileSync } from 'node:fs';
import { Agent, request } from 'undici';
import type { ApiAnswer } from '../../support/api-client';

/** What a client of an API server needs. */
export interface Access {
  readonly url: string;
  readonly token: string;
  /** Certificate of the authority, as PEM. */
  readonly ca: string;
}

/** Reads a kubeconfig that is one of ours: JSON, one cluster, one user with a token. */
export function readAccess(kubeconfigPath: string): Access {
  const { clusters, users } = JSON.parse(readFileSync(kubeconfigPath, 'utf8')) as {
    readonly clusters: readonly [{ readonly cluster: { readonly server: string; readonly 'certificate-authority-data': string } }];
    readonly users: readonly [{ readonly user: { readonly token: string } }];
  };
  const { server, 'certificate-authority-data': ca } = clusters[0].cluster;
  return { url: server, token: users[0].user.token, ca: Buffer.from(ca, 'base64').toString() };
}

/** Time until a server that did not answer is asked again, in ms. */
const RETRY_MS = 50;

/** How long to insist on an answer. */
export interface Insistence {
  readonly body?: object;
  readonly signal?: AbortSignal;
  /** By its status. @default - not what a server says that does not serve yet, or not now */
  readonly isAnswer?: (status: number) => boolean;
}

const isServed = (status: number) => status !== 429 && status !== 503;

/** The way of the harness itself to the API server, past every trouble. */
export class DirectClient {
  private readonly agent: Agent;
  private readonly closing = new AbortController();

  constructor(private readonly access: Access) {
    this.agent = new Agent({ connections: 64, connect: { ca: access.ca }, bodyTimeout: 0 });
  }

  /** Sends one request; an answer of any status is an answer. @throws Error of the connection */
  async request<T = unknown>(method: string, path: string, body?: object): Promise<ApiAnswer<T>> {
    const contentType = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
    const headers = { authorization: `Bearer ${this.access.token}`, 'content-type': contentType };
    const answer = await request(`${this.access.url}${path}`, { method, dispatcher: this.agent, headers, ...(body !== undefined && { body: JSON.stringify(body) }) });
    return { status: answer.statusCode, body: (await answer.body.json()) as T };
  }

  /**
   * Sends a request until the server has taken or refused it: one that is away, or that is there and does not serve yet (429, 503), is asked again.
   *
   * @throws what the signal was aborted with, and Error once the client is closed
   */
  async insist<T = unknown>(method: string, path: string, { body, signal, isAnswer = isServed }: Insistence = {}): Promise<ApiAnswer<T>> {
    for (;;) {
      signal?.throwIfAborted();
      this.closing.signal.throwIfAborted();
      try {
        const answer = await this.request<T>(method, path, body);
        if (isAnswer(answer.status)) return answer;
      } catch {
        // It is away.
      }
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }

  /** Opens a watch; the lines of it. @throws Error of the connection, when it opens or while it is read */
  async *watch(path: string, signal: AbortSignal): AsyncGenerator<string> {
    const answer = await request(`${this.access.url}${path}`, { dispatcher: this.agent, headers: { authorization: `Bearer ${this.access.token}` }, signal });
    let rest = '';
    for await (const chunk of answer.body.setEncoding('utf8')) {
      const lines = (rest + String(chunk)).split('\n');
      rest = lines.pop() ?? '';
      yield* lines.filter((line) => line !== '');
    }
    // The answer of a watch that is refused is one object without a line's end.
    if (rest !== '') yield rest;
  }

  /**
   * Revision of everything that was stored before this was called; later ones may be in it. Waits while there is no server.
   *
   * @throws what the signal was aborted with
   */
  async revision(signal: AbortSignal): Promise<number> {
    const isAnswer = (status: number) => status === 200;
    const { body } = await this.insist<{ readonly metadata: { readonly resourceVersion: string } }>('GET', '/api/v1/namespaces?limit=1', { signal, isAnswer });
    return Number(body.metadata.resourceVersion);
  }

  /** Breaks what is under way, and ends every insistence. */
  async close(): Promise<void> {
    this.closing.abort(new Error('client: expected no request once it is closed'));
    await this.agent.destroy();
  }
}
