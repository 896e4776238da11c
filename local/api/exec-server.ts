import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { ApiError, badRequest, unknownPath } from './api-error';
import { keyOf } from './api-object';
import type { ObjectWriter } from './object-writer';
import { type ExecProcess, parseExecRequest, type PodExec, type PodExecRequest } from './pod-exec';
import type { Registry } from './registry';
import { parseResourcePath } from './request-path';
import type { TokenCheck } from './reviews';

/**
 * Subprotocols, the best first. A message is one byte that names a channel, and what belongs to it.
 *
 * @see https://kubernetes.io/docs/reference/using-api/api-concepts/ and k8s.io/apimachinery/pkg/util/remotecommand
 */
const PROTOCOLS = ['v5.channel.k8s.io', 'v4.channel.k8s.io'];
const Channel = { stdin: 0, stdout: 1, stderr: 2, status: 3, close: 255 } as const;
/** Longest message read, in bytes: clients send input in pieces of 32 KiB. */
const MAX_MESSAGE_BYTES = 1024 * 1024;
/** Code by which a web socket ends well. */
const NORMAL_CLOSURE = 1000;

/** What {@link ExecServer} stands on. */
export interface ExecServerParts {
  readonly registry: Registry;
  readonly writer: ObjectWriter;
  readonly tokens: TokenCheck;
  /** @default - no container runs */
  readonly exec?: PodExec;
}

/** Answers `pods/exec`, the one request of the API that becomes a web socket. */
export class ExecServer {
  private readonly sockets = new WebSocketServer({
    noServer: true,
    handleProtocols: (offered) => PROTOCOLS.find((protocol) => offered.has(protocol)) ?? false,
    maxPayload: MAX_MESSAGE_BYTES,
  });

  constructor(private readonly parts: ExecServerParts) {}

  /** Takes over the connection of a request that asks for an upgrade. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => socket.destroy());
    try {
      const { asked, start } = this.admit(request);
      this.sockets.handleUpgrade(request, socket, head, (webSocket) => void serve(webSocket, asked, start()));
    } catch (error) {
      refuse(socket, error instanceof ApiError ? error : new ApiError(500, 'InternalError', `Internal error occurred: ${String(error)}`));
    }
  }

  /** Breaks every connection, which ends its command. */
  close(): void {
    for (const webSocket of this.sockets.clients) webSocket.terminate();
  }

  private admit({ headers, url = '/' }: IncomingMessage): { readonly asked: PodExecRequest; readonly start: () => ExecProcess } {
    const { registry, writer, tokens, exec } = this.parts;
    if (!tokens.admits(headers.authorization)) throw new ApiError(401, 'Unauthorized', 'Unauthorized');
    const { pathname, searchParams } = new URL(url, 'https://server');
    const path = parseResourcePath(pathname, registry);
    if (path?.subresource !== 'exec' || path.kind.plural !== 'pods' || path.kind.group !== '') throw unknownPath();
    const asked = parseExecRequest(writer.get(path.kind, keyOf(path.namespace, path.name ?? '')).object, searchParams);
    const offered = headers['sec-websocket-protocol']?.split(',').map((protocol) => protocol.trim()) ?? [];
    if (!offered.some((protocol) => PROTOCOLS.includes(protocol))) {
      throw badRequest(`Sec-WebSocket-Protocol: expected one of ${PROTOCOLS.join(', ')}, got '${offered.join(', ')}'`);
    }
    const start = exec?.(asked);
    if (start === undefined) throw badRequest(`container "${asked.container}" in pod "${asked.pod}" is not running`);
    return { asked, start };
  }
}

/** Carries what goes in and out of a command until it has ended; it ends with the connection. */
async function serve(webSocket: WebSocket, { streams }: PodExecRequest, process: ExecProcess): Promise<void> {
  webSocket.on('close', () => process.kill());
  webSocket.on('error', () => webSocket.terminate());
  webSocket.on('message', (message) => {
    const [channel, closed] = message;
    if (channel === Channel.stdin && streams.stdin) process.write(message.subarray(1));
    if (channel === Channel.close && closed === Channel.stdin) process.endInput();
  });
  if (!streams.stdin) process.endInput();
  try {
    await Promise.all([
      forward(webSocket, Channel.stdout, process.stdout, streams.stdout),
      forward(webSocket, Channel.stderr, process.stderr, streams.stderr),
    ]);
    await send(webSocket, Channel.status, Buffer.from(JSON.stringify(toStatus(await process.ended))));
    webSocket.close(NORMAL_CLOSURE);
  } catch {
    webSocket.terminate(); // the client has gone
  }
}

/** What is not wanted is read nevertheless: the command would stop at a full pipe. */
async function forward(webSocket: WebSocket, channel: number, output: AsyncIterable<Uint8Array>, isWanted: boolean): Promise<void> {
  for await (const chunk of output) if (isWanted) await send(webSocket, channel, chunk);
}

function send(webSocket: WebSocket, channel: number, chunk: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    webSocket.send(Buffer.concat([Buffer.of(channel), chunk]), (error) => (error ? reject(error) : resolve()));
  });
}

/** How a command ended, as clients read it. */
function toStatus(exitCode: number): object {
  if (exitCode === 0) return { metadata: {}, status: 'Success' };
  const message = `command terminated with non-zero exit code: ${exitCode}`;
  return { metadata: {}, status: 'Failure', message, reason: 'NonZeroExitCode', details: { causes: [{ reason: 'ExitCode', message: String(exitCode) }] } };
}

/** Answers on a connection that does not become a web socket. */
function refuse(socket: Duplex, error: ApiError): void {
  const body = JSON.stringify(error.toStatus());
  const head = [
    `HTTP/1.1 ${error.code} ${STATUS_CODES[error.code] ?? ''}`,
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}
