import type { ListenAddress } from '../../src/schema/settings';
import { listen, type WebServer } from '../web-server';
import type { ExecdApp, ExecdOptions } from './app';
import { createExecdServer } from './server';

/** Most connections at a time: commands hold theirs while they run. */
const MOST_CONNECTIONS = 1024;
/** So long after it began to listen, what the first request needs is made ready, in ms: pods of a warm pool wait longer. */
const WARM_UP_AFTER_MS = 5_000;

/**
 * The port of the API of commands and files. The API itself is loaded by the first request, or after some seconds without one: the start of a sandbox pays for a port only,
 * and the first command of one from a warm pool for nothing but itself.
 */
export class ExecdListener {
  private app?: Promise<ExecdApp>;
  private server?: WebServer;
  private isEnding = false;
  private isClosed = false;
  private cancelWarmUp?: () => void;
  private rehearsing?: AbortController;
  private rehearsal?: Promise<void>;

  constructor(
    private readonly options: ExecdOptions,
    private readonly create: () => Promise<ExecdApp> = async () => new (await import('./app.js')).ExecdApp(options),
  ) {}

  /** @throws the error of the system, such as EADDRINUSE */
  async listen(address: ListenAddress): Promise<number> {
    const server = createExecdServer(() => this.load());
    this.server = await listen(server, address, MOST_CONNECTIONS);
    this.cancelWarmUp = this.options.clock.setTimer(WARM_UP_AFTER_MS, () => void this.warmUp());
    return this.server.port;
  }

  /**
   * Ends every command, every connection and all that is done for them; nothing can be asked for until {@link open}.
   *
   * @returns how many requests go on for all that, as {@link ExecdApp.end} has it
   */
  async end(): Promise<number> {
    this.isEnding = true;
    await this.endRehearsal();
    return (await (await this.app)?.end()) ?? 0;
  }

  /** All can be asked for again after {@link end}; nothing after {@link close}, which a reset may outlast: what it made then would stay in the data directory. */
  async open(): Promise<void> {
    if (this.isClosed) return;
    this.isEnding = false;
    const app = await this.app;
    if (!this.isEnding) app?.open();
  }

  /** Ends every command, and lets open answers leave. */
  async close(): Promise<void> {
    this.isEnding = true;
    this.isClosed = true;
    this.cancelWarmUp?.();
    await this.endRehearsal();
    const app = await this.app;
    await app?.stop();
    await this.server?.close();
    await app?.end(); // such as an upload that was broken off
  }

  private async endRehearsal(): Promise<void> {
    this.rehearsing?.abort();
    await this.rehearsal;
  }

  private async warmUp(): Promise<void> {
    const app = await this.load();
    if (this.isEnding) return;
    app.warmUp();
    this.rehearsing = new AbortController();
    this.rehearsal = app.rehearse(this.rehearsing.signal).catch(() => undefined); // what fails costs the first command its time
  }

  private load(): Promise<ExecdApp> {
    this.app ??= this.create().then(async (app) => {
      if (this.isEnding) await app.end();
      return app;
    });
    return this.app;
  }
}
