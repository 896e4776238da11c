import { closeSync, openSync, readdirSync, rmSync, unlinkSync, writeSync } from 'node:fs';
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { FILE_MODE } from './disk';

/**
 * One output stream on disk: files `<stream>.<offset>.log`, each named after the position of its first byte.
 *
 * The oldest file is dropped to stay within the bound, and positions keep counting (rule 23).
 */
export type LogStream = 'stdout' | 'stderr';

/** Files of one stream: the finer, the less is lost at once when the oldest goes. */
const SEGMENTS = 8;

const segmentFile = (stream: LogStream, start: number) => `${stream}.${start}.log`;

function segmentStarts(stream: LogStream, files: readonly string[]): readonly number[] {
  const pattern = new RegExp(`^${stream}\\.(\\d+)\\.log$`);
  return files.flatMap((file) => pattern.exec(file)?.[1] ?? []).map(Number).sort((a, b) => a - b);
}

/** Writes one stream into the current directory; never throws, since a full disk must not stop the task. */
export class LogWriter {
  private position = 0;
  private segment?: { readonly fd: number; readonly start: number };
  private firstError?: string;

  /** @param maxBytes most bytes on disk, at least {@link SEGMENTS} */
  constructor(
    private readonly stream: LogStream,
    private readonly maxBytes: number,
  ) {}

  /** The first error and where the output has its first gap; absent when all was written. */
  get lost(): string | undefined {
    return this.firstError;
  }

  write(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; ) {
      try {
        const { fd, start } = this.openSegment();
        const room = start + Math.floor(this.maxBytes / SEGMENTS) - this.position;
        const written = writeSync(fd, chunk, at, Math.min(room, chunk.length - at));
        at += written;
        this.position += written;
      } catch (error) {
        this.firstError ??= `${this.stream} is cut at byte ${this.position}: ${error instanceof Error ? error.message : String(error)}`;
        this.skip(chunk.length - at);
        return;
      }
    }
  }

  /** Counts bytes that are lost, so that positions stay those of the stream; what comes after them goes into a file of its own. */
  private skip(lostBytes: number): void {
    if (this.segment?.start === this.position) {
      rmSync(segmentFile(this.stream, this.position), { force: true }); // empty: it would only count against the bound
    }
    this.closeSegment();
    this.position += lostBytes;
  }

  private openSegment(): { readonly fd: number; readonly start: number } {
    const segmentBytes = Math.floor(this.maxBytes / SEGMENTS);
    if (this.segment !== undefined && this.position < this.segment.start + segmentBytes) {
      return this.segment;
    }
    this.closeSegment();
    const starts = segmentStarts(this.stream, readdirSync('.'));
    starts.slice(0, Math.max(0, starts.length - (SEGMENTS - 1))).forEach((start) => unlinkSync(segmentFile(this.stream, start)));
    this.segment = { fd: openSync(segmentFile(this.stream, this.position), 'a', FILE_MODE), start: this.position };
    return this.segment;
  }

  private closeSegment(): void {
    if (this.segment !== undefined) {
      closeSync(this.segment.fd);
      this.segment = undefined;
    }
  }
}

/** A piece of a stream. */
export interface LogChunk {
  /** Position of the first byte of `bytes`; behind the asked one when older bytes were dropped, or lost by an error of the disk. */
  readonly offset: number;
  readonly bytes: Buffer;
  /** Whether these are the last bytes of the stream so far. */
  readonly isEnd: boolean;
}

/** Reads at most `limit` bytes from position `offset` on; at the end of the stream there are none. What it returns has no gap. */
export async function readLog(directory: string, stream: LogStream, offset: number, limit: number): Promise<LogChunk> {
  const starts = segmentStarts(stream, await readdir(directory));
  const first = starts.findLast((start) => start <= offset) ?? starts[0];
  if (first === undefined) {
    return { offset: 0, bytes: Buffer.alloc(0), isEnd: true };
  }
  const pieces: Buffer[] = [];
  let from = Math.max(offset, first);
  let position = from;
  let isEnd = true;
  for (const start of starts.filter((start) => start >= first)) {
    isEnd = position - from < limit && (start <= position || position === from);
    if (!isEnd) {
      break; // the limit is reached, or bytes are lost here
    }
    if (start > position) {
      from = position = start;
    }
    const piece = await readPiece(join(directory, segmentFile(stream, start)), position - start, limit - (position - from));
    // The writer drops the oldest file while we read: what follows is no longer joined to what we have.
    if (piece === undefined) {
      isEnd = false;
      if (position > from) {
        break;
      }
      return readLog(directory, stream, offset, limit);
    }
    pieces.push(piece);
    position += piece.length;
  }
  return { offset: from, bytes: Buffer.concat(pieces), isEnd: isEnd && position - from < limit };
}

/** Undefined when the file has been dropped. */
async function readPiece(path: string, position: number, limit: number): Promise<Buffer | undefined> {
  try {
    const file = await open(path, 'r');
    try {
      const { size } = await file.stat();
      const length = Math.max(0, Math.min(limit, size - position));
      const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position);
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      return undefined;
    }
    throw error;
  }
}
