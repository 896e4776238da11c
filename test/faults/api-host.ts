import type { ApiObject } from '../../local/api/api-object';
import { createEmbeddedApi, type EmbeddedApi } from '../../local/api/embedded-api';
import type { ResourceKind } from '../../local/api/resource-kind';
import { TokenCheck } from '../../local/api/reviews';
import type { Collection } from '../../local/api/store';
import type { WatchConnection } from '../../local/api/watch-sink';
import type { KubeObject } from '../../src/schema/kubernetes';
import type { StoredChange } from './checks/evidence';
import type { Responder, SimulatedRequest } from './exchange';
import type { History } from './history';
import type { Random } from './random';
import type { VirtualClock } from './virtual-clock';

/** Token of every client; nothing here is secret. */
export const TOKEN = 'simulated';
/** Where the API server seems to be. */
export const API_ORIGIN = 'http://api.simulated';

const SUFFIX_ALPHABET = 'bcdfghjklmnpqrstvwxz2456789';
const MERGE = 'application/merge-patch+json';

/** Kinds whose objects the harness looks at, by plural. */
const KINDS = {
  pods: ['', 'v1'],
  events: ['', 'v1'],
  pools: ['sandbox.opensandbox.io', 'v1alpha1'],
  batchsandboxes: ['sandbox.opensandbox.io', 'v1alpha1'],
} as const;
export type Plural = keyof typeof KINDS;

/** An answer to the world itself. */
export interface ApiAnswer {
  readonly status: number;
  readonly body: unknown;
}

/** The embedded API server in the simulated world: it can be away, and it can drop what is connected to it. What it has stored stays. */
export class ApiHost {
  private readonly api: EmbeddedApi;
  private readonly watches = new Set<Responder>();
  private isDown = false;
  private readonly requestListeners: ((client: string, request: SimulatedRequest) => void)[] = [];
  private readonly answerListeners: ((client: string, request: SimulatedRequest, bytes: number) => void)[] = [];

  constructor(
    private readonly clock: VirtualClock,
    random: Random,
    private readonly history: History,
  ) {
    const hex = (length: number) => random.text(length, '0123456789abcdef');
    this.api = createEmbeddedApi({
      tokens: new TokenCheck(TOKEN),
      ca: 'no certificate',
      sources: {
        clock,
        random: () => random.next(),
        newUid: () => `${hex(8)}-${hex(4)}-${hex(4)}-${hex(4)}-${hex(12)}`,
        newSuffix: () => random.text(5, SUFFIX_ALPHABET),
        soon: (task) => clock.setTimer(random.between(1, 20), task),
      },
    });
  }

  /** Calls the listener with every change that is stored. */
  onChange(listener: (change: StoredChange) => void): void {
    this.api.store.onChange(({ plural }, { type, stored }) => listener({ plural, type, object: stored.object as unknown as KubeObject }));
  }

  /** Calls the listener with every request of a client in the network, before it is answered. */
  onRequest(listener: (client: string, request: SimulatedRequest) => void): void {
    this.requestListeners.push(listener);
  }

  /** Calls the listener with every piece that a client in the network is sent: the answered request, and the bytes of the piece. */
  onAnswer(listener: (client: string, request: SimulatedRequest, bytes: number) => void): void {
    this.answerListeners.push(listener);
  }

  /** Stores an object as it is, in no time: what a world begins with. */
  seed(plural: Plural, object: ApiObject): void {
    this.api.store.put(this.kind(plural), object);
  }

  /** All stored objects of a kind, in the order of their keys. */
  list<T extends KubeObject>(plural: Plural): readonly T[] {
    return this.collection(plural).list(undefined).map(({ object }) => object as unknown as T);
  }

  get<T extends KubeObject>(plural: Plural, key: string): T | undefined {
    return this.collection(plural).get(key)?.object as unknown as T | undefined;
  }

  /** Takes a request of a client in the network. */
  receive(client: string, request: SimulatedRequest, responder: Responder): void {
    if (this.isDown) {
      this.history.note(`${client} ${request.method} ${request.path} -> no server`);
      responder.fail('connection refused');
      return;
    }
    for (const listener of this.requestListeners) listener(client, request);
    void this.clock.hold(this.answer(client, request, responder));
  }

  /** A request of the world itself: a user or a kubelet, whom no trouble strikes. */
  async request(who: string, method: string, path: string, body?: object, contentType = method === 'PATCH' ? MERGE : 'application/json'): Promise<ApiAnswer> {
    const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': contentType, 'user-agent': who };
    const text = body === undefined ? '' : JSON.stringify(body);
    const answer = await this.clock.hold(this.fetch({ method, path, origin: API_ORIGIN, headers, body: text }));
    this.history.note(`${who} ${method} ${path} ${text} -> ${answer.status}`);
    return { status: answer.status, body: JSON.parse(answer.text) as unknown };
  }

  /** Ends all watches: by the end of the stream, or by a broken connection. */
  dropWatches(cleanly: boolean): void {
    for (const watch of [...this.watches]) {
      if (cleanly) watch.end();
      else watch.fail('socket hang up');
    }
  }

  /** Forgets what happened up to now, so that watches cannot go on from there: the answer is 410. */
  forgetHistory(): void {
    this.api.store.startHistory();
  }

  /** The server goes away; what it has stored stays. */
  stop(): void {
    this.isDown = true;
    this.dropWatches(false);
    this.forgetHistory();
  }

  start(): void {
    this.isDown = false;
  }

  get isUp(): boolean {
    return !this.isDown;
  }

  close(): void {
    this.api.close();
  }

  private async answer(client: string, request: SimulatedRequest, responder: Responder): Promise<void> {
    let isWatch = false;
    const tell = (piece: Buffer | string) => {
      for (const listener of this.answerListeners) listener(client, request, Buffer.byteLength(piece));
    };
    const openWatch = (): WatchConnection => {
      isWatch = true;
      responder.start(200, { 'content-type': 'application/json' });
      this.watches.add(responder);
      responder.onClose(() => this.watches.delete(responder));
      const write = (line: Buffer | string) => {
        tell(line);
        responder.data(line);
      };
      return { write, end: () => responder.end(), onClose: (callback) => responder.onClose(callback) };
    };
    const { status, text, headers } = await this.fetch(request, openWatch);
    this.history.note(`${client} ${request.method} ${request.path} ${request.body} -> ${isWatch ? 'watch' : status}`);
    if (isWatch) return;
    tell(text);
    responder.start(status, headers);
    responder.data(text);
    responder.end();
  }

  private async fetch({ method, path, headers, body }: SimulatedRequest, openWatch: () => WatchConnection = noWatch) {
    const request = new Request(`${API_ORIGIN}${path}`, { method, headers: { ...headers }, ...(body !== '' && { body }) });
    const response = await this.api.fetch(request, { openWatch });
    const retryAfter = response.headers.get('retry-after');
    const answerHeaders: Record<string, string> = retryAfter === null ? {} : { 'retry-after': retryAfter };
    return { status: response.status, text: await response.text(), headers: answerHeaders };
  }

  private collection(plural: Plural): Collection {
    return this.api.store.collectionOf(this.kind(plural));
  }

  private kind(plural: Plural): ResourceKind {
    const [group, version] = KINDS[plural];
    const kind = this.api.registry.find(group, version, plural);
    if (kind === undefined) throw new Error(`api: expected kind '${plural}' to be served`);
    return kind;
  }
}

function noWatch(): WatchConnection {
  throw new Error('api: expected no watch from the world itself');
}
