import { Backoff } from '../../src/program/backoff';
import type { Clock } from '../../src/program/clock';
import { OPERATOR_AGENT } from '../../src/schema/names';
import { ApiError, toApiError, TransportError } from './api-error';
import type { KubeConnection } from './connection';
import { Connections } from './connections';
import { exchange, type HttpAnswer, type HttpRequest, type StreamReader } from './exchange';
import { RateLimiter } from './rate-limiter';

/** One call to the API server. */
export interface KubeCall {
  readonly method: HttpRequest['method'];
  /** Path and query. */
  readonly path: string;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** @default application/json */
  readonly contentType?: string;
  /** Forms of the answer, the most wanted first. @default application/json */
  readonly accept?: string;
  /** Longest time for the whole call in ms, waiting and repeats included. */
  readonly deadlineMs: number;
  /** Whether the call may be sent again when its first outcome is unknown or a 5xx. A 429 is always repeated. */
  readonly repeatable: boolean;
  /** Called whenever the call is about to leave, after every wait; what it throws ends the call. @default - nothing is asked */
  readonly beforeSend?: () => void;
  readonly signal?: AbortSignal;
  /** Whether the answer to what was sent is waited for although `signal` has aborted. @default false */
  readonly uncut?: boolean;
}

/** What {@link Transport} needs. */
export interface TransportOptions {
  readonly connection: KubeConnection;
  readonly clock: Clock;
  /** Number from 0 up to 1. @default Math.random */
  readonly random?: () => number;
  /** Most connections for calls; each watch has one more. @default 32 */
  readonly maxConnections?: number;
  /** Calls a second in the long run; 0 is no limit. Watches do not count. @default 0 */
  readonly qps?: number;
  /** Calls that may go at once. @default - same as `qps` */
  readonly burst?: number;
  /** Name of the program to the API server, in `user-agent`. @default - the operator's */
  readonly agent?: string;
  /** Told of every answer; `code` is `<error>` when none came. */
  readonly onAnswer?: (answer: { readonly method: string; readonly code: string; readonly durationMs: number }) => void;
}

/** Repeats are spread over seconds at most, since the deadline of a write is 10 s. */
const REPEAT_MIN_MS = 50;
const REPEAT_MAX_MS = 2_000;

/** HTTP to the API server: connections, deadlines, repeats, rate limit. Knows no Kubernetes objects. */
export class Transport {
  private readonly calls: Connections;
  private readonly watches: Connections;
  private readonly limiter: RateLimiter;
  private readonly clock: Clock;
  private underWay = 0;

  constructor(private readonly options: TransportOptions) {
    const { connection, clock, maxConnections = 32, qps = 0, burst = qps } = options;
    this.clock = clock;
    this.calls = new Connections(connection, maxConnections);
    this.watches = new Connections(connection);
    this.limiter = new RateLimiter(clock, qps, burst);
  }

  /** Calls that have not come to their end, those that wait among them; watches do not count. */
  get callsUnderWay(): number {
    return this.underWay;
  }

  /**
   * Sends the call, repeats it where that is safe, and returns the JSON of the answer.
   *
   * @throws ApiError when the server refused; TransportError when no answer came in time; the reason of `signal` when it aborts;
   *   what `beforeSend` throws
   */
  async call(call: KubeCall): Promise<unknown> {
    const limit = new AbortController();
    const sent = call.uncut === true ? new AbortController() : limit;
    const endsAtMs = this.clock.monotonicMs() + call.deadlineMs;
    const subject = `${call.method} ${call.path}`;
    const cancelDeadline = this.clock.setTimer(call.deadlineMs, () => {
      const late = new TransportError(`${subject}: expected an answer within ${call.deadlineMs} ms, got none`);
      limit.abort(late);
      sent.abort(late);
    });
    const abort = () => limit.abort(call.signal?.reason);
    call.signal?.addEventListener('abort', abort, { once: true });
    if (call.signal?.aborted === true) abort();
    this.underWay += 1;
    try {
      return await this.repeat(call, subject, endsAtMs, limit.signal, sent.signal);
    } finally {
      this.underWay -= 1;
      cancelDeadline();
      call.signal?.removeEventListener('abort', abort);
    }
  }

