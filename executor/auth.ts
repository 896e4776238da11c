import type { CryptoKey } from 'jose';
import { SandboxError } from '../src/schema/errors';
import type { Clock } from '../src/program/clock';
import { checkRequest, TOKEN_CLOCK_TOLERANCE_SECONDS, type VerifiedToken, verifyTokenItself } from '../src/program/executor-token';
import type { UsedTokens } from './used-tokens';
import type { WebRequest } from './web-server';

/** The parts of a request that a token is about. */
type SignedWebRequest = Pick<WebRequest, 'method' | 'url' | 'headers'>;

/** Takes the body of a request whose token is good, and accepts the token. @throws SandboxError REQUEST_UNAUTHORIZED */
type BodyAuthorizer = (body: Uint8Array) => void;

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

  /**
   * Checks the token before the body is read: whoever has none costs no more than the headers.
   *
   * @throws SandboxError REQUEST_UNAUTHORIZED
   */
  async authorize({ method, url, headers }: SignedWebRequest): Promise<BodyAuthorizer> {
    const text = /^Bearer (\S+)$/i.exec(headers.authorization ?? '')?.[1];
    if (text === undefined) {
      throw unauthorized('expected a bearer token, got none');
    }
    const token = await verifyTokenItself(this.keys, this.audience, text, this.clock.now()).catch(refuse);
    return (body) => {
      try {
        checkRequest(token, { method, path: url.pathname + url.search, body });
      } catch (error) {
        refuse(error);
      }
      this.acceptOnce(token);
    };
  }

  private acceptOnce({ jti, issuedAt, expiresAt }: VerifiedToken): void {
    const nowSeconds = this.clock.now().getTime() / 1000;
    if (expiresAt + TOKEN_CLOCK_TOLERANCE_SECONDS < nowSeconds) {
      throw unauthorized('expected a body before the end of its token');
    }
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

const refuse = (error: unknown): never => {
  throw unauthorized(error instanceof Error ? error.message : String(error), error);
};
