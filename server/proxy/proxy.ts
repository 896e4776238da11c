import { type ClientRequest, type IncomingMessage, request as httpRequest, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Clock } from '../../src/program/clock';
import { framingOf, isWebSocketHandshake } from '../../src/program/forwarding';
import type { Logger } from '../../src/program/log';
import { showValue } from '../../src/schema/errors';
import { invalidRequest, LifecycleError } from '../lifecycle-error';
import { hostAndPort } from '../sandboxes/endpoints';
import type { RequestTaker } from '../web/http-host';
import { requestIdOf } from '../web/request-id';
import type { AccessRenewer } from './access-renewer';
import type { ExecdHeaders } from './execd-headers';
import type { Gate, Target } from './gate';
import { answerHeaders, type RawHeaders, requestHeaders } from './headers';
import type { ProxyRoute } from './proxy-route';
import { StreamCount } from './stream-count';

/** Longest time until a pod takes a connection, in ms. How long it then thinks is its own affair. */
const CONNECT_TIMEOUT_MS = 5_000;

/** What a {@link Proxy} needs. */
export interface ProxyOptions {
  readonly gate: Gate;
  readonly execd: ExecdHeaders;
  readonly clock: Clock;
  readonly log: Logger;
  /** Aborts when requests under way are to end. */
  readonly stop: AbortSignal;
  /** @default - no access renews a sandbox */
  readonly renewer?: AccessRenewer;
  /** Told of every answer, when it begins. */
  readonly onAnswer?: (answer: { readonly operation: string; readonly status: number; readonly durationMs: number }) => void;
}

/**
 * Passes requests and web sockets into sandboxes: bytes as they come, with back-pressure, without limits of size or time (L30, L31).
 *
 * Each request has a connection of its own to the pod, so none meets one that the pod is about to close.
 */
export class Proxy implements RequestTaker {
  private readonly streams = new StreamCount();

  constructor(private readonly options: ProxyOptions) {
    options.stop.addEventListener('abort', () => this.streams.destroyAll(), { once: true });
  }

  /** Requests and web sockets under way. */
  get count(): number {
    return this.streams.count;
  }

  request(incoming: IncomingMessage, outgoing: ServerResponse): boolean {
    const route = this.options.gate.routeOf(incoming);
    if (route === undefined) return false;
    const exchange = new Answer(incoming, this.options.clock, this.options.onAnswer);
    const fail = (error: unknown) => this.fail(error, exchange, (error2, headers) => sendError(outgoing, error2, headers));
    this.open(route, incoming, outgoing, exchange).then(({ target, leave }) => {
      outgoing.once('close', leave);
      if (outgoing.destroyed) return leave();
      const upstream = this.connect(incoming, route, target, exchange, fail, framingOf(incoming));
      this.streams.watch(outgoing, upstream);
      upstream.on('response', (response) => {
        try {
          passOn(response, outgoing, route, exchange.requestId);
          exchange.begin(outgoing.statusCode);
        } catch (error) {
          // A sandbox may say what node:http would not.
          response.destroy();
          fail(new LifecycleError('BACKEND_RESPONSE_FAILED', undefined, { cause: error }));
        }
      });
      // node:http closes the connection without an error when another protocol begins that nobody has asked for.
      upstream.once('close', () => {
        if (!outgoing.headersSent && !outgoing.destroyed) fail(new LifecycleError('BACKEND_RESPONSE_FAILED'));
      });
      // The caller has gone, or all is said.
      outgoing.once('close', () => upstream.destroy());
      incoming.pipe(upstream);
    }).catch(fail);
    return true;
  }

