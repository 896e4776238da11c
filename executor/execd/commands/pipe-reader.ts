import { readSync } from 'node:fs';
import { Socket } from 'node:net';

/** Takes a piece of output, which is only there during the call; answers whether it takes more at once. */
export type TakeOutput = (piece: Buffer) => boolean;

/** Most that a pipe can hold: what is taken of it at once, so that a writer that goes on cannot keep us there. */
const LARGEST_PIPE_BYTES = 1024 * 1024;

/** One for all readers, since each piece is handled before the next is read. */
const piece = Buffer.allocUnsafe(65536);

/**
 * The reading end of a pipe. It is read as its bytes come, and not while they are not taken: then the writer waits.
 *
 * A writer that is left after the command reads no error: what it writes is thrown away, until it closes.
 */
export class PipeReader {
  private readonly socket: Socket;
  private take?: TakeOutput;
  /** Resolves when the last writer has closed, or after {@link close}. */
  readonly closed: Promise<void>;

  /** @param fd is closed by the reader */
  constructor(
    private readonly fd: number,
    take: TakeOutput,
  ) {
    this.take = take;
    const onread = { buffer: piece, callback: (length: number) => this.take?.(piece.subarray(0, length)) ?? true };
    this.socket = new Socket({ fd, readable: true, writable: false, onread });
    this.socket.on('error', () => this.socket.destroy());
    this.closed = new Promise((resolve) => this.socket.once('close', () => resolve()));
    this.socket.resume();
  }

  /** Reads on after a piece that was the last for now. */
  resume(): void {
    this.socket.resume();
  }

  /** Takes what has been written so far, whether there is room for it or not. */
  drain(): void {
    try {
      for (let taken = 0, length = -1; this.take !== undefined && length !== 0 && taken < LARGEST_PIPE_BYTES && !this.socket.destroyed; taken += length) {
        length = readSync(this.fd, piece);
        this.take(piece.subarray(0, length));
      }
    } catch {
      // EAGAIN: empty, but a process still holds it.
    }
  }

  /** Takes what the command wrote before it ended, and throws away all that follows. */
  finish(): void {
    this.drain();
    this.take = undefined;
    this.socket.resume();
  }

  /** Reads no more; who still writes gets an error for it. */
  close(): void {
    this.take = undefined;
    this.socket.destroy();
  }
}
