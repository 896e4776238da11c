import { generateKeyPairSync } from 'node:crypto';
import { Backoff } from '../src/program/backoff';
import type { Clock } from '../src/program/clock';
import type { Logger } from '../src/program/log';
import { problem, SandboxError } from '../src/schema/errors';
import { SIGNING_SECRET_KEY } from '../src/schema/names';
import { operatorSettings } from '../src/schema/operator-settings';
import type { KubeApi } from './kube/api';
import { ApiError, isConflict, isNotFound, isTransient } from './kube/api-error';
import { SECRETS } from './kube/resource-types';

/** Others write the Secret once or never; who meets more conflicts than this has another problem. */
const MOST_TRIES = 5;

/** The Secret, and what it takes to use it. */
export interface SigningSecret {
  readonly api: KubeApi;
  readonly namespace: string;
  readonly name: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/**
 * The private keys in a Secret, as PEM; one without a key gets a new one first.
 *
 * The write names the version that was read, so that of several operators that start together one makes the key and all use it. An API server
 * that is away or has too much to do is asked again until the signal aborts.
 *
 * @throws SandboxError SETTINGS_INVALID when there is no such Secret, or no right to it; the reason of the signal; else as {@link KubeApi}
 */
export async function obtainSigningKeys(secret: SigningSecret): Promise<string> {
  const { clock, log, signal } = secret;
  const backoff = new Backoff();
  for (;;) {
    try {
      return await readOrMakeKeyInTurn(secret);
    } catch (error) {
      if (signal.aborted || !isTransient(error)) throw explain(secret, error);
      const waitMs = backoff.next('') + (error instanceof ApiError ? (error.retryAfterMs ?? 0) : 0);
      log.warn({ err: error, waitMs }, 'signing key not read');
      await clock.sleep(waitMs, signal);
      signal.throwIfAborted();
    }
  }
}

/** After a conflict the key is read again: another operator was first. */
async function readOrMakeKeyInTurn(secret: SigningSecret): Promise<string> {
  for (let triesLeft = MOST_TRIES; ; triesLeft -= 1) {
    try {
      return await readOrMakeKey(secret);
    } catch (error) {
      if (!isConflict(error) || triesLeft <= 1) throw error;
    }
  }
}

async function readOrMakeKey({ api, log, signal, ...ref }: SigningSecret): Promise<string> {
  const { data, metadata } = await api.get(SECRETS, ref, { signal });
  const found = data?.[SIGNING_SECRET_KEY];
  if (found !== undefined && found !== '') return Buffer.from(found, 'base64').toString();
  const pem = generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
  const patch = { metadata: { resourceVersion: metadata.resourceVersion }, data: { [SIGNING_SECRET_KEY]: Buffer.from(pem).toString('base64') } };
  await api.patch(SECRETS, ref, 'merge', patch, { signal });
  log.info(ref, 'signing key made');
  return pem;
}

function explain({ namespace, name }: SigningSecret, error: unknown): unknown {
  const refuse = (expected: string, got: string, fix: string) =>
    new SandboxError('SETTINGS_INVALID', problem('operator', `--${operatorSettings.table.signingSecret.flag}`, expected, got, fix), { cause: error });
  if (isNotFound(error)) {
    return refuse(`Secret '${name}' in namespace '${namespace}'`, 'none', `kubectl create secret generic ${name} -n ${namespace} makes an empty one, which the operator fills`);
  }
  if (error instanceof ApiError && error.status === 403) {
    return refuse(`the right to get and patch Secret '${name}' in namespace '${namespace}'`, error.message, "give it to the operator's Role");
  }
  return error;
}
