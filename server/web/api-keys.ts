import { createHash, timingSafeEqual } from 'node:crypto';

/** What became of the key of a request. */
export type KeyVerdict = { readonly ok: true; readonly name: string } | { readonly ok: false; readonly reason: 'missing' | 'invalid' };

/** Name of the caller where no key is asked for. */
const ANYBODY = 'anonymous';

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/**
 * The API keys in force. A comparison takes the same time wherever keys differ, and looks at all of them (L1).
 *
 * Kept are digests alone.
 */
export class ApiKeys {
  private digests: readonly Buffer[];

  /** @param keys none: nobody is asked for one */
  constructor(keys: readonly string[]) {
    this.digests = keys.map(digest);
  }

  /** Puts other keys in force, from the next request on; at least one. */
  replace(keys: readonly string[]): void {
    if (keys.length > 0) this.digests = keys.map(digest);
  }

  /** Whether anybody is asked for a key. */
  get isOpen(): boolean {
    return this.digests.length === 0;
  }

  /** Judges the key of a request; the name of a good one is `key-` and its digest's first digits, fit for logs. */
  judge(key: string | undefined): KeyVerdict {
    if (this.isOpen) return { ok: true, name: ANYBODY };
    if (key === undefined || key === '') return { ok: false, reason: 'missing' };
    const given = digest(key);
    let found = false;
    for (const known of this.digests) found = timingSafeEqual(known, given) || found;
    return found ? { ok: true, name: `key-${given.toString('hex').slice(0, 8)}` } : { ok: false, reason: 'invalid' };
  }
}
