import { createHmac, timingSafeEqual } from 'node:crypto';
import type { BatchSandbox } from '../../src/schema/batch-sandbox';

/** Header with the token of a sandbox. Endpoints name it, and SDKs repeat it with each request. */
export const ACCESS_TOKEN = 'opensandbox-secure-access';

/** Form of a token: the UID of its sandbox, and the proof that this server or another of its secret has made it. */
const TOKEN = /^([0-9A-Za-z-]{1,64})\.([0-9A-Za-z_-]{43})$/;

/**
 * Tokens that open one sandbox through proxy and gateway, and nothing else: derived from a secret of the servers and the UID of the sandbox, so
 * they are the same on all replicas and stored nowhere (L5).
 *
 * A token carries the UID, so that whether it is genuine is known before anything is looked up.
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
  tokenOf({ metadata: { name, uid = '' } }: Pick<BatchSandbox, 'metadata'>): string | undefined {
    const [secret] = this.secrets;
    return secret === undefined ? undefined : `${uid}.${derive(secret, name, uid).toString('base64url')}`;
  }

  /** UID of the sandbox of an id that a token opens; undefined for a token that no server has made for that id. As long whatever is wrong with it. */
  uidOf(token: string | undefined, id: string): string | undefined {
    const [, uid = '', proof = ''] = TOKEN.exec(token ?? '') ?? [];
    const given = Buffer.from(proof, 'base64url');
    let found = false;
    for (const secret of this.secrets) {
      const wanted = derive(secret, id, uid);
      found = (given.length === wanted.length && timingSafeEqual(given, wanted)) || found;
    }
    return found ? uid : undefined;
  }
}

function derive(secret: string, id: string, uid: string): Buffer {
  return createHmac('sha256', secret).update(`sandbox access\n${id}\n${uid}`).digest();
}
