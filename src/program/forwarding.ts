import type { IncomingMessage } from 'node:http';

/**
 * Whether a request is the handshake of a web socket, as opposed to one that also offers to go on in another protocol, such as `h2c`: that one is
 * answered as it stands, which the offer leaves to the server.
 *
 * @see RFC 6455 section 4.1, RFC 9110 section 7.8
 */
export function isWebSocketHandshake({ method, headers }: Pick<IncomingMessage, 'method' | 'headers'>): boolean {
  const hasBody = headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
  return method === 'GET' && headers.upgrade?.trim().toLowerCase() === 'websocket' && !hasBody;
}

/** What says where the body of a request ends; forwarded by {@link framingOf} alone, whatever `Connection` says of it. */
export const FRAMING: readonly string[] = ['content-length', 'transfer-encoding'];

/**
 * Headers that mark the end of a forwarded request's body as that of the one that came was marked. Without them node:http sends the body of a GET or DELETE
 * as it is behind its head, where the next server takes it for the next request.
 *
 * @returns name and value; empty where there is no body
 */
export function framingOf({ headers }: Pick<IncomingMessage, 'headers'>): string[] {
  const { 'transfer-encoding': coding, 'content-length': length } = headers;
  if (coding !== undefined) return ['Transfer-Encoding', coding];
  return length === undefined ? [] : ['Content-Length', length];
}
