import { createHash } from 'node:crypto';
import type { CryptoKey } from 'jose';

/**
 * The token of one signed request to an executor: an Ed25519 JWT that is good for one pod, one request and one minute.
 *
 * The operator signs, the executor verifies; both halves stand here so that there is one definition of the claims:
 * `aud` is the UID of the pod, `jti` is accepted once, `req` is {@link requestDigest} of the request. Of jose only the needed parts
 * are loaded: the whole costs every sandbox 0.6 MB of private memory.
 *
 * @see shared/reference/executor.md rules 25 to 27
 */

/** Longest life of a token, from `iat` to `exp`, in seconds (rule 25). */
export const TOKEN_LIFETIME_SECONDS = 60;
/** Most that the clocks of signer and verifier may differ, in seconds (rule 25). */
export const TOKEN_CLOCK_TOLERANCE_SECONDS = 5;
/** The one accepted signature algorithm. */
const ALGORITHM = 'EdDSA';

/** The parts of a request that a token is bound to. */
export interface SignedRequest {
  /** HTTP method in capitals. */
  readonly method: string;
  /** Path with query, as on the request line. */
  readonly path: string;
  /** Body as sent; empty for none. */
  readonly body: string | Uint8Array;
}

/** Claim `req`: base64url of SHA-256 over method, newline, path with query, newline, body. */
export function requestDigest({ method, path, body }: SignedRequest): string {
  return createHash('sha256').update(`${method}\n${path}\n`).update(body).digest('base64url');
}

/**
 * Reads a private key for {@link signExecutorToken}. It can be exported again, without which Node takes it for no other use.
 *
 * @param pem PKCS #8 PEM of an Ed25519 key
 * @throws TypeError of jose when it is anything else
 */
export async function readSigningKey(pem: string): Promise<CryptoKey> {
  const { importPKCS8 } = await import('jose/key/import');
  return importPKCS8(pem, ALGORITHM, { extractable: true });
}

/**
 * Reads the public keys for {@link verifyExecutorToken}; two may stand in one file while keys are rotated.
 *
 * @param pem one or two PEM blocks of kind `PUBLIC KEY`
 * @throws TypeError of jose when a block is not an Ed25519 key; Error when there are none or more than two
 */
export async function readVerifyKeys(pem: string): Promise<readonly CryptoKey[]> {
  const blocks = pem.match(/-----BEGIN PUBLIC KEY-----[^-]+-----END PUBLIC KEY-----/g) ?? [];
  if (blocks.length < 1 || blocks.length > 2) {
    throw new Error(`expected one or two PEM blocks 'PUBLIC KEY', got ${blocks.length}`);
  }
  const { importSPKI } = await import('jose/key/import');
  return Promise.all(blocks.map((block) => importSPKI(block, ALGORITHM)));
}

/**
 * Makes the value of `Authorization: Bearer` for one request; sign again for a retry, since a token is accepted once.
 *
 * @param audience UID of the pod that the request goes to
 */
export async function signExecutorToken(key: CryptoKey, audience: string, request: SignedRequest, now: Date): Promise<string> {
  const { SignJWT } = await import('jose/jwt/sign');
  const issuedAt = Math.floor(now.getTime() / 1000);
  return new SignJWT({ req: requestDigest(request) })
    .setProtectedHeader({ alg: ALGORITHM })
    .setAudience(audience)
    .setJti(crypto.randomUUID())
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + TOKEN_LIFETIME_SECONDS)
    .sign(key);
}

/** What a verified token says; the caller must refuse a `jti` that it has seen before. */
export interface VerifiedToken {
  readonly jti: string;
  /** Seconds since 1970. */
  readonly issuedAt: number;
  /** Seconds since 1970. */
  readonly expiresAt: number;
  /** What {@link requestDigest} has to give for the request that comes with it. */
  readonly request: string;
}

/**
 * Checks everything about a token that needs neither memory nor the body of its request: algorithm, signature, audience, times. So whoever
 * has no token makes nobody read a body.
 *
 * @throws Error with the reason, fit for an answer with status 401
 */
export async function verifyTokenItself(keys: readonly CryptoKey[], audience: string, token: string, now: Date): Promise<VerifiedToken> {
  const { jti, iat, exp, req } = await verifySignature(keys, audience, token, now);
  const nowSeconds = now.getTime() / 1000;
  if (typeof jti !== 'string' || jti === '' || iat === undefined || exp === undefined || typeof req !== 'string') {
    throw new Error('expected the claims jti, iat, exp and req');
  }
  if (exp - iat > TOKEN_LIFETIME_SECONDS) {
    throw new Error(`expected exp at most ${TOKEN_LIFETIME_SECONDS} s after iat, got ${exp - iat} s`);
  }
  if (iat > nowSeconds + TOKEN_CLOCK_TOLERANCE_SECONDS) {
    throw new Error(`expected iat in the past, got ${Math.ceil(iat - nowSeconds)} s ahead`);
  }
  return { jti, issuedAt: iat, expiresAt: exp, request: req };
}

/** @throws Error when the token was signed for another request, fit for an answer with status 401 */
export function checkRequest(token: VerifiedToken, request: SignedRequest): void {
  if (token.request !== requestDigest(request)) {
    throw new Error('expected a token that was signed for this request');
  }
}

async function verifySignature(keys: readonly CryptoKey[], audience: string, token: string, now: Date) {
  const [{ jwtVerify }, { JWSSignatureVerificationFailed }] = await Promise.all([import('jose/jwt/verify'), import('jose/errors')]);
  for (const key of keys) {
    try {
      const { payload } = await jwtVerify(token, key, {
        algorithms: [ALGORITHM],
        audience,
        clockTolerance: TOKEN_CLOCK_TOLERANCE_SECONDS,
        currentDate: now,
      });
      return payload;
    } catch (error) {
      if (!(error instanceof JWSSignatureVerificationFailed)) {
        throw error;
      }
    }
  }
  throw new Error('expected a signature by a known key');
}
