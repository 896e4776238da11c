/**
 * The part of the package `ws` that terminals use: the package itself has no types.
 *
 * @see https://github.com/websockets/ws/blob/8.23.0/doc/ws.md
 */
declare module 'ws' {
  import type { IncomingMessage } from 'node:http';
  import type { Duplex } from 'node:stream';

  /** One connection. */
  export class WebSocket {
    /** Bytes that wait to be sent. */
    readonly bufferedAmount: number;
    on(event: 'message', listener: (data: Buffer, isBinary: boolean) => void): this;
    on(event: 'error', listener: (error: Error) => void): this;
    once(event: 'close', listener: () => void): this;
    /** Sends a message, as text when it is one; `sent` is called when it has left, or with the reason why it has not. */
    send(data: Buffer | string, sent?: (error?: Error) => void): void;
    /** Stops and goes on to read. */
    pause(): void;
    resume(): void;
    close(code: number): void;
    /** Breaks the connection. */
    terminate(): void;
  }

  /** Makes connections of HTTP requests that ask for an upgrade. */
  export class WebSocketServer {
    constructor(options: {
      readonly noServer: true;
      /** Longest message read, in bytes. */
      readonly maxPayload: number;
      readonly perMessageDeflate: false;
    });
    handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer, opened: (webSocket: WebSocket) => void): void;
  }
}
