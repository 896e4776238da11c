import { createHash } from 'node:crypto';

/** Lines kept for reading: the end is what a failure is about. */
const KEPT_LINES = 4_000;

/** What happened in a simulated world, line by line: two histories are the same when their digests are. */
export class History {
  private readonly hash = createHash('sha256');
  private lines: string[] = [];
  lineCount = 0;
  private isClosed = false;

  /** @param nowMs virtual time in ms */
  constructor(private readonly nowMs: () => number) {}

  note(what: string): void {
    if (this.isClosed) return;
    const line = `${this.nowMs().toFixed(3)} ${what}`;
    this.hash.update(line).update('\n');
    this.lineCount += 1;
    this.lines.push(line);
    if (this.lines.length > 2 * KEPT_LINES) this.lines = this.lines.slice(-KEPT_LINES);
  }

  /** Ends the history; digest of all its lines. */
  close(): string {
    this.isClosed = true;
    return this.hash.digest('hex');
  }

  /** The last lines, at most `count`. */
  tail(count: number): readonly string[] {
    return this.lines.slice(-count);
  }
}
