import { checkRequest, type SignedRequest, type VerifiedToken, verifyTokenItself } from '../../src/program/executor-token';

/** Checks a token and its request at once, as an executor does in two steps. @throws Error with the reason */
export async function verifyExecutorToken(keys: Parameters<typeof verifyTokenItself>[0], audience: string, request: SignedRequest, token: string, now: Date): Promise<VerifiedToken> {
  const verified = await verifyTokenItself(keys, audience, token, now);
  checkRequest(verified, request);
  return verified;
}