  /**
   * Opens a stream on a connection of its own and passes its bytes on until it ends.
   *
   * @throws as {@link call}, and whatever the reader throws
   */
  async stream(path: string, signal: AbortSignal, reader: StreamReader): Promise<void> {
    const subject = `GET ${path}`;
    const answer = await this.send(this.watches, { method: 'GET', path, headers: {} }, signal, reader);
    if (answer.status === 401) await this.renewCredentials();
    if (answer.status > 299) throw toApiError(subject, answer.status, answer.retryAfter, answer.body);
  }

  /** Breaks all connections; calls under way fail. */
  async destroy(): Promise<void> {
    await Promise.all([this.calls.destroy(), this.watches.destroy()]);
  }

  private async repeat(call: KubeCall, subject: string, endsAtMs: number, signal: AbortSignal, sentSignal: AbortSignal): Promise<unknown> {
    const backoff = new Backoff({ minMs: REPEAT_MIN_MS, maxMs: REPEAT_MAX_MS, random: this.options.random });
    const request: HttpRequest = {
      method: call.method,
      path: call.path,
      headers: {
        ...(call.body !== undefined && { 'content-type': call.contentType ?? 'application/json' }),
        ...(call.accept !== undefined && { accept: call.accept }),
      },
      body: call.body === undefined ? undefined : JSON.stringify(call.body),
      beforeSend: call.beforeSend,
    };
    let renewed = false;
    for (;;) {
      await this.limiter.take(signal);
      signal.throwIfAborted();
      const outcome = await this.attempt(request, subject, sentSignal);
      if (!(outcome instanceof Error)) return JSON.parse(outcome.body) as unknown;
      if (outcome instanceof ApiError && outcome.status === 401 && !renewed) {
        renewed = true;
        await this.renewCredentials();
        continue;
      }
      const waitMs = backoff.next('') + (outcome instanceof ApiError ? (outcome.retryAfterMs ?? 0) : 0);
      if (!isRepeatable(call, outcome) || this.clock.monotonicMs() + waitMs >= endsAtMs) throw outcome;
      await this.clock.sleep(waitMs, signal);
    }
  }

  /** The answer, or the error of this attempt; throws only when the call as a whole is over. */
  private async attempt(request: HttpRequest, subject: string, signal: AbortSignal): Promise<HttpAnswer | ApiError | TransportError> {
    try {
      const answer = await this.send(this.calls, request, signal);
      return answer.status <= 299 ? answer : toApiError(subject, answer.status, answer.retryAfter, answer.body);
    } catch (error) {
      if (error instanceof TransportError && !signal.aborted) return error;
      throw error;
    }
  }

  private async send(connections: Connections, request: HttpRequest, signal: AbortSignal, reader?: StreamReader): Promise<HttpAnswer> {
    const startedAtMs = this.clock.monotonicMs();
    const authorization = await this.options.connection.authorization();
    const headers: Record<string, string> = { accept: 'application/json', 'user-agent': this.options.agent ?? OPERATOR_AGENT, ...request.headers };
    if (authorization !== undefined) headers.authorization = authorization;
    let code = '<error>';
    try {
      const answer = await exchange(connections.dispatcher, { ...request, headers }, signal, reader);
      code = String(answer.status);
      connections.recordAnswer();
      return answer;
    } catch (error) {
      // Our own deadline counts, a caller that gave up does not.
      if (error instanceof TransportError) connections.recordError();
      throw error;
    } finally {
      this.options.onAnswer?.({ method: request.method, code, durationMs: this.clock.monotonicMs() - startedAtMs });
    }
  }

  private async renewCredentials(): Promise<void> {
    await this.options.connection.refresh();
    // A client certificate belongs to the connection, so a new one needs new connections.
    this.calls.rebuild();
    this.watches.rebuild();
  }
}

function isRepeatable(call: KubeCall, error: ApiError | TransportError): boolean {
  if (error instanceof TransportError) return call.repeatable;
  return error.status === 429 || (error.status >= 500 && call.repeatable);
}
