import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { createTerminalRequest } from '../../../src/schema/execd-api';
import { sendEmpty, sendJson } from '../answers';
import { countOf, readJson } from '../calls';
import type { CommandPreparation } from '../commands/prepare';
import type { CommandRunner } from '../commands/runner';
import { notNow, Refusal, unknownContext } from '../refusal';
import type { RouteTable } from '../router';
import type { Sandbox } from '../sandbox';
import { Terminal } from './terminal';
import { SocketViewer } from './viewer';

/** Most terminals at a time. */
const MOST_TERMINALS = 64;
/** Most bytes of one frame of a client. */
const MOST_FRAME_BYTES = 1024 * 1024;

/** What terminals are made with. */
export interface TerminalsOptions {
  readonly sandbox: Sandbox;
  readonly preparation: CommandPreparation;
  /** Argument vectors for a shell, of which the first runs whose program there is. */
  readonly shellVectors: CommandRunner['shellVectors'];
  /** Front of the mark that all its processes carry, as those of tasks do. */
  readonly scope: string;
  readonly dataDir: string;
}

interface Held {
  readonly cwd: string;
  readonly command?: string;
  /** From the first client on. */
  terminal?: Promise<Terminal>;
  viewer?: SocketViewer;
}

/** Terminals: each begins with its first client, and outlives it until it is deleted. */
export class Terminals {
  private readonly held = new Map<string, Held>();
  private readonly server = new WebSocketServer({ noServer: true, maxPayload: MOST_FRAME_BYTES, perMessageDeflate: false });

  constructor(private readonly options: TerminalsOptions) {}

  routes(): RouteTable {
    return {
      '/pty': {
        POST: async (call) => {
          const { cwd, command } = await readJson(call, createTerminalRequest, {});
          if (this.held.size >= MOST_TERMINALS) {
            throw new Refusal(429, 'TOO_MANY_REQUESTS', `terminals: expected fewer than ${MOST_TERMINALS}, got ${this.held.size}; delete some`, { 'retry-after': '1' });
          }
          const id = randomBytes(16).toString('hex');
          this.held.set(id, { cwd: cwd ?? '', command: command || undefined });
          sendJson(call.response, { session_id: id }, 201);
        },
      },
      '/pty/{id}': {
        GET: async ({ params, response }) => {
          const terminal = await this.require(params['id'] ?? '').terminal?.catch(() => undefined);
          const isRunning = terminal !== undefined && terminal.exitCode === undefined;
          sendJson(response, { session_id: params['id'], running: isRunning, output_offset: terminal?.outputOffset ?? 0 });
        },
        DELETE: async ({ params, response }) => {
          await this.delete(params['id'] ?? '');
          sendEmpty(response);
        },
      },
      '/pty/{id}/ws': {
        GET: () => {
          throw new Refusal(426, 'UNKNOWN', 'upgrade: expected a WebSocket, got a plain request', { upgrade: 'websocket' });
        },
      },
    };
  }

  /**
   * Connects a client with a terminal.
   *
   * @throws Refusal of status 404 for one that is unknown, 409 when it has a client and `takeover` is not 1, 501 for a mode that is not offered
   */
  async attach(id: string, request: IncomingMessage, socket: Duplex, head: Buffer, query: URLSearchParams): Promise<void> {
    const held = this.require(id);
    const since = countOf(query, 'since', undefined);
    if (query.get('pty') === '0') {
      throw new Refusal(501, 'NOT_SUPPORTED', 'query: pty: expected 1 or nothing, got 0; programs without a terminal are run by /command');
    }
    if (held.viewer !== undefined && query.get('takeover') !== '1') {
      throw notNow(`terminal '${id}': expected no client, got one; takeover=1 takes its place`);
    }
    held.terminal ??= this.start(held, id);
    const terminal = await held.terminal.catch((error: unknown) => {
      held.terminal = undefined; // the next client may have more luck
      throw error;
    });
    this.server.handleUpgrade(request, socket, head, (webSocket: WebSocket) => {
      held.viewer?.leave();
      const viewer = new SocketViewer(webSocket, terminal);
      held.viewer = viewer;
      webSocket.once('close', () => {
        if (held.viewer === viewer) held.viewer = undefined;
      });
      viewer.attach(id, since);
    });
  }

  /** Ends all and forgets them. */
  async clear(): Promise<void> {
    await Promise.all([...this.held.keys()].map((id) => this.delete(id)));
  }

  private async start({ cwd, command }: Held, id: string): Promise<Terminal> {
    const { sandbox, preparation, shellVectors, scope, dataDir } = this.options;
    const place = await preparation.prepare({ cwd });
    const argvs = shellVectors((shell) => (command === undefined ? [shell] : [shell, '-c', command]));
    return Terminal.start(() => sandbox.open(), { ...place, taskId: `${scope}.${id}` }, argvs, dataDir);
  }

  private async delete(id: string): Promise<void> {
    const held = this.require(id);
    this.held.delete(id);
    const terminal = await held.terminal?.catch(() => undefined);
    await terminal?.stop();
    held.viewer?.exited(terminal?.exitCode ?? 0);
  }

  private require(id: string): Held {
    const held = this.held.get(id);
    if (held === undefined) {
      throw unknownContext('terminal', id);
    }
    return held;
  }
}
