/** Which part of a log to read. */
export interface PodLogQuery {
  /** @default - the only container */
  readonly container?: string;
  /** Last lines. @default - all */
  readonly tailLines?: number;
  /** Only what is as young, in seconds. @default - all */
  readonly sinceSeconds?: number;
  /** Most bytes that the server sends, at least 1; of more it sends the beginning. @default 16777216: more than a kubelet keeps of a log, unless it is told to keep more than 10 MiB */
  readonly limitBytes?: number;
  /** Most of these bytes that are returned, at least 1; of more, the end is. @default 1048576 */
  readonly lastBytes?: number;
  /** Whether each line begins with its time. @default false */
  readonly timestamps?: boolean;
}

/** The default of {@link PodLogQuery.limitBytes}: a log of any length is an end in sight for who reads it. */
export const LOG_LIMIT_BYTES = 16 * 1024 * 1024;
/** The default of {@link PodLogQuery.lastBytes}: who reads a log reads its end, and not more than that. */
export const LOG_LAST_BYTES = 1024 * 1024;

/** Takes a text in pieces and keeps its end. */
export class TextEnd {
  private readonly pieces: Buffer[] = [];
  private length = 0;
  private isCut = false;

  /** @param maxBytes of the end that is kept */
  constructor(private readonly maxBytes: number) {}

  add(piece: Buffer): void {
    this.pieces.push(Buffer.from(piece)); // whoever gives it may use its memory again
    this.length += piece.length;
    for (let [first] = this.pieces; first !== undefined && this.length - first.length >= this.maxBytes; [first] = this.pieces) {
      this.length -= first.length;
      this.isCut = true;
      this.pieces.shift();
    }
  }

  /** The end in UTF-8; it begins with a whole character, and not always with a whole line. */
  toString(): string {
    const bytes = Buffer.concat(this.pieces);
    let begin = Math.max(0, bytes.length - this.maxBytes);
    while ((this.isCut || begin > 0) && isInsideCharacter(bytes[begin])) begin += 1;
    return bytes.toString('utf8', begin);
  }
}

function isInsideCharacter(byte = 0): boolean {
  return (byte & 0xc0) === 0x80;
}
