import type { ServerResponse } from 'node:http';
import type { Clock } from '../../../src/program/clock';
import type { ExecdCodeEvent, ExecdEventError } from '../../../src/schema/execd-api';
import { formatEvent, formatLines } from './events';

/** Pause between two signs of life, in ms: less than anybody's patience with a silent stream. */
const PING_EVERY_MS = 3_000;

/**
 * The answer to a run: `init` first, then output, and `error` or `execution_complete` last. Each event leaves at once.
 *
 * A caller that has gone gets nothing more, and nobody is told: look at the `close` of the response.
 */
export class EventStream {
  private cancelPing = () => {};

  constructor(
    private readonly response: ServerResponse,
    private readonly clock: Clock,
  ) {}

  /** @param id of the command, or of the session or context that it runs in */
  begin(id: string): void {
    this.response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache', 'x-accel-buffering': 'no' });
    const timestamp = this.nowMs();
    this.response.write(formatEvent({ type: 'init', text: id, timestamp }) + formatEvent({ type: 'ping', text: 'pong', timestamp }));
    this.schedulePing();
    this.response.once('close', () => this.cancelPing());
  }

  /** @returns whether there is room for more; `drain` of the response says when there is again */
  writeLines(type: 'stdout' | 'stderr', lines: readonly string[]): boolean {
    return lines.length === 0 || this.response.destroyed || this.response.write(formatLines(type, lines, this.nowMs()));
  }

  /** What only a code context tells. */
  tell(event: ExecdCodeEvent): void {
    if (!this.response.destroyed) {
      this.response.write(formatEvent({ ...event, timestamp: this.nowMs() }));
    }
  }

  /** The last event: the run has succeeded. */
  complete(executionTimeMs: number): void {
    this.end(formatEvent({ type: 'execution_complete', execution_time: Math.round(executionTimeMs), timestamp: this.nowMs() }));
  }

  /** The last event: the run has failed. */
  fail(error: ExecdEventError): void {
    this.end(formatEvent({ type: 'error', error, timestamp: this.nowMs() }));
  }

  private end(event: string): void {
    this.cancelPing();
    this.response.end(event);
  }

  private schedulePing(): void {
    this.cancelPing = this.clock.setTimer(PING_EVERY_MS, () => {
      this.response.write(formatEvent({ type: 'ping', text: 'pong', timestamp: this.nowMs() }));
      this.schedulePing();
    });
  }

  private nowMs(): number {
    return this.clock.now().getTime();
  }
}
