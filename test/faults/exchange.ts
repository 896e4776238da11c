import { Dispatcher } from 'undici';
import type { SentRequest } from './checks/evidence';
import type { Random } from './random';
import type { SimulatedProcess } from './simulated-process';

/** One request in the simulated network. */
export interface SimulatedRequest extends SentRequest {
  readonly origin: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Who sends it, where that is told. */
  readonly client?: string;
}

/** How a server answers a request; what it sends arrives in order, later. */
export interface Responder {
  start(status: number, headers?: Readonly<Record<string, string>>): void;
  data(chunk: Buffer | string): void;
  end(): void;
  /** The connection breaks. */
  fail(why: string): void;
  /** Called once when the answer is over or the client has gone away. */
  onClose(callback: () => void): void;
}

/** Whoever takes requests. */
export type Server = (request: SimulatedRequest, responder: Responder) => void;

/** What the network does with one request. */
export interface Fate {
  /** Time until the server has it, in ms. */
  readonly thereMs: number;
  /** Time that a piece of the answer takes which is sent now, in ms; none overtakes another. */
  readonly backMs: () => number;
  /** What goes wrong: the request never arrives, is cut on its way there, or its answer is cut; `silence` is no answer at all, done or not. */
  readonly trouble?: 'refused' | 'lost answer' | 'silence' | 'silence after';
  /** The server refuses with this status. */
  readonly refusal?: 429 | 500 | 503;
}

/** What {@link SimulatedConnections} needs. */
export interface ConnectionsOptions {
  /** The client: its clock, and who takes what arrives. */
  readonly process: SimulatedProcess;
  readonly server: Server;
  readonly fateOf: (request: SimulatedRequest) => Fate;
  readonly random: Random;
}

/** Connections of one client in the simulated network, in the place of undici's. */
export class SimulatedConnections extends Dispatcher {
  private readonly exchanges = new Set<Exchange>();

  constructor(private readonly options: ConnectionsOptions) {
    super();
  }

  override dispatch({ method, path, origin, headers, body }: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    const request = { method, path, origin: String(origin ?? ''), headers: (headers ?? {}) as Record<string, string>, body: typeof body === 'string' ? body : '' };
    const exchange = new Exchange(this.options, request, handler);
    this.exchanges.add(exchange);
    exchange.onClose(() => this.exchanges.delete(exchange));
    exchange.begin();
    return true;
  }

  /** The client is killed: of the requests on their way, some still arrive, at once or never. */
  abandon(): void {
    for (const exchange of [...this.exchanges]) exchange.abandon(this.options.random.chance(0.5));
  }

  override close(): Promise<void>;
  override close(callback: () => void): void;
  override close(callback?: () => void): Promise<void> | void {
    if (callback === undefined) return Promise.resolve();
    callback();
  }

  override destroy(error?: Error | null): Promise<void>;
  override destroy(callback: () => void): void;
  override destroy(error: Error | null, callback: () => void): void;
  override destroy(first?: Error | null | (() => void), second?: () => void): Promise<void> | void {
    const callback = typeof first === 'function' ? first : second;
    for (const exchange of [...this.exchanges]) exchange.abort(new Error('connections destroyed'));
    if (callback === undefined) return Promise.resolve();
    callback();
  }
}

/** One request and its answer. */
class Exchange implements Dispatcher.DispatchController, Responder {
  aborted = false;
  readonly paused = false;
  reason: Error | null = null;
  private readonly fate: Fate;
  private arrived = false;
  private over = false;
  /** Answers arrive in order: none before this time, in ms. */
  private freeAtMs = 0;
  private readonly closeCallbacks: (() => void)[] = [];
  private cancelArrival: () => void = () => undefined;

  constructor(
    private readonly options: ConnectionsOptions,
    private readonly request: SimulatedRequest,
    private readonly handler: Dispatcher.DispatchHandler,
  ) {
    this.fate = options.fateOf(request);
  }

  begin(): void {
    this.handler.onRequestStart?.(this, null);
    if (this.over) return;
    const { trouble, thereMs } = this.fate;
    if (trouble === 'silence') return;
    if (trouble === 'refused') this.later(() => this.finish(() => this.handler.onResponseError?.(this, new Error('connection refused'))));
    else this.cancelArrival = this.options.process.clock.setTimer(thereMs, () => this.arrive());
  }

  // --- As the client sees it.

  abort(reason: Error): void {
    if (this.over) return;
    this.aborted = true;
    this.reason = reason;
    // A request that is on its way still arrives now and then: the server finds out that nobody waits only when it answers.
    if (!this.arrived && this.options.random.chance(0.5)) this.cancelArrival();
    this.close();
    queueMicrotask(() => this.handler.onResponseError?.(this, reason));
  }

  pause(): void {
    // What has arrived is small and stays where it is.
  }

  resume(): void {
    // As for pause.
  }

  // --- As the server sees it.

  start(status: number, headers: Readonly<Record<string, string>> = {}): void {
    this.later(() => this.handler.onResponseStart?.(this, status, { ...headers }));
  }

  data(chunk: Buffer | string): void {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    this.later(() => this.handler.onResponseData?.(this, bytes));
  }

  end(): void {
    this.later(() => this.finish(() => this.handler.onResponseEnd?.(this, {})));
  }

  fail(why: string): void {
    this.later(() => this.finish(() => this.handler.onResponseError?.(this, new Error(why))));
  }

  onClose(callback: () => void): void {
    if (this.over) callback();
    else this.closeCallbacks.push(callback);
  }

  // ---

  abandon(arrivesYet: boolean): void {
    this.close();
    this.cancelArrival();
    if (!this.arrived && arrivesYet && this.fate.trouble !== 'silence' && this.fate.trouble !== 'refused') this.arrive();
  }

  private arrive(): void {
    this.arrived = true;
    const { trouble, refusal } = this.fate;
    if (refusal !== undefined) refuse(this, refusal);
    else if (trouble === 'lost answer') this.options.server(this.request, deaf(this, () => this.fail('socket hang up')));
    else if (trouble === 'silence after') this.options.server(this.request, deaf(this, () => undefined));
    else this.options.server(this.request, this);
  }

  private later(deliver: () => void): void {
    const { process } = this.options;
    const nowMs = process.monotonicMs();
    this.freeAtMs = Math.max(this.freeAtMs, nowMs + this.fate.backMs());
    process.clock.setTimer(this.freeAtMs - nowMs, () => process.take(() => !this.over && deliver()));
  }

  private finish(tell: () => void): void {
    this.close();
    tell();
  }

  private close(): void {
    if (this.over) return;
    this.over = true;
    for (const callback of this.closeCallbacks.splice(0)) callback();
  }
}

/** A responder whose words get lost; `onEnd` is called in the place of the end of the answer. */
function deaf(responder: Responder, onEnd: () => void): Responder {
  let ended = false;
  const end = () => {
    if (!ended) onEnd();
    ended = true;
  };
  return { start: () => undefined, data: () => undefined, end, fail: end, onClose: (callback) => responder.onClose(callback) };
}

const REFUSALS: Readonly<Record<NonNullable<Fate['refusal']>, string>> = { 429: 'TooManyRequests', 500: 'InternalError', 503: 'ServiceUnavailable' };

function refuse(responder: Responder, code: NonNullable<Fate['refusal']>): void {
  responder.start(code, { 'content-type': 'application/json', ...(code === 429 && { 'retry-after': '1' }) });
  responder.data(JSON.stringify({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', reason: REFUSALS[code], message: 'a planned fault', code }));
  responder.end();
}
