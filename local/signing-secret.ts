import type { KubeApi } from '../operator/kube/api';
import { SECRETS } from '../operator/kube/resource-types';
import { readSigningKeys, type SigningKeys } from '../src/program/signing-keys';
import { SIGNING_SECRET, SIGNING_SECRET_KEY } from '../src/schema/names';

/** Namespace that the operator beside an embedded cluster takes for its own. */
export const OPERATOR_NAMESPACE = 'kube-system';

/** Makes the empty Secret that the operator puts its key into, as the manifests of SandboxRuntime do on a real cluster. */
export async function createSigningSecret(api: KubeApi): Promise<void> {
  await api.create(SECRETS, { type: 'Opaque', metadata: { name: SIGNING_SECRET, namespace: OPERATOR_NAMESPACE } });
}

/**
 * The keys that the operator signs with, the one that it prefers first.
 *
 * @param namespace of the operator; without one, its Secret is looked for in all
 * @throws ApiError when the cluster hides its Secrets; Error when it has not one such Secret, or while the operator has not made the key; as
 *   {@link readSigningKeys}
 */
export async function readOperatorKeys(api: KubeApi, signal: AbortSignal, namespace?: string): Promise<SigningKeys['signing']> {
  const { items } = await api.list(SECRETS, { namespace, fieldSelector: `metadata.name=${SIGNING_SECRET}` }, { signal });
  if (items.length !== 1) {
    const found = items.map(({ metadata }) => metadata.namespace ?? '').join(', ');
    const place = namespace === undefined ? 'all namespaces' : `namespace '${namespace}'`;
    throw new Error(`Secret '${SIGNING_SECRET}': expected one in ${place}, got ${found === '' ? 'none' : `one in each of ${found}`}`);
  }
  const data = items[0]?.data;
  const pem = data?.[SIGNING_SECRET_KEY];
  if (pem === undefined) throw new Error(`Secret '${SIGNING_SECRET}': expected the key of the operator, got nothing`);
  const { signing } = await readSigningKeys(Buffer.from(pem, 'base64').toString(), `Secret '${SIGNING_SECRET}'`);
  return signing;
}
