import { createSecureContext } from 'node:tls';
import { Pool, type Dispatcher } from 'undici';
import type { KubeConnection } from './connection';

/** Errors in a row after which the connections are thrown away: a wedged one can fail for the life of the process. */
const ERRORS_BEFORE_REBUILD = 5;

/** Cloud load balancers drop connections that stay silent longer than about a minute. */
const TCP_KEEP_ALIVE_MS = 30_000;

/** A kept connection is closed by us first: the API server closes idle ones after 90 s. */
const IDLE_MS = 60_000;

const CONNECT_TIMEOUT_MS = 5_000;

/** Headers of a watch come at once; a call has its own, shorter deadline. */
const HEADERS_TIMEOUT_MS = 30_000;

/**
 * A set of HTTP/1.1 connections to the API server that is built anew after several transport errors in a row.
 *
 * One request at a time goes over a connection, so no answer waits behind another, and a watch has one to itself.
 */
export class Connections {
  private pool: Dispatcher;
  private errorsInRow = 0;

  /** @param max most connections; absent means as many as there are requests at once */
  constructor(
    private readonly connection: KubeConnection,
    private readonly max?: number,
  ) {
    this.pool = this.open();
  }

  get dispatcher(): Dispatcher {
    return this.pool;
  }

  /** An answer came, whatever its status. */
  recordAnswer(): void {
    this.errorsInRow = 0;
  }

  /** A request ended without an answer. */
  recordError(): void {
    this.errorsInRow += 1;
    if (this.errorsInRow >= ERRORS_BEFORE_REBUILD) this.rebuild();
  }

  /** Opens new connections with the credentials of now; requests under way end on the old ones. */
  rebuild(): void {
    const old = this.pool;
    this.pool = this.open();
    this.errorsInRow = 0;
    // Every request carries a deadline or a signal, so this ends; a failure to close leaves nothing to do.
    old.close().catch(() => undefined);
  }

  /** Breaks all connections. */
  async destroy(): Promise<void> {
    await this.pool.destroy();
  }

  /** With one context for all connections, so that certificates are read once. What makes none, such as a key of another certificate amid a renewal, fails each connection. */
  private tls(): object {
    const options = this.connection.tls();
    if (this.connection.server.protocol !== 'https:') return options;
    const { ca, cert, key, ...rest } = options;
    try {
      return { ...rest, secureContext: createSecureContext({ ca, cert, key }) };
    } catch {
      return options;
    }
  }

  private open(): Dispatcher {
    if (this.connection.open !== undefined) return this.connection.open(this.max);
    return new Pool(this.connection.server.origin, {
      connections: this.max ?? null,
      pipelining: 1,
      allowH2: false,
      keepAliveTimeout: IDLE_MS,
      keepAliveMaxTimeout: IDLE_MS,
      headersTimeout: HEADERS_TIMEOUT_MS,
      bodyTimeout: 0,
      connect: {
        ...this.tls(),
        keepAlive: true,
        keepAliveInitialDelay: TCP_KEEP_ALIVE_MS,
        timeout: CONNECT_TIMEOUT_MS,
      },
    });
  }
}
