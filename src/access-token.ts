import { type ISecret } from 'cdk8s-plus-28';
import { DATA_KEY_SENTENCE, isDataKey } from './kube-syntax';
import { type Problems } from './problems';
import { isRecord } from './schema/validation';

/**
 * The token that executors ask of whoever wants commands and files (port 44772), by the Secret that it is in. Write one of these, and name it in the
 * `executor` of each pool and in the `server` of the runtime: the server tells SDKs the token, and they send it by themselves.
 *
 * The value is one token, or several, one a line: executors take any of them, and the server tells the first. Pods keep what they were made with; so to
 * exchange it, add the new one below the old, put it first once the pods from before are gone, and then take the old one out.
 */
export interface AccessToken {
  /** Secret in the namespace of the pods; where the server runs in another namespace, one of the same name and content there too. */
  readonly secret: ISecret;

  /**
   * Key of the Secret.
   *
   * @default 'token'
   */
  readonly key?: string;
}

/** Name and key of the Secret of a token, as manifests have them; undefined for what is none, which {@link checkAccessToken} tells of. */
export function accessTokenRef(token: AccessToken | undefined): { readonly name: string; readonly key: string } | undefined {
  const { secret, key = 'token' } = isRecord(token) ? (token as Partial<AccessToken>) : {};
  return secret === undefined ? undefined : { name: secret.name, key };
}

/** Checks a prop that is an {@link AccessToken}. */
export function checkAccessToken(problems: Problems, path: string, token: unknown): void {
  if (token === undefined) {
    return;
  }
  if (!isRecord(token)) {
    problems.addKind(path, 'an AccessToken', token, 'write { secret: Secret.fromSecretName(…) }');
    return;
  }
  problems.checkKeys(path, token, ['secret', 'key']);
  const { secret, key } = token as Partial<AccessToken>;
  if (typeof secret?.name !== 'string') {
    problems.addKind(`${path}.secret`, 'a Secret', secret, 'write Secret.fromSecretName(…), and make the Secret apart from the manifests');
  }
  if (key !== undefined && !isDataKey(key)) {
    problems.add(`${path}.key`, DATA_KEY_SENTENCE, key);
  }
}
