import { timingSafeEqual, createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Clock } from '../../src/program/clock';
import { isWebSocketHandshake } from '../../src/program/forwarding';
import { showValue } from '../../src/schema/errors';
import { ExecdHeader } from '../../src/schema/execd-api';
import type { Log } from '../log';
import { dropRest } from '../web-server';
import { refuseUpgrade, sendEmpty, sendRefusal } from './answers';
import { CommandPreparation } from './commands/prepare';
import { commandRoutes } from './commands/routes';
import { CommandRunner } from './commands/runner';
import { PipeStock } from './commands/pipes';
import { Contexts } from './contexts/contexts';
import { contextRoutes } from './contexts/routes';
import { fileRoutes } from './files/routes';
import { Metrics } from './metrics/metrics';
import { metricsRoutes } from './metrics/routes';
import { notOfferedRoutes } from './not-offered';
import { OpenCalls } from './open-calls';
import { forwardUpgrade, type ProxyTargets, proxyRoutes } from './proxy/proxy';
import { Refusal } from './refusal';
import { rehearse } from './rehearsal';
import { Router, type RouteTable } from './router';
import type { Sandbox } from './sandbox';
import { sessionRoutes } from './sessions/routes';
import { Sessions } from './sessions/sessions';
import { Terminals } from './terminals/terminals';

/** What the API works with. */
export interface ExecdOptions {
  readonly sandbox: Sandbox;
  readonly clock: Clock;
  readonly log: Log;
  /** Directory of ours for pipes and output, that no sandbox sees. */
  readonly dataDir: string;
  /** Front of the mark that all processes of commands carry, as those of tasks do. */
  readonly scope: string;
  /** Of what the header of every request must say one. @default - everybody may ask */
  readonly accessTokens?: readonly string[];
  /** Path of the file of variables where the sandbox itself names none. */
  readonly execdEnvs?: string;
  /** Addresses of the sandbox itself, of which the first is asked that has the port of a request to forward. @default ['127.0.0.1'] */
  readonly proxyHosts?: readonly string[];
  /** Ports of the executor, to which nothing is forwarded; looked at with each request. @default none */
  readonly ownPorts?: ReadonlySet<number>;
  /**
   * Waits for the task of a UID, and answers whether it has come.
   *
   * @default - no request waits for a task
   */
  readonly arrivalOf?: (uid: string, signal: AbortSignal) => Promise<boolean>;
  /** The executor's own place, where the first command is rehearsed: it starts there as in the sandbox. @default - nothing is rehearsed */
  readonly stage?: Sandbox;
  /** Where the pipes of commands come from. @default - a stock of its own */
  readonly pipes?: PipeStock;
}

const SILENT: Log = { info: () => undefined, error: () => undefined };

/** The API of commands and files. */
export class ExecdApp {
  private readonly router: Router;
  private readonly runner: CommandRunner;
  private readonly pipes: PipeStock;
  private readonly preparation: CommandPreparation;
  private readonly sessions = new Sessions();
  private readonly contexts: Contexts;
  private readonly terminals: Terminals;
  private readonly proxyTargets: ProxyTargets;
  private readonly calls: OpenCalls;
  /** Whether anything but a ping has been asked for. */
  private isUsed = false;
  /** Connections that no server closes any more. */
  private readonly upgraded = new Set<Duplex>();

  constructor(private readonly options: ExecdOptions) {
    this.calls = new OpenCalls(options.clock);
    this.pipes = options.pipes ?? new PipeStock(options.dataDir);
    this.preparation = new CommandPreparation(options.sandbox, options.execdEnvs);
    this.proxyTargets = { hosts: options.proxyHosts ?? ['127.0.0.1'], ownPorts: options.ownPorts ?? new Set() };
    this.runner = new CommandRunner({ ...options, pipes: this.pipes });
    this.contexts = new Contexts({ ...options, sessions: this.sessions, runner: this.runner, preparation: this.preparation, pipes: this.pipes });
    this.terminals = new Terminals({ ...options, preparation: this.preparation, shellVectors: (toVector) => this.runner.shellVectors(toVector) });
    this.router = new Router(this.routes());
  }

