import type { WebSocket } from 'ws';
import { constants } from 'node:os';
import * as z from 'zod/mini';
import type { Terminal, TerminalViewer } from './terminal';

/** First byte of a binary frame. */
const Frame = { input: 0, output: 1, replay: 3 } as const;

/** Bytes that may wait for a viewer; above it the terminal waits for him. */
const MOST_WAITING_BYTES = 1024 * 1024;

const REPLAY_PIECE_BYTES = 65_536;

const size = z.int().check(z.minimum(1), z.maximum(65_535));
const clientFrame = z.discriminatedUnion('type', [
  z.object({ type: z.literal('stdin'), data: z.string() }),
  z.object({ type: z.literal('resize'), cols: size, rows: size }),
  z.object({ type: z.literal('signal'), signal: z.enum(Object.keys(constants.signals) as [NodeJS.Signals, ...NodeJS.Signals[]]) }),
  z.object({ type: z.literal('ping') }),
]);

/** One client of a terminal: binary frames carry bytes, frames of JSON all else. */
export class SocketViewer implements TerminalViewer {
  constructor(
    private readonly socket: WebSocket,
    private readonly terminal: Terminal,
  ) {}

  /**
   * Greets the client, sends it what is kept from `since` on, and connects it with the terminal until it goes.
   *
   * @param since position in the output; absent means that nothing is sent again, and to the first client all, as if it had been there
   */
  attach(id: string, since: number | undefined): void {
    const { terminal, socket } = this;
    socket.on('error', () => socket.terminate()); // also one that only waits to be closed: without a listener its frames could end the executor
    this.sendJson({ type: 'connected', session_id: id, mode: 'pty' });
    if (since !== undefined) {
      this.sendKept(since, replayHead);
    } else if (!terminal.hasBeenSeen) {
      this.sendKept(0, () => Buffer.of(Frame.output));
    }
    terminal.hasBeenSeen = true;
    if (terminal.exitCode !== undefined) {
      this.exited(terminal.exitCode);
      return;
    }
    terminal.viewer = this;
    terminal.resume();
    socket.on('message', (data, isBinary) => this.receive(data, isBinary));
    socket.once('close', () => {
      if (terminal.viewer === this) {
        terminal.viewer = undefined;
        terminal.resume();
      }
    });
  }

  show(piece: Buffer): boolean {
    this.socket.send(Buffer.concat([Buffer.of(Frame.output), piece]), () => this.terminal.resume());
    return this.socket.bufferedAmount < MOST_WAITING_BYTES;
  }

  exited(exitCode: number): void {
    this.sendJson({ type: 'exit', exit_code: exitCode });
    this.socket.close(1000);
  }

  /** Another client has come in its place. */
  leave(): void {
    this.sendJson({ type: 'error', code: 'SESSION_GONE', error: 'another client has taken the terminal over' });
    this.socket.close(1000);
  }

  private receive(data: Buffer, isBinary: boolean): void {
    if (this.terminal.viewer !== this) {
      return; // until it has closed, it can send what is for nobody any more
    }
    if (isBinary && data[0] === Frame.input) {
      this.input(data.subarray(1));
      return;
    }
    const frame = isBinary ? undefined : clientFrame.safeParse(parseJson(data.toString('utf8'))).data;
    switch (frame?.type) {
      case 'stdin':
        return this.input(Buffer.from(frame.data));
      case 'resize':
        return this.terminal.resize({ columns: frame.cols, rows: frame.rows });
      case 'signal':
        return this.terminal.signal(frame.signal);
      case 'ping':
        return this.sendJson({ type: 'pong' });
      case undefined:
        return this.sendJson({ type: 'error', code: 'INVALID_FRAME', error: 'expected input, resize, signal or ping, got another frame' });
    }
  }

  private input(bytes: Buffer): void {
    if (!this.terminal.write(bytes)) {
      this.socket.pause();
      this.terminal.onceWritable(() => this.socket.resume());
    }
  }

  /** @param toHead what a frame has in front, by the position after its last byte */
  private sendKept(since: number, toHead: (end: number) => Buffer): void {
    const { from, to } = this.terminal.log.rangeFrom(since, true);
    for (let at = from; at < to; ) {
      const piece = Buffer.alloc(Math.min(REPLAY_PIECE_BYTES, to - at));
      at += this.terminal.log.readAt(at, piece) ?? piece.length;
      this.socket.send(Buffer.concat([toHead(at), piece]));
    }
  }

  private sendJson(frame: Readonly<Record<string, unknown>>): void {
    this.socket.send(JSON.stringify(frame));
  }
}

function replayHead(end: number): Buffer {
  const head = Buffer.alloc(9, Frame.replay);
  head.writeBigUInt64BE(BigInt(end), 1);
  return head;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
