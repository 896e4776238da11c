import { EventEmitter, once } from 'node:events';
import { closeSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { Readable } from 'node:stream';

/** Bytes of one file of a container's log; two files are kept, so a log holds the last 5 to 10 MiB. The kubelet's default is 10 MiB. */
const SEGMENT_BYTES = 5 * 1024 * 1024;

/**
 * Output of one container on disk, bounded: when the current file is full, it replaces the previous one.
 *
 * Both streams go to one log, as `kubectl logs` shows them.
 */
export class ContainerLog {
  private readonly events = new EventEmitter();
  private descriptor: number;
  private segmentBytes = 0;
  private closed = false;

  /** @param path file of the newest output; the older half is at `<path>.1` */
  constructor(
    private readonly path: string,
    private readonly maxSegmentBytes = SEGMENT_BYTES,
  ) {
    this.descriptor = openSync(path, 'w', 0o600);
    this.events.setMaxListeners(0);
  }

  /** Adds output. What arrives after {@link close} is dropped. */
  append(chunk: Buffer): void {
    if (this.closed) return;
    if (this.segmentBytes + chunk.length > this.maxSegmentBytes && this.segmentBytes > 0) this.startSegment();
    writeSync(this.descriptor, chunk);
    this.segmentBytes += chunk.length;
    this.events.emit('output', chunk);
    this.events.emit('change');
  }

  /** All output that is kept. */
  read(): Buffer {
    return Buffer.concat([readIfThere(`${this.path}.1`), readIfThere(this.path)]);
  }

  /** What is kept, or its last lines. */
  snapshot(tailLines?: number): AsyncIterable<Buffer> {
    return Readable.from([lastLines(this.read(), tailLines)]);
  }

  /** What is kept, or its last lines, and then what comes, until the log is closed or the signal aborts. */
  async *follow(signal: AbortSignal, tailLines?: number): AsyncGenerator<Buffer> {
    const pending: Buffer[] = [lastLines(this.read(), tailLines)];
    const collect = (chunk: Buffer) => pending.push(chunk);
    this.events.on('output', collect);
    try {
      for (;;) {
        for (let chunk = pending.shift(); chunk !== undefined; chunk = pending.shift()) yield chunk;
        if (this.closed || signal.aborted) return;
        await once(this.events, 'change', { signal }).catch(() => undefined);
      }
    } finally {
      this.events.off('output', collect);
    }
  }

  /** Ends the log; what was written stays readable. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    closeSync(this.descriptor);
    this.events.emit('change');
  }

  private startSegment(): void {
    closeSync(this.descriptor);
    renameSync(this.path, `${this.path}.1`);
    this.descriptor = openSync(this.path, 'w', 0o600);
    this.segmentBytes = 0;
  }
}

function readIfThere(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch {
    return Buffer.alloc(0);
  }
}

/** The last `count` lines of a text; all of it when there is no count. */
function lastLines(text: Buffer, count: number | undefined): Buffer {
  if (count === undefined) return text;
  let start = text.length;
  // The newline at the very end of the text ends a line and does not begin one.
  for (let left = count; left > 0 && start > 0; left -= 1) start = start < 2 ? 0 : text.lastIndexOf('\n', start - 2) + 1;
  return text.subarray(start);
}