  upgrade(incoming: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => socket.destroy());
    const exchange = new Answer(incoming, this.options.clock, this.options.onAnswer);
    const route = this.options.gate.routeOf(incoming);
    const fail = (error: unknown) => this.fail(error, exchange, (known, headers) => writeError(socket, known, headers));
    // Node before 24.9 and 22.21 does not ask which offers are taken.
    if (!isWebSocketHandshake(incoming)) return fail(invalidRequest([{ path: 'Upgrade', expected: 'websocket, without a body, or no such header', got: showValue(incoming.headers.upgrade) }]));
    if (route === undefined) return fail(new LifecycleError('GENERAL::NOT_FOUND'));
    this.open(route, incoming, socket, exchange).then(({ target, leave }) => {
      socket.once('close', leave);
      if (socket.destroyed) return leave();
      const upstream = this.connect(incoming, route, target, exchange, fail, ['Connection', 'Upgrade', 'Upgrade', 'websocket']);
      this.streams.watch(socket, upstream);
      upstream.on('response', (response) => {
        // It does not want to: its own answer says why.
        exchange.begin(response.statusCode ?? 502);
        socket.write(headOf(response, [...answerHeaders(response.rawHeaders, route.prefix, exchange.requestId), 'Connection', 'close']));
        response.once('close', () => {
          if (!response.readableEnded) socket.destroy(); // it has broken off, and so does what the caller gets
        });
        response.pipe(socket);
      });
      upstream.on('upgrade', (response: IncomingMessage, pod: Duplex, podHead: Buffer) => {
        exchange.begin(101);
        const kept = ['Connection', 'Upgrade', 'Upgrade', response.headers.upgrade ?? 'websocket'];
        socket.write(headOf(response, [...answerHeaders(response.rawHeaders, route.prefix, exchange.requestId), ...kept]));
        if (podHead.length > 0) socket.write(podHead);
        if (head.length > 0) pod.write(head);
        for (const [from, to] of [[pod, socket], [socket, pod]] as const) {
          from.on('error', () => to.destroy());
          from.once('close', () => to.destroy());
          // What wants to say goodbye has done so before; a side that stays open alone would stay for ever.
          from.once('end', () => to.end(() => to.destroy()));
          from.pipe(to, { end: false });
        }
      });
      socket.once('close', () => upstream.destroy());
      upstream.end();
    }).catch(fail);
  }

  /** Lets a request in, and counts it until `leave`. What is read for it ends with its caller. */
  private async open(route: ProxyRoute, incoming: IncomingMessage, caller: ServerResponse | Duplex, { requestId }: Answer): Promise<{ target: Target; leave: () => void }> {
    const gone = new AbortController();
    const leaveEarly = () => gone.abort(new LifecycleError('KUBERNETES::UNAVAILABLE', 'the caller has gone'));
    caller.once('close', leaveEarly);
    const target = await this.options.gate.admit(route, incoming, AbortSignal.any([this.options.stop, gone.signal]));
    caller.off('close', leaveEarly);
    const leave = this.streams.enter(route.id);
    if (incoming.headers['opensandbox-access-renew'] !== 'skip') this.options.renewer?.note(target.batch, requestId);
    return { target, leave };
  }

  private connect(incoming: IncomingMessage, { path }: ProxyRoute, { batch, address, port }: Target, { requestId }: Answer, fail: (error: unknown) => void, more: readonly string[]): ClientRequest {
    const headers = [...requestHeaders(incoming.rawHeaders, hostAndPort(address, port), requestId, this.options.execd.of(batch, port)), ...more];
    const upstream = httpRequest({ host: address, port, method: incoming.method, path, headers, agent: false, setHost: false });
    let isConnected = false;
    const cancel = this.options.clock.setTimer(CONNECT_TIMEOUT_MS, () => {
      if (!isConnected) upstream.destroy(new LifecycleError('BACKEND_TIMEOUT'));
    });
    upstream.on('socket', (socket) => {
      socket.setNoDelay(true);
      socket.once('connect', () => {
        isConnected = true;
        cancel();
      });
    });
    upstream.once('close', cancel);
    upstream.on('error', (error) => {
      if (error instanceof LifecycleError) fail(error);
      else fail(new LifecycleError(isConnected ? 'BACKEND_RESPONSE_FAILED' : 'BACKEND_CONNECTION_FAILED', undefined, { cause: error }));
    });
    return upstream;
  }

  private fail(error: unknown, exchange: Answer, send: (error: LifecycleError, headers: readonly string[]) => void): void {
    const known = error instanceof LifecycleError ? error : new LifecycleError('GENERAL::UNKNOWN_ERROR', undefined, { cause: error });
    const { requestId } = exchange;
    if (known.code === 'GENERAL::UNKNOWN_ERROR') this.options.log.error({ err: error, requestId }, 'request not passed on');
    else this.options.log.debug({ err: error, requestId }, 'request not passed on');
    exchange.begin(known.status);
    send(known, ['X-Request-ID', requestId]);
  }
}

