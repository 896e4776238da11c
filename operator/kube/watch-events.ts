import type { KubeObject } from '../../src/schema/kubernetes';
import { ApiError, type ApiStatus } from './api-error';

/** One line of a watch. */
export type WatchEvent<T extends KubeObject> =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: T; readonly version: string }
  | { readonly type: 'BOOKMARK'; readonly version: string };

/** A line that is no watch event. */
export class BadWatchLineError extends Error {
  override readonly name = 'BadWatchLineError';
}

const NEWLINE = 0x0a;

/** Cuts the bytes of a watch into lines and the lines into events, each as soon as its last byte is there. */
export class WatchEventReader<T extends KubeObject> {
  /** Bytes of a line whose end has not come. */
  private rest: Buffer[] = [];

  constructor(private readonly onEvent: (event: WatchEvent<T>) => void) {}

  /** @throws BadWatchLineError; ApiError for an ERROR event, such as an expired version */
  push(chunk: Buffer): void {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      const line = this.rest.length === 0 ? chunk.toString('utf8', start, end) : this.joinRest(chunk.subarray(start, end));
      start = end + 1;
      if (line !== '') this.onEvent(parseLine<T>(line));
    }
    // A copy, since the piece belongs to the socket's buffer.
    if (start < chunk.length) this.rest.push(Buffer.from(chunk.subarray(start)));
  }

  private joinRest(last: Buffer): string {
    const line = Buffer.concat([...this.rest, last]).toString('utf8');
    this.rest = [];
    return line;
  }
}

function parseLine<T extends KubeObject>(line: string): WatchEvent<T> {
  let event: { readonly type?: unknown; readonly object?: T & ApiStatus & { readonly code?: number } } | null;
  try {
    event = JSON.parse(line) as typeof event;
  } catch (error) {
    throw new BadWatchLineError(`watch: expected a line of JSON, got '${line.slice(0, 200)}'`, { cause: error });
  }
  const type = event?.type;
  const object = event?.object;
  if (type === 'ERROR' && object !== undefined) {
    throw new ApiError(object.code ?? 500, object.reason ?? '', `watch: ${object.message ?? 'error event'}`, object.details);
  }
  const version = object?.metadata?.resourceVersion;
  if (object !== undefined && version !== undefined) {
    if (type === 'BOOKMARK') return { type, version };
    if (type === 'ADDED' || type === 'MODIFIED' || type === 'DELETED') return { type, object, version };
  }
  throw new BadWatchLineError(`watch: expected an event with an object and its version, got '${line.slice(0, 200)}'`);
}
