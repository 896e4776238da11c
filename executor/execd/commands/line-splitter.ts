import { StringDecoder } from 'node:string_decoder';

/** Longest line that is kept until its end, in UTF-16 units; a longer one comes in pieces. */
export const LONGEST_LINE = 1024 * 1024;

/**
 * Output as lines without their ends: LF, CR and CR LF end one. What is not UTF-8 becomes U+FFFD; a character that lies in two pieces stays whole.
 * Costs the same for each byte, however long its line is.
 */
export class LineSplitter {
  private readonly decoder = new StringDecoder('utf8');
  /** Begin of the line that has not ended. */
  private rest = '';
  private endedByCr = false;
  /** Pieces of the line have gone out. */
  private isPartial = false;

  /** The lines that end in this piece, and pieces of one that is too long. */
  push(piece: Buffer): readonly string[] {
    return this.split(this.decoder.write(piece));
  }

  /** What follows the last end of a line. */
  end(): readonly string[] {
    const lines = this.split(this.decoder.end());
    const last = this.rest;
    this.rest = '';
    return last === '' ? lines : [...lines, last];
  }

  private split(text: string): readonly string[] {
    // The CR has ended the line: an LF right after it belongs to it.
    const fresh = this.endedByCr && text.startsWith('\n') ? text.slice(1) : text;
    if (text !== '') {
      this.endedByCr = text.endsWith('\r');
    }
    const lines = fresh.includes('\r') ? fresh.split(/\r\n|\r|\n/) : fresh.split('\n');
    lines[0] = this.rest + (lines[0] ?? '');
    this.rest = lines.pop() ?? '';
    if (lines.length > 0) {
      const [first = ''] = lines;
      if (this.isPartial && first === '') {
        lines.shift(); // all of it has gone out in pieces
      }
      this.isPartial = false;
    }
    if (this.rest.length >= LONGEST_LINE) {
      lines.push(this.rest);
      this.rest = '';
      this.isPartial = true;
    }
    return lines;
  }
}