/** One request: its id, and when its answer began. */
class Answer {
  readonly requestId: string;
  private readonly startedAtMs: number;
  private hasBegun = false;

  constructor(
    incoming: IncomingMessage,
    private readonly clock: Clock,
    private readonly onAnswer: ProxyOptions['onAnswer'],
  ) {
    const given = incoming.headers['x-request-id'];
    this.requestId = requestIdOf(Array.isArray(given) ? given[0] : given);
    this.startedAtMs = clock.monotonicMs();
  }

  begin(status: number): void {
    if (this.hasBegun) return;
    this.hasBegun = true;
    this.onAnswer?.({ operation: 'proxy', status, durationMs: this.clock.monotonicMs() - this.startedAtMs });
  }
}

/** Passes an answer on: its head at once, since the first byte of a stream may be long in coming. @throws what node:http says of a head that it does not send */
function passOn(response: IncomingMessage, outgoing: ServerResponse, { prefix }: ProxyRoute, requestId: string): void {
  outgoing.writeHead(response.statusCode ?? 502, response.statusMessage, answerHeaders(response.rawHeaders, prefix, requestId));
  outgoing.flushHeaders();
  response.on('error', () => outgoing.destroy());
  response.on('end', () => {
    if (outgoing.chunkedEncoding && response.rawTrailers.length > 0) outgoing.addTrailers(pairs(response.rawTrailers));
  });
  response.pipe(outgoing);
}

/** An error as JSON; where an answer has begun, all that is left is to break it off. */
function sendError(outgoing: ServerResponse, { status, code, message, headers }: LifecycleError, more: readonly string[]): void {
  if (outgoing.headersSent || outgoing.destroyed) return void outgoing.destroy();
  const body = JSON.stringify({ code, message });
  outgoing.writeHead(status, ['Content-Type', 'application/json', 'Content-Length', String(Buffer.byteLength(body)), ...Object.entries(headers).flat(), ...more]);
  outgoing.end(body);
}

function writeError(socket: Duplex, { status, code, message, headers }: LifecycleError, more: readonly string[]): void {
  if (socket.destroyed || !socket.writable) return;
  const body = JSON.stringify({ code, message });
  const fields = ['Content-Type', 'application/json', 'Content-Length', String(Buffer.byteLength(body)), 'Connection', 'close', ...Object.entries(headers).flat(), ...more];
  socket.end(`${statusLine(status)}${fieldLines(fields)}\r\n${body}`);
}

function headOf({ statusCode = 502, statusMessage }: IncomingMessage, fields: RawHeaders): string {
  return `${statusLine(statusCode, statusMessage)}${fieldLines(fields)}\r\n`;
}

function statusLine(status: number, text = STATUS_CODES[status] ?? ''): string {
  return `HTTP/1.1 ${status} ${text}\r\n`;
}

function fieldLines(fields: RawHeaders): string {
  return pairs(fields).map(([name, value]) => `${name}: ${value}\r\n`).join('');
}

function pairs(raw: RawHeaders): [string, string][] {
  return Array.from({ length: raw.length / 2 }, (_, index) => [raw[2 * index] ?? '', raw[2 * index + 1] ?? '']);
}
