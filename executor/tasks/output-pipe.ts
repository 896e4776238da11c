import { closeSync, constants as fsConstants, fchownSync, openSync, readSync, unlinkSync } from 'node:fs';
import { Socket } from 'node:net';
import { type LogStream, LogWriter } from './log-files';
import { OUTPUT_FIFOS } from './runner-protocol';

/** Bytes taken from a pipe at the task's end: the most that a pipe can hold, so that a writer left behind cannot keep us here. */
const LARGEST_PIPE_BYTES = 1024 * 1024;

/** The reading end of one FIFO, and the writing end until the task has it. */
export class OutputPipe {
  private readonly readFd: number;
  readonly writeFd: number;
  private log?: LogWriter;
  private socket?: Socket;
  private ended = false;

  constructor(private readonly stream: LogStream) {
    const path = OUTPUT_FIFOS[stream];
    this.readFd = openSync(path, fsConstants.O_RDONLY | fsConstants.O_NONBLOCK);
    this.writeFd = openSync(path, fsConstants.O_WRONLY);
    unlinkSync(path);
  }

  get lost(): string | undefined {
    return this.log?.lost;
  }

  /** Gives the pipe to a user, so that his programs can open /dev/stdout. */
  giveTo(uid: number, gid: number): void {
    fchownSync(this.writeFd, uid, gid);
  }

  /** Copies to the log until the last writer has closed; the task has the writing end now. Once is enough. */
  follow(maxBytes: number): void {
    if (this.log !== undefined) {
      return;
    }
    closeSync(this.writeFd);
    const log = new LogWriter(this.stream, maxBytes);
    this.log = log;
    this.socket = new Socket({ fd: this.readFd, readable: true, writable: false })
      .on('data', (chunk) => log.write(chunk))
      .on('error', () => undefined)
      .on('close', () => (this.ended = true));
  }

  /** Takes what the task wrote before it ended, so that its output is complete when its result shows. */
  drain(): void {
    const chunk = Buffer.alloc(65536);
    try {
      for (let taken = 0, bytes = -1; bytes !== 0 && taken < LARGEST_PIPE_BYTES && !this.ended; taken += bytes) {
        bytes = readSync(this.readFd, chunk);
        this.log?.write(chunk.subarray(0, bytes));
      }
    } catch {
      // EAGAIN: empty, but a process that the task left behind still holds it.
    }
  }

  /** Takes what is there and nothing more: a writer that is left cannot keep us here. */
  close(): void {
    this.drain();
    this.ended = true;
    this.socket?.destroy();
  }
}
