import { type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { ExecdErrorBody } from '../../src/schema/execd-api';
import type { Refusal } from './refusal';

/** Answers with a value as JSON. */
export function sendJson(response: ServerResponse, value: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): void {
  sendBody(response, JSON.stringify(value), 'application/json', status, headers);
}

/** Answers with a body that is there as a whole. */
export function sendBody(response: ServerResponse, body: string | Uint8Array, type: string, status = 200, headers: Readonly<Record<string, string>> = {}): void {
  response.writeHead(status, { ...headers, 'content-type': type, 'content-length': Buffer.byteLength(body) });
  response.end(body);
}

/** Answers that all is done. The length is said: the JavaScript SDK parses a body without one as JSON. */
export function sendEmpty(response: ServerResponse): void {
  response.writeHead(200, { 'content-length': '0' });
  response.end();
}

/** Answers with an error; where an answer has begun, only its end can tell of one. */
export function sendRefusal(response: ServerResponse, { status, code, message, headers }: Refusal): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  sendJson(response, { code, message } satisfies ExecdErrorBody, status, headers);
}

/** Answers a request to become another protocol with an error, and ends its connection. */
export function refuseUpgrade(socket: Duplex, { status, code, message, headers }: Refusal): void {
  const body = JSON.stringify({ code, message } satisfies ExecdErrorBody);
  const all = { ...headers, 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), connection: 'close' };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  socket.end([`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`, ...lines, '', body].join('\r\n'));
}
