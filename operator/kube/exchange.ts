import type { Dispatcher } from 'undici';
import { TransportError } from './api-error';

/** One HTTP request. */
export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Path and query. */
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body?: string;
  /** Called when the request is about to leave, after every wait for a connection; what it throws keeps the request here. */
  readonly beforeSend?: () => void;
}

/** Its answer. */
export interface HttpAnswer {
  readonly status: number;
  readonly retryAfter?: string;
  /** Empty when the body went to a {@link StreamReader}. */
  readonly body: string;
}

/** Takes the body of a good answer piece by piece, in the same turn as the socket delivers it. A throw ends the exchange. */
export interface StreamReader {
  /** The headers of a good answer are there. */
  onOpen(): void;
  onData(chunk: Buffer): void;
}

/**
 * Sends a request and reads the answer, on undici's own handler interface: no stream objects between socket and reader.
 *
 * @throws TransportError when no complete answer came; the reason of the signal when it aborts; what `beforeSend` throws
 */
export function exchange(
  dispatcher: Dispatcher,
  request: HttpRequest,
  signal: AbortSignal,
  reader?: StreamReader,
): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    let running: Dispatcher.DispatchController | undefined;
    let status = 0;
    let retryAfter: string | undefined;
    let over = false;
    const chunks: Buffer[] = [];

    const end = () => {
      over = true;
      signal.removeEventListener('abort', abort);
    };
    const fail = (reason: unknown) => {
      if (over) return;
      end();
      const error = reason instanceof Error ? reason : new TransportError(String(reason));
      reject(error);
      running?.abort(error);
    };
    const abort = () => fail(signal.reason);
    if (signal.aborted) {
      abort();
      return;
    }
    signal.addEventListener('abort', abort, { once: true });

    const handler: Dispatcher.DispatchHandler = {
      onRequestStart: (controller) => {
        running = controller;
        if (over) {
          controller.abort(new TransportError('given up')); // while it waited for a free connection
          return;
        }
        try {
          request.beforeSend?.();
        } catch (error) {
          fail(error);
        }
      },
      onResponseStart: (_controller, statusCode, headers) => {
        status = statusCode;
        const value = headers['retry-after'];
        retryAfter = typeof value === 'string' ? value : undefined;
        if (statusCode <= 299) reader?.onOpen();
      },
      onResponseData: (_controller, chunk) => {
        if (over) return;
        if (reader === undefined || status > 299) {
          chunks.push(chunk);
          return;
        }
        try {
          reader.onData(chunk);
        } catch (error) {
          fail(error);
        }
      },
      onResponseEnd: () => {
        end();
        const [only] = chunks;
        const body = chunks.length === 1 && only !== undefined ? only.toString() : Buffer.concat(chunks).toString();
        resolve({ status, retryAfter, body });
      },
      onResponseError: (_controller, error) =>
        fail(new TransportError(`${request.method} ${request.path}: ${error.message === '' ? error.name : error.message}`, { cause: error })),
    };
    try {
      // Without `reset: false` undici closes the connection after each DELETE that has a body, and ours carry preconditions.
      const options = { method: request.method, path: request.path, headers: request.headers, body: request.body ?? null, reset: false };
      dispatcher.dispatch(options, handler);
    } catch (error) {
      fail(error);
    }
  });
}
