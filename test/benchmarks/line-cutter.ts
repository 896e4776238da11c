const NEWLINE = 0x0a;

/** Cuts bytes into lines, each as soon as its last byte is there. */
export class LineCutter {
  /** Bytes of a line whose end has not come. */
  private rest: Buffer[] = [];

  constructor(private readonly onLine: (line: Buffer) => void) {}

  push(chunk: Buffer): void {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      const last = chunk.subarray(start, end);
      start = end + 1;
      const line = this.rest.length === 0 ? last : Buffer.concat([...this.rest, last]);
      this.rest = [];
      if (line.length > 0) this.onLine(line);
    }
    // A copy, since the piece belongs to the socket's buffer.
    if (start < chunk.length) this.rest.push(Buffer.from(chunk.subarray(start)));
  }
}
