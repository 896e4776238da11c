import type { Clock } from '../../src/program/clock';

/** Bytes of an answer that is read at once, whatever else is being read; most have a few hundred. */
const SMALL_BYTES = 64 * 1024;
/** Most bytes that are held of all answers together: an eighth of the memory that an operator has by default. */
const ROOM_BYTES = 64 * 1024 * 1024;
/** For each ms that it takes to make sense of a large answer, all large ones wait this many. */
const REST = 4;

/** A body of an answer, as undici gives it. */
export type AnswerBody = AsyncIterable<Uint8Array>;

/**
 * Reads the answers of executors. What runs in sandboxes may answer in their place, and a single text of some megabytes takes a second to make
 * sense of: so large answers have a fifth of the processor and a bounded part of the memory between them, and small ones never wait for them.
 */
export class AnswerReader {
  private held = 0;
  private restsUntilMs = -Infinity;

  /** @param room bytes of all answers together that make a large one fail; @default 64 MiB */
  constructor(
    private readonly clock: Clock,
    private readonly room = ROOM_BYTES,
  ) {}

  /**
   * Reads a body to its end, and gives what `parse` makes of its text.
   *
   * @param signal ends the wait of a large answer for its turn
   * @throws Error when there is no room for a large answer, or its turn did not come; and what body and `parse` throw
   */
  async read<T>(body: AnswerBody, parse: (text: string) => T, signal: AbortSignal): Promise<T> {
    const pieces: Uint8Array[] = [];
    let length = 0;
    try {
      for await (const piece of body) {
        pieces.push(piece);
        length += piece.length;
        this.held += piece.length;
        if (length > SMALL_BYTES && this.held > this.room) throw new Error('expected room for a large answer, got none');
      }
      if (length <= SMALL_BYTES) return parse(textOf(pieces));
      await this.turn(signal);
      const beganAtMs = this.clock.monotonicMs();
      try {
        return parse(textOf(pieces));
      } finally {
        const nowMs = this.clock.monotonicMs();
        this.restsUntilMs = nowMs + REST * (nowMs - beganAtMs);
      }
    } finally {
      this.held -= length;
    }
  }

  private async turn(signal: AbortSignal): Promise<void> {
    for (;;) {
      if (signal.aborted) throw new Error('expected a turn for a large answer, got none');
      const waitMs = this.restsUntilMs - this.clock.monotonicMs();
      if (waitMs <= 0) return;
      await this.clock.sleep(Math.ceil(waitMs), signal);
    }
  }
}

const textOf = (pieces: readonly Uint8Array[]): string => Buffer.concat(pieces).toString();
