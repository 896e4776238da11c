import { createHmac, timingSafeEqual } from 'node:crypto';

/** Header with the token of a sandbox. Endpoints name it, and SDKs repeat it with each request. */
export const ACCESS_TOKEN = 'opensandbox-secure-access';

/**
 * Tokens that open one sandbox through proxy and gateway, and nothing else: derived from a secret of the servers and the UID of the sandbox, so
 * they are the same on all replicas and stored nowhere (L5).
 */
export class AccessTokens {
  private secrets: readonly string[];

  /** @param secrets the first makes tokens, all of them judge; none: nobody is asked for one */
  constructor(secrets: readonly string[]) {
    this.secrets = secrets;
  }

  /** Puts other secrets in force; at least one. */
  replace(secrets: readonly string[]): void {
    if (secrets.length > 0) this.secrets = secrets;
  }

  /** The token of a sandbox; undefined where nobody is asked for one. */
  tokenOf(uid: string): string | undefined {
    const [secret] = this.secrets;
    return secret === undefined ? undefined : derive(secret, uid).toString('base64url');
  }

  /** Whether a token opens a sandbox; as long whatever is wrong with it. */
  opens(token: string | undefined, uid: string): boolean {
    const given = Buffer.from(token ?? '', 'base64url');
    let found = false;
    for (const secret of this.secrets) {
      const wanted = derive(secret, uid);
      found = (given.length === wanted.length && timingSafeEqual(given, wanted)) || found;
    }
    return found;
  }
}

function derive(secret: string, uid: string): Buffer {
  return createHmac('sha256', secret).update(`sandbox access\n${uid}`).digest();
}
