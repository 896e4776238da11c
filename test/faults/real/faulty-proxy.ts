import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { Agent, request as requestByTls } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { connect } from 'node:tls';
import type { SentRequest } from '../checks/evidence';
import type { Fate } from '../exchange';
import type { Random } from '../random';
import type { ApiWeather } from '../weather';
import type { Access } from './access';

/** A request that the API server has answered. */
export interface ServedRequest extends SentRequest {
  readonly status: number;
  /** Text of the answer. */
  readonly answer: string;
}

export interface FaultyProxyOptions {
  readonly upstream: Access;
  readonly weather: ApiWeather;
  readonly random: Random;
  /** Told of every request that was served, whether or not its answer arrives; not of watches. */
  readonly onServed: (request: ServedRequest) => void;
}

const GONE = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', reason: 'Expired', message: 'too old resource version: a planned fault', code: 410 };
const REASONS: Readonly<Record<NonNullable<Fate['refusal']>, string>> = { 429: 'TooManyRequests', 500: 'InternalError', 503: 'ServiceUnavailable' };

const isWatch = ({ path }: SentRequest) => path.includes('watch=true');

/** The network between the operator and the API server. */
export class FaultyProxy {
  private readonly agent: Agent;
  /** Answers under way. */
  private readonly open = new Set<ServerResponse>();
  private readonly watches = new Map<ServerResponse, string>();
  /** Kinds whose next watch is told that it is too late. */
  private readonly gone = new Set<string>();
  /** Requests that nobody answers. */
  private readonly silent = new Set<ServerResponse>();
  /** Both ends of what is no HTTP any more. */
  private readonly tunnels = new Set<Socket>();
  private readonly timers = new Set<NodeJS.Timeout>();
  private isAway = false;
  private isClosed = false;

  private constructor(
    private readonly server: Server,
    private readonly options: FaultyProxyOptions,
  ) {
    this.agent = new Agent({ keepAlive: true, ca: options.upstream.ca });
    server.on('request', (request, response) => void this.take(request, response).catch(() => response.destroy()));
    server.on('upgrade', (request, socket: Socket, head) => this.tunnel(request, socket, head));
  }

