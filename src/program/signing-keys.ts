import { createPublicKey } from 'node:crypto';
import type { webcrypto } from 'node:crypto';
import { problem, SandboxError } from '../schema/errors';
import { readSigningKey } from './executor-token';

/** What the operator identifies itself to executors by. */
export interface SigningKeys {
  /** Keys to sign with, in order of preference: a pod from before a rotation knows only the second. */
  readonly signing: readonly [webcrypto.CryptoKey, ...webcrypto.CryptoKey[]];
  /** The public halves of all of them, as PEM: what new pods get. */
  readonly publicKeys: string;
}

/** An executor takes two public keys at most. */
const MOST_KEYS = 2;

/**
 * Reads one or two private keys.
 *
 * @param pem PKCS #8 PEM blocks of Ed25519 keys; the first is preferred
 * @param source where they come from, for the error
 * @throws SandboxError SETTINGS_INVALID when it is anything else; it quotes nothing of what it got
 */
export async function readSigningKeys(pem: string, source: string): Promise<SigningKeys> {
  const blocks = pem.match(/-----BEGIN PRIVATE KEY-----[^-]+-----END PRIVATE KEY-----/g) ?? [];
  const refuse = (got: string, cause?: unknown) =>
    new SandboxError('SETTINGS_INVALID', problem('operator', source, `1 or ${MOST_KEYS} Ed25519 private keys in PEM`, got, 'openssl genpkey -algorithm ed25519 makes one'), { cause });
  const [preferred, ...others] = blocks;
  if (preferred === undefined || blocks.length > MOST_KEYS) throw refuse(`${blocks.length} blocks 'PRIVATE KEY'`);
  try {
    const signing = [await readSigningKey(preferred), ...(await Promise.all(others.map(readSigningKey)))] as const;
    return { signing, publicKeys: blocks.map((block) => createPublicKey(block).export({ format: 'pem', type: 'spki' }).toString()).join('') };
  } catch (error) {
    throw refuse('another key', error);
  }
}
