import type { CryptoKey } from 'jose';
import { SandboxError } from '../src/schema/errors';
import type { Clock } from '../src/program/clock';
import { TOKEN_CLOCK_TOLERANCE_SECONDS, type VerifiedToken, verifyExecutorToken } from '../src/program/executor-token';
import type { UsedTokens } from './used-tokens';
import type { WebRequest } from './web-server';

/** The parts of a request that a token is about. */
type SignedWebRequest = Pick<WebRequest, 'method' | 'url' | 'headers'>;

/** Checks the token of every request, and that no token comes twice (rules 25 to 27). */
export class RequestAuthorizer {
  private readonly startedAtMs: number;

  /**
   * @param keys public keys, any of which may have signed
   * @param audience UID of the pod
   */
  constructor(
    private readonly keys: readonly CryptoKey[],
    private readonly audience: string,
    private readonly clock: Clock,
    private readonly used: UsedTokens,
  ) {
    this.startedAtMs = clock.monotonicMs();
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
    const nowSeconds = this.clock.now().getTime() / 1000;
    // By the clock as it is now: one that was ahead at the start would keep everybody out until then.
    const startedAtSeconds = nowSeconds - (this.clock.monotonicMs() - this.startedAtMs) / 1000;
    // What an earlier server accepted we may not know after a loss of power, so nothing counts that was signed before this one.
    if (issuedAt < startedAtSeconds - TOKEN_CLOCK_TOLERANCE_SECONDS) {
      throw unauthorized('expected a token signed after the start of this server');
    }
    if (!this.used.add(jti, expiresAt + TOKEN_CLOCK_TOLERANCE_SECONDS, nowSeconds)) {
      throw unauthorized('expected a new token, got one that was used before');
    }
  }
}

const unauthorized = (message: string, cause?: unknown) =>
  new SandboxError('REQUEST_UNAUTHORIZED', `token: ${message}`, { details: { reason: 'Unauthorized' }, cause });
