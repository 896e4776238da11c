import { once } from 'node:events';
import { type ClientRequest, type IncomingMessage, request as startRequest } from 'node:http';
import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { FRAMING, framingOf } from '../../../src/program/forwarding';
import type { Call } from '../calls';
import { badQuery, Refusal } from '../refusal';
import type { RouteTable } from '../router';
import { forwardedHeaders } from './forward-headers';

/** Longest wait for a connection within the pod, in ms. */
const CONNECT_MS = 5_000;

/** Where requests are forwarded to. */
export interface ProxyTargets {
  /** Addresses of the sandbox itself, of which the first is asked that has the port. */
  readonly hosts: readonly string[];
  /** Ports that the executor itself listens on: who may reach a sandbox may not reach what runs it. */
  readonly ownPorts: ReadonlySet<number>;
}

/** Forwards requests to ports of the sandbox. */
export function proxyRoutes(targets: ProxyTargets): RouteTable {
  const route = (call: Call) => forward(call, targets);
  return { '/proxy/{port}': { ANY: route }, '/proxy/{port}/{path*}': { ANY: route } };
}

async function forward({ request, response, params }: Call, { hosts, ownPorts }: ProxyTargets): Promise<void> {
  const socket = await connectTo(portOf(params, ownPorts), hosts);
  const outgoing = startRequest({ createConnection: () => socket, method: request.method, path: targetOf(request), headers: [...withHost(request, forwardedHeaders(request.rawHeaders, FRAMING)), ...framingOf(request)], setHost: false });
  response.once('close', () => outgoing.destroy());
  const answered = answerTo(outgoing);
  answered.catch(() => undefined); // told below
  const sent = pipeline(request, outgoing);
  sent.catch(() => undefined); // who answers before he has read all may close
  const answer = await answered.catch((error: unknown) => Promise.reject(noAnswer(error)));
  response.writeHead(answer.statusCode ?? 502, answer.statusMessage, forwardedHeaders(answer.rawHeaders));
  response.flushHeaders(); // a stream may have nothing to say for a while
  await pipeline(answer, response).catch(() => response.destroy()); // it has broken off, and so does what the caller gets
}

/**
 * The answer to a request. Its connection may end without one and without an error: node:http closes it when another protocol begins that nobody has asked for.
 *
 * @throws Error of the connection
 */
function answerTo(outgoing: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    outgoing.once('response', resolve).on('error', reject);
    outgoing.once('close', () => reject(new Error('the end of the connection, without an answer of HTTP')));
  });
}

/**
 * Forwards the handshake of a web socket: after the request, both sides are one stream.
 *
 * @param head first bytes after the request
 * @throws Refusal of status 400 or 502, before anything is sent
 */
export async function forwardUpgrade(request: IncomingMessage, client: Duplex, head: Buffer, params: Readonly<Record<string, string>>, { hosts, ownPorts }: ProxyTargets): Promise<void> {
  const socket = await connectTo(portOf(params, ownPorts), hosts);
  const headers = [...withHost(request, forwardedHeaders(request.rawHeaders)), 'Connection', 'Upgrade', 'Upgrade', 'websocket'];
  const lines = headers.flatMap((name, index) => (index % 2 === 0 ? [`${name}: ${headers[index + 1] ?? ''}`] : []));
  socket.write([`${request.method ?? 'GET'} ${targetOf(request)} HTTP/1.1`, ...lines, '', ''].join('\r\n'), 'latin1');
  socket.write(head);
  await Promise.all([pipeline(client, socket), pipeline(socket, client)]).catch(() => undefined);
  socket.destroy();
  client.destroy();
}

/** @throws Refusal of status 502 when nothing answers there */
async function connectTo(port: number, hosts: readonly string[]): Promise<Socket> {
  let problem: unknown;
  for (const host of hosts) {
    const socket = connect({ host, port, timeout: CONNECT_MS });
    socket.once('timeout', () => socket.destroy(new Error(`no connection within ${CONNECT_MS} ms`)));
    try {
      await once(socket, 'connect');
      socket.setTimeout(0);
      return socket;
    } catch (error) {
      problem = error;
    }
  }
  throw noAnswer(problem, port);
}

const noAnswer = (error: unknown, port?: number): Refusal => {
  const got = error instanceof Error ? error.message : String(error);
  return new Refusal(502, 'RUNTIME_ERROR', `port${port === undefined ? '' : ` ${port}`}: expected somebody of the sandbox to answer there, got ${got}`);
};

/** @throws Refusal of status 400 for what is no port, or one of ours */
function portOf({ port = '' }: Readonly<Record<string, string>>, ownPorts: ReadonlySet<number>): number {
  const number = /^\d{1,5}$/.test(port) ? Number(port) : 0;
  if (number < 1 || number > 65535) {
    throw badQuery({ path: 'port', expected: 'a number from 1 to 65535', got: `'${port.slice(0, 20)}'` });
  }
  if (ownPorts.has(number)) {
    throw badQuery({ path: 'port', expected: 'a port of the sandbox', got: `${number}, on which its executor listens; ask it directly` });
  }
  return number;
}

/** Path and query behind the port, as they came. */
const targetOf = ({ url = '' }: IncomingMessage): string => url.replace(/^\/proxy\/[^/?]*/, '').replace(/^(?!\/)/, '/');

/** A caller of HTTP/1.0 may name no host. */
const withHost = ({ headers }: IncomingMessage, raw: readonly string[]): string[] => (headers.host === undefined ? ['Host', 'sandbox', ...raw] : [...raw]);