  /** Answers a request; never rejects. */
  handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    return this.calls.follow(request.socket, this.answer(request, response));
  }

  /**
   * Answers the handshake of a web socket; never rejects.
   *
   * @param head first bytes after the request
   */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    return this.calls.follow(socket, this.answerUpgrade(request, socket, head));
  }

  /** Ends all that runs, and tells it to whoever waits for it; nothing can be asked for until {@link open}. */
  async stop(): Promise<void> {
    this.sessions.clear();
    await Promise.all([this.runner.close(), this.contexts.clear(), this.terminals.clear()]);
    this.upgraded.forEach((socket) => socket.destroy());
  }

  /**
   * {@link stop}, and breaks every connection.
   *
   * @returns how many requests from before something is still done for; 0 except when a file system hangs
   */
  async end(): Promise<number> {
    const goOnCount = await this.halt();
    await this.pipes.clear(); // a reset empties the data directory
    return goOnCount;
  }

  /** {@link end}, but for the pipes made ahead, which may be another's. */
  async halt(): Promise<number> {
    await this.stop();
    const goOnCount = await this.calls.end();
    await this.stop(); // what was begun meanwhile by who had asked before
    return goOnCount;
  }

  /** All can be asked for again after {@link end}. */
  open(): void {
    this.runner.open();
    this.warmUp();
  }

  /** Makes ahead what the first command would have to wait for. */
  warmUp(): void {
    this.pipes.fill();
  }

  /** Runs a command for nobody, so that the first one of the sandbox takes no longer than those that follow. Not when it has been asked for something already. */
  async rehearse(signal: AbortSignal): Promise<void> {
    const { stage, clock, dataDir, scope } = this.options;
    if (stage === undefined || this.isUsed) return;
    // Nothing of the sandbox's: no file of variables, which it may have written, and no token. And nobody is told of what fails.
    const app = new ExecdApp({ sandbox: stage, clock, dataDir, scope, log: SILENT, pipes: this.pipes });
    await rehearse(app, dataDir, signal);
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.once('finish', () => dropRest(request));
    try {
      const { pathname, searchParams } = urlOf(request);
      this.authorize(request);
      this.isUsed ||= pathname !== '/ping';
      const { route, params } = this.router.find(request.method ?? '', pathname);
      const assertOpen = () => this.runner.assertOpen(pathname === '/ping' ? 503 : 409);
      assertOpen();
      if (await this.awaitTask(request)) assertOpen();
      await route({ request, response, params, query: searchParams });
    } catch (error) {
      if (!(error instanceof Refusal) && !response.destroyed) {
        this.options.log.error({ err: error }, 'execd request failed');
      }
      sendRefusal(response, toRefusal(error));
    }
  }

  private async answerUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    this.upgraded.add(socket);
    socket.once('close', () => this.upgraded.delete(socket));
    socket.on('error', () => socket.destroy());
    try {
      this.authorize(request);
      this.isUsed = true;
      this.runner.assertOpen();
      // Node before 24.9 and 22.21 does not ask which offers are taken.
      if (!isWebSocketHandshake(request)) throw new Refusal(400, 'UNKNOWN', `Upgrade: expected websocket, without a body, or no such header, got ${showValue(request.headers.upgrade)}`);
      if (await this.awaitTask(request)) this.runner.assertOpen();
      const { pathname, searchParams } = urlOf(request);
      const [, kind, name = ''] = /^\/(proxy|pty)\/([^/]+)(?:\/.*)?$/.exec(pathname) ?? [];
      if (kind === 'proxy') {
        await forwardUpgrade(request, socket, head, { port: name }, this.proxyTargets);
      } else if (kind === 'pty') {
        await this.terminals.attach(name, request, socket, head, searchParams);
      } else {
        throw new Refusal(400, 'UNKNOWN', 'path: expected one that is a stream, such as /proxy/{port}, got another one');
      }
    } catch (error) {
      refuseUpgrade(socket, toRefusal(error));
    }
  }

  private routes(): RouteTable {
    const { sandbox, clock, dataDir } = this.options;
    const { preparation, runner, sessions } = this;
    const interruptOther = (id: string) => (this.contexts.find(id) ?? sessions.find(id))?.interrupt();
    const commands = { runner, preparation, clock, dataDir, interruptOther };
    return {
      '/ping': {
        GET: ({ response }) => {
          sandbox.open().close();
          sendEmpty(response);
          this.pipes.fill(); // SDKs ping before their first command, which needs some
        },
      },
      ...commandRoutes(commands),
      ...contextRoutes(this.contexts, commands),
      ...sessionRoutes({ sessions, runner, preparation, sandbox, clock }),
      ...metricsRoutes(new Metrics(sandbox, clock), clock),
      ...fileRoutes(sandbox, dataDir, () => this.runner.assertOpen()),
      ...proxyRoutes(this.proxyTargets),
      ...this.terminals.routes(),
      ...notOfferedRoutes,
    };
  }

  /**
   * Waits for the task that a request names, if it names one.
   *
   * @returns whether it does
   * @throws Refusal of status 503 when the task does not come
   */
  private async awaitTask({ headers, socket }: IncomingMessage): Promise<boolean> {
    const uid = headers[ExecdHeader.taskUid];
    const { arrivalOf } = this.options;
    if (typeof uid !== 'string' || arrivalOf === undefined) return false;
    const gone = new AbortController();
    const leave = () => gone.abort();
    socket.once('close', leave);
    const isHere = await arrivalOf(uid, gone.signal).finally(() => socket.off('close', leave));
    if (!isHere) throw new Refusal(503, 'RUNTIME_ERROR', `${ExecdHeader.taskUid}: expected the task of this sandbox, which has not come yet; try again`);
    return true;
  }

  /** Compares digests, all of them, which takes the same time for every token. @throws Refusal of status 401 */
  private authorize({ headers }: IncomingMessage): void {
    const { accessTokens } = this.options;
    delete headers[ExecdHeader.lifecycleKey]; // not ours, and not for anybody behind us
    const given = digest(String(headers[ExecdHeader.accessToken] ?? ''));
    if (accessTokens !== undefined && accessTokens.filter((token) => timingSafeEqual(given, digest(token))).length === 0) {
      throw new Refusal(401, 'UNAUTHORIZED', `${ExecdHeader.accessToken}: expected the access token of this sandbox, got none or another one`);
    }
  }
}

const toRefusal = (error: unknown): Refusal =>
  error instanceof Refusal ? error : new Refusal(500, 'RUNTIME_ERROR', error instanceof Error ? error.message : String(error));

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** @throws Refusal of status 404 for a target that is no path */
function urlOf({ url = '' }: IncomingMessage): URL {
  const parsed = url.startsWith('/') ? URL.parse(`http://sandbox${url}`) : null;
  if (parsed === null) {
    throw new Refusal(404, 'UNKNOWN', 'path: expected one of the API, got another one');
  }
  return parsed;
}
