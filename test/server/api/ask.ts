import { once } from 'node:events';
import { type IncomingMessage, request as httpRequest } from 'node:http';
import { text } from 'node:stream/consumers';
import { KEY } from '../server-in-process';

/** An answer as it came over the socket. */
export interface RawAnswer {
  readonly status: number;
  readonly message: IncomingMessage;
  readonly body: string;
}

/** What to ask. */
export interface Asking {
  readonly method?: string;
  /** Names and values in turns. */
  readonly headers?: readonly string[];
  readonly body?: string;
}

/** Asks the server at a port of this machine, with the API key unless there are other headers. */
export async function ask(port: number, path: string, { method = 'GET', headers = ['open-sandbox-api-key', KEY], body }: Asking = {}): Promise<RawAnswer> {
  const request = httpRequest({ host: '127.0.0.1', port, path, method, headers: ['Host', 'server.example', ...headers] });
  request.end(body);
  const [message] = (await once(request, 'response')) as [IncomingMessage];
  return { status: message.statusCode ?? 0, message, body: await text(message) };
}
