import { randomBytes } from 'node:crypto';
import { closeSync, constants, openSync, readSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { FILE_MODE } from '../../tasks/disk';
import { TEMPORARY } from '../../tasks/atomic-file';
import { codeOf } from '../../tasks/task-process';

/** Most bytes kept of the output of one command; the oldest go first, and positions go on counting. */
export const MOST_LOG_BYTES = 8 * 1024 * 1024;

/** A part of a log by positions: `to` is the one after its last byte, where to read on. */
export interface LogRange {
  readonly from: number;
  readonly to: number;
}

/**
 * The last bytes of what a command wrote, in a file that has no name: it vanishes with the log or with the server, however that ends. Written around:
 * byte n lies at n modulo the size.
 */
export class OutputLog {
  private fd?: number;
  private length = 0;
  /** Why some of the output is missing. */
  problem?: string;

  /** @param directory where there is room for it */
  constructor(
    private readonly directory: string,
    private readonly maxBytes = MOST_LOG_BYTES,
  ) {}

  /** Bytes that it takes on disk. */
  get size(): number {
    return Math.min(this.length, this.maxBytes);
  }

  /** Where there is no room for it, it is lost, and all that follows: the command goes on. Without output there is no file. */
  write(piece: Buffer): void {
    if (this.problem === undefined && piece.length > 0) {
      try {
        this.append(piece);
      } catch (error) {
        this.problem = `output is lost: ${codeOf(error)}`;
      }
    }
  }

  /**
   * Where what was written from position `cursor` on lies now; it begins with the first byte that is kept.
   *
   * @param isWhole whether nothing will follow; else a character that has begun waits for its rest
   */
  rangeFrom(cursor: number, isWhole: boolean): LogRange {
    const from = Math.max(cursor, this.length - this.maxBytes);
    if (from >= this.length) {
      return { from: this.length, to: this.length };
    }
    const tail = Buffer.alloc(Math.min(MOST_BEGUN_BYTES, this.length - from));
    this.readAt(this.length - tail.length, tail);
    return { from, to: isWhole ? this.length : this.length - begunBytes(tail) };
  }

  /**
   * Fills the begin of `piece` with what lies from position `from` on.
   *
   * @returns bytes read, or undefined when they are not kept any more
   */
  readAt(from: number, piece: Buffer): number | undefined {
    if (this.fd === undefined || from < this.length - this.maxBytes) {
      return undefined;
    }
    const position = from % this.maxBytes;
    const first = readSync(this.fd, piece, 0, Math.min(piece.length, this.length - from, this.maxBytes - position), position);
    const rest = Math.min(piece.length, this.length - from) - first;
    return rest > 0 ? first + readSync(this.fd, piece, first, rest, 0) : first;
  }

  close(): void {
    if (this.fd !== undefined) {
      closeSync(this.fd);
      this.fd = undefined;
    }
  }

  private append(piece: Buffer): void {
    this.fd ??= openNameless(this.directory);
    for (let at = Math.max(0, piece.length - this.maxBytes), start = this.length; at < piece.length; ) {
      const position = (start + at) % this.maxBytes;
      at += writeSync(this.fd, piece, at, Math.min(piece.length - at, this.maxBytes - position), position);
    }
    this.length += piece.length;
  }
}

function openNameless(directory: string): number {
  const path = join(directory, `.log-${randomBytes(8).toString('hex')}${TEMPORARY}`);
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, FILE_MODE);
  unlinkSync(path);
  return fd;
}

/** A character of UTF-8 has one more than this. */
const MOST_BEGUN_BYTES = 3;

/** Bytes at the end that begin a character of UTF-8 whose rest is not there yet. */
function begunBytes(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(MOST_BEGUN_BYTES, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back] ?? 0;
    if ((byte & 0b1100_0000) !== 0b1000_0000) {
      const length = byte >= 0b1111_0000 ? 4 : byte >= 0b1110_0000 ? 3 : byte >= 0b1100_0000 ? 2 : 1;
      return length > back ? back : 0;
    }
  }
  return 0;
}
