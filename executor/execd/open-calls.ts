import type { Duplex } from 'node:stream';
import type { Clock } from '../../src/program/clock';

/** Longest wait for work whose connection is broken, in ms: what a file system that hangs holds may never end. */
const END_LIMIT_MS = 10_000;

/** What is done for callers: the work for each request, and the connections that they came by. */
export class OpenCalls {
  private readonly connections = new Set<Duplex>();
  private readonly working = new Set<Promise<void>>();

  constructor(private readonly clock: Clock) {}

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

  /**
   * Breaks every connection by which anything was asked, also one on which nothing is asked now, and returns when the work for them is done, or after 10 s.
   *
   * @returns how much of it goes on
   */
  async end(): Promise<number> {
    this.connections.forEach((connection) => connection.destroy());
    const working = [...this.working];
    const over = new AbortController();
    await Promise.race([Promise.all(working), this.clock.sleep(END_LIMIT_MS, over.signal)]);
    over.abort();
    return working.filter((work) => this.working.has(work)).length;
  }
}