  static async start(options: FaultyProxyOptions): Promise<FaultyProxy> {
    const server = createServer({ keepAliveTimeout: 300_000 }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new FaultyProxy(server, options);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Ends all watches: by the end of the stream, or by a broken connection. */
  dropWatches(cleanly: boolean): void {
    for (const response of [...this.watches.keys()]) {
      if (cleanly) response.end();
      else response.destroy();
    }
  }

  /** The next watch of every kind that is watched now cannot go on from where it was. */
  forgetHistory(): void {
    for (const path of this.watches.values()) this.gone.add(path);
  }

  /** Nobody is reached any more, and what was under way breaks. */
  goAway(): void {
    this.isAway = true;
    for (const broken of [...this.open, ...this.tunnels]) broken.destroy();
  }

  comeBack(): void {
    this.isAway = false;
  }

  /** No watch is told any more that it is too late, and who waits for an answer that never comes learns that. */
  calm(): void {
    this.gone.clear();
    for (const response of this.silent) response.destroy();
    this.silent.clear();
    this.comeBack();
  }

  async close(): Promise<void> {
    this.isClosed = true;
    for (const socket of this.tunnels) socket.destroy();
    const closed = once(this.server, 'close');
    this.server.close();
    this.server.closeAllConnections();
    this.agent.destroy();
    for (const timer of this.timers) clearTimeout(timer);
    await closed;
  }

  private async take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.open.add(response);
    response.on('close', () => this.open.delete(response));
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { method = 'GET', url: path = '/', headers } = request;
    const sent = { method, path, body: Buffer.concat(chunks).toString() };
    const { weather } = this.options;
    const fate = weather.fateOf(sent);
    if (this.isAway || fate.trouble === 'refused') response.destroy();
    else if (fate.trouble === 'silence') this.silent.add(response);
    else this.later(fate.thereMs, () => this.arrive(sent, headers, fate, response));
  }

  /** A command in a container: it comes through, or it does not. */
  private tunnel({ method = 'GET', url: path = '/', rawHeaders }: IncomingMessage, socket: Socket, head: Buffer): void {
    const { trouble, refusal } = this.options.weather.fateOf({ method, path, body: '' });
    socket.on('error', () => undefined); // it is closed, too
    if (this.isAway || trouble !== undefined || refusal !== undefined) {
      socket.destroy();
      return;
    }
    const { hostname, port } = new URL(this.options.upstream.url);
    const onward = connect({ host: hostname, port: Number(port), ca: this.options.upstream.ca });
    onward.on('error', () => socket.destroy());
    for (const [end, other] of [[socket, onward], [onward, socket]] as const) {
      this.tunnels.add(end);
      end.on('close', () => {
        this.tunnels.delete(end);
        other.destroy();
      });
    }
    const lines = rawHeaders.flatMap((name, index) => (index % 2 === 0 ? [`${name}: ${rawHeaders[index + 1] ?? ''}`] : []));
    onward.write([`${method} ${path} HTTP/1.1`, ...lines, '', ''].join('\r\n'));
    onward.write(head);
    onward.pipe(socket).pipe(onward);
  }

  private arrive(sent: SentRequest, headers: IncomingMessage['headers'], fate: Fate, response: ServerResponse): void {
    // A request whose sender has given it up arrives nevertheless, now and then.
    if (this.isAway || (response.destroyed && this.options.random.chance(0.5))) response.destroy();
    else if (fate.refusal !== undefined) this.refuse(fate.refusal, response);
    else if (isWatch(sent) && this.gone.delete(kindOf(sent))) respond(response, 410, {}, JSON.stringify(GONE));
    else this.forward(sent, headers, fate, response);
  }

  private forward(sent: SentRequest, headers: IncomingMessage['headers'], fate: Fate, response: ServerResponse): void {
    const { url } = this.options.upstream;
    const onward = requestByTls(new URL(sent.path, url), { method: sent.method, headers: { ...headers, host: new URL(url).host, 'accept-encoding': 'identity' }, agent: this.agent }, (answer) => {
      answer.on('error', () => response.destroy());
      if (isWatch(sent) && answer.statusCode === 200) this.stream(sent, answer, fate, response);
      else void this.deliver(sent, answer, fate, response).catch(() => response.destroy());
    });
    onward.on('error', () => response.destroy());
    if (isWatch(sent)) response.on('close', () => onward.destroy());
    onward.end(sent.body);
  }

  private async deliver(sent: SentRequest, answer: IncomingMessage, fate: Fate, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of answer) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const { statusCode = 0, headers } = answer;
    this.options.onServed({ ...sent, status: statusCode, answer: body.toString() });
    if (fate.trouble === 'lost answer') response.destroy();
    else if (fate.trouble === 'silence after') this.silent.add(response);
    else this.later(fate.backMs(), () => respond(response, statusCode, headers, body));
  }

  /** Each piece takes its own time, and none overtakes another. */
  private stream(sent: SentRequest, answer: IncomingMessage, fate: Fate, response: ServerResponse): void {
    this.watches.set(response, kindOf(sent));
    response.on('close', () => this.watches.delete(response));
    response.writeHead(200, { 'content-type': answer.headers['content-type'] ?? 'application/json' });
    response.flushHeaders();
    const waiting: { readonly atMs: number; readonly deliver: () => void }[] = [];
    const deliverNext = () => {
      waiting.shift()?.deliver();
      const next = waiting[0];
      if (next !== undefined) this.later(next.atMs - performance.now(), deliverNext);
    };
    // One timer at a time: of two that end together, the later one may fire first.
    const inTurn = (deliver: () => void) => {
      const ms = fate.backMs();
      waiting.push({ atMs: performance.now() + ms, deliver });
      if (waiting.length === 1) this.later(ms, deliverNext);
    };
    answer.on('data', (chunk: Buffer) => inTurn(() => response.write(chunk)));
    answer.on('end', () => inTurn(() => response.end()));
  }

  private refuse(code: NonNullable<Fate['refusal']>, response: ServerResponse): void {
    const status = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', reason: REASONS[code], message: 'a planned fault', code };
    respond(response, code, code === 429 ? { 'retry-after': '1' } : {}, JSON.stringify(status));
  }

  /** What is to come once the proxy is closed never comes. */
  private later(ms: number, callback: () => void): void {
    if (this.isClosed) return;
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      callback();
    }, Math.max(0, ms));
    this.timers.add(timer);
  }
}

/** What a watch is of: its path without the query. */
const kindOf = ({ path }: SentRequest) => path.split('?')[0] ?? '';

function respond(response: ServerResponse, status: number, headers: IncomingMessage['headers'], body: Buffer | string): void {
  if (response.destroyed) return;
  const { 'retry-after': retryAfter, 'content-type': contentType = 'application/json' } = headers;
  response.writeHead(status, { 'content-type': contentType, ...(retryAfter !== undefined && { 'retry-after': retryAfter }) }).end(body);
}
