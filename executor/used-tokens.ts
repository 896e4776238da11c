import { closeSync, openSync, readFileSync, renameSync, writeFileSync, writeSync } from 'node:fs';
import { FILE_MODE } from './tasks/disk';

/** The file of {@link UsedTokens} in the data directory; a task's name begins with a letter or a number. */
export const USED_TOKENS_FILE = '.used-tokens';

/** Lines in the file after which the expired ones go, when they are most of it. */
const LINES_TO_TIDY = 1000;

/**
 * The tokens that were accepted, until they expire, each with a line in a file: also the next server refuses them (rule 26). The lines are not
 * synced, since they need to survive no more than the death of the server.
 */
export class UsedTokens {
  private readonly expiryByJti = new Map<string, number>();
  /**
   * Tokens that expire by then are refused unseen, in seconds since 1970: they may be forgotten ones. None that is good comes so late, unless the
   * clock was ahead for a while, and what it made us forget is good again.
   */
  private forgottenUntil = -Infinity;
  private fd: number | undefined;
  private lineCount = 0;

  /** @param path where they are kept */
  constructor(private readonly path: string) {
    for (const line of readLines(path)) {
      const [, expiresAt, jti] = /^(\S+) (.+)$/.exec(line) ?? [];
      if (expiresAt !== undefined && jti !== undefined) {
        this.expiryByJti.set(jti, Number(expiresAt));
      }
    }
    this.rewrite();
  }

  /**
   * Takes a token for used.
   *
   * @param nowSeconds tokens that expired before are forgotten
   * @returns whether it was not used before
   */
  add(jti: string, expiresAt: number, nowSeconds: number): boolean {
    const key = JSON.stringify(jti);
    this.forget(nowSeconds);
    if (this.expiryByJti.has(key) || expiresAt <= this.forgottenUntil) {
      return false;
    }
    this.expiryByJti.set(key, expiresAt);
    this.append(`${expiresAt} ${key}`);
    return true;
  }

  private forget(nowSeconds: number): void {
    for (const [jti, expiresAt] of this.expiryByJti) {
      if (expiresAt < nowSeconds) {
        this.expiryByJti.delete(jti);
        this.forgottenUntil = Math.max(this.forgottenUntil, expiresAt);
      }
    }
    if (this.lineCount > LINES_TO_TIDY && this.lineCount > 2 * this.expiryByJti.size) {
      this.rewrite();
    }
  }

  /** A full disk must not keep out the reset that makes room: the line is missing then, or cut short, and spoils no other. */
  private append(line: string): void {
    try {
      this.fd ??= openSync(this.path, 'a', FILE_MODE);
      writeSync(this.fd, `\n${line}`);
      this.lineCount += 1;
    } catch {
      // The server itself still knows it.
    }
  }

  private rewrite(): void {
    try {
      writeFileSync(`${this.path}.tmp`, [...this.expiryByJti].map(([jti, expiresAt]) => `${expiresAt} ${jti}`).join('\n'), { mode: FILE_MODE });
      renameSync(`${this.path}.tmp`, this.path);
    } catch {
      return; // the old file holds them all
    }
    if (this.fd !== undefined) {
      closeSync(this.fd);
      this.fd = undefined;
    }
    this.lineCount = this.expiryByJti.size;
  }
}

function readLines(path: string): readonly string[] {
  try {
    return readFileSync(path, 'utf8').split('\n');
  } catch {
    return []; // none yet
  }
}
