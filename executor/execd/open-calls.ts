import type { Duplex } from 'node:stream';

/** What is done for callers: the work for each request, and the connections that they came by. */
export class OpenCalls {
  private readonly connections = new Set<Duplex>();
  private readonly working = new Set<Promise<void>>();

  /**
   * Notes the work for a request until it is done, and its connection until that is closed.
   *
   * @param work never rejects
   */
  async follow(connection: Duplex, work: Promise<void>): Promise<void> {
    if (!connection.destroyed && !this.connections.has(connection)) {
      this.connections.add(connection);
      connection.once('close', () => this.connections.delete(connection));
    }
    this.working.add(work);
    await work;
    this.working.delete(work);
  }

  /** Breaks every connection, also one on which nothing is asked now, and returns when the work for them is done. */
  async end(): Promise<void> {
    this.connections.forEach((connection) => connection.destroy());
    await Promise.all(this.working);
  }
}
