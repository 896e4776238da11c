import type { CryptoKey } from 'jose';
import { SandboxError } from '../src/schema/errors';
import type { Clock } from '../src/program/clock';
import { TOKEN_CLOCK_TOLERANCE_SECONDS, type VerifiedToken, verifyExecutorToken } from '../src/program/executor-token';
import type { WebRequest } from './web-server';

/** The parts of a request that a token is about. */
type SignedWebRequest = Pick<WebRequest, 'method' | 'url' | 'headers'>;

/** Checks the token of every request, and that no token comes twice (rules 25 to 27). */
export class RequestAuthorizer {
  /** When a `jti` may be forgotten, in seconds since 1970. */
  private readonly forgetAtByJti = new Map<string, number>();
  private readonly startedAtSeconds: number;

  /**
   * @param keys public keys, any of which may have signed
   * @param audience UID of the pod
   */
  constructor(
    private readonly keys: readonly CryptoKey[],
    private readonly audience: string,
    private readonly clock: Clock,
  ) {
    this.startedAtSeconds = clock.now().getTime() / 1000;
  }

  /** @throws SandboxError REQUEST_UNAUTHORIZED */
  async authorize(request: SignedWebRequest, body: Uint8Array): Promise<void> {
    const token = /^Bearer (\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
    if (token === undefined) {
      throw unauthorized('expected a bearer token, got none');
    }
    this.acceptOnce(await this.verify(request, body, token));
  }

  private async verify({ method, url }: SignedWebRequest, body: Uint8Array, token: string): Promise<VerifiedToken> {
    try {
      return await verifyExecutorToken(this.keys, this.audience, { method, path: url.pathname + url.search, body }, token, this.clock.now());
    } catch (error) {
      throw unauthorized(error instanceof Error ? error.message : String(error), error);
    }
  }

  private acceptOnce({ jti, issuedAt, expiresAt }: VerifiedToken): void {
    // What an earlier server accepted we cannot know, so nothing counts that was signed before this one.
    if (issuedAt < this.startedAtSeconds - TOKEN_CLOCK_TOLERANCE_SECONDS) {
      throw unauthorized('expected a token signed after the start of this server');
    }
    const nowSeconds = this.clock.now().getTime() / 1000;
    for (const [known, forgetAt] of this.forgetAtByJti) {
      if (forgetAt < nowSeconds) {
        this.forgetAtByJti.delete(known);
      }
    }
    if (this.forgetAtByJti.has(jti)) {
      throw unauthorized('expected a new token, got one that was used before');
    }
    this.forgetAtByJti.set(jti, expiresAt + TOKEN_CLOCK_TOLERANCE_SECONDS);
  }
}

const unauthorized = (message: string, cause?: unknown) =>
  new SandboxError('REQUEST_UNAUTHORIZED', `token: ${message}`, { details: { reason: 'Unauthorized' }, cause });
