/**
 * The part of the package `ws` that the API server uses: the package itself has no types.
 *
 * @see https://github.com/websockets/ws/blob/8.23.0/doc/ws.md
 */
declare module 'ws' {
  import type { IncomingMessage } from 'node:http';
  import type { Duplex } from 'node:stream';

  /** One connection. */
  export class WebSocket {
    /** Subprotocol that both sides speak. */
    readonly protocol: string;
    on(event: 'message', listener: (data: Buffer, isBinary: boolean) => void): this;
    on(event: 'close', listener: () => void): this;
    on(event: 'error', listener: (error: Error) => void): this;
    /** Sends a message; `sent` is called when it has left, or with the reason why it has not. */
    send(data: Buffer, sent: (error?: Error) => void): void;
    close(code: number): void;
    /** Breaks the connection. */
    terminate(): void;
  }

  /** Makes connections of HTTP requests that ask for an upgrade. */
  export class WebSocketServer {
    constructor(options: {
      readonly noServer: true;
      /** The subprotocol to speak, of those that the client offers. */
      readonly handleProtocols: (offered: ReadonlySet<string>) => string | false;
      /** Longest message read, in bytes. */
      readonly maxPayload: number;
    });
    readonly clients: ReadonlySet<WebSocket>;
    handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer, opened: (webSocket: WebSocket) => void): void;
  }
}
