import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a task waits for: an HTTP server that answers nobody until it is opened, and then everybody at once. */
export class Gate {
  private readonly server = createServer((_request, response) => (this.isOpen ? response.end() : this.waiting.push(response)));
  private readonly waiting: ServerResponse[] = [];
  private isOpen = false;

  private constructor() {}

  /** Makes a closed gate on an address of this machine. */
  static async listen(host: string): Promise<Gate> {
    const gate = new Gate();
    gate.server.listen(0, host);
    await once(gate.server, 'listening');
    return gate;
  }

  get url(): string {
    const { address, port } = this.server.address() as AddressInfo;
    return `http://${address}:${port}/`;
  }

  /** Answers whoever waits, and from now on whoever asks. */
  open(): void {
    this.isOpen = true;
    for (const response of this.waiting.splice(0)) response.end();
  }

  /** Ends the server and its connections. */
  close(): void {
    this.server.closeAllConnections();
    this.server.close();
  }
}
