import type { KubeApi } from '../../operator/kube/api';
import { isAlreadyExists } from '../../operator/kube/api-error';
import { CLAIMS, SECRETS } from '../../operator/kube/resource-types';
import type { BatchSandbox } from '../../src/schema/batch-sandbox';
import type { OwnerReference } from '../../src/schema/kubernetes';
import type { CreateSandboxRequest, VolumeRequest } from '../../src/schema/lifecycle-request';
import { API_VERSION } from '../../src/schema/names';
import type { ServerConfig } from '../../src/schema/server-config';

/** Name of the Secret with the registry's password for a sandbox. */
export const pullSecretName = (id: string): string => `opensandbox-image-auth-${id}`;

/** Registry of an image without one. */
const DOCKER_HUB = 'https://index.docker.io/v1/';

/**
 * Makes what the pod of a sandbox needs beside itself: claims that are not there, and the Secret for its registry. What belongs to the sandbox
 * goes with it, by owner references.
 *
 * @throws ApiError, TransportError
 */
export async function createCompanions(api: KubeApi, batch: BatchSandbox, { image, volumes = [] }: CreateSandboxRequest, storage: ServerConfig['storage']): Promise<void> {
  const { name, namespace, uid = '' } = batch.metadata;
  const owner: OwnerReference = { apiVersion: API_VERSION, kind: 'BatchSandbox', name, uid };
  const claims = volumes.flatMap(({ pvc }) => (pvc?.createIfNotExists === true ? [toClaim(pvc, storage, owner)] : []));
  const secrets = image?.auth === undefined ? [] : [toPullSecret(name, image.uri, image.auth, owner)];
  await Promise.all([
    ...claims.map((claim) => unlessThere(api.create(CLAIMS, { ...claim, metadata: { ...claim.metadata, namespace } }))),
    ...secrets.map((secret) => unlessThere(api.create(SECRETS, { ...secret, metadata: { ...secret.metadata, namespace } }))),
  ]);
}

async function unlessThere(creating: Promise<unknown>): Promise<void> {
  try {
    await creating;
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
  }
}

function toClaim(pvc: NonNullable<VolumeRequest['pvc']>, storage: ServerConfig['storage'], owner: OwnerReference) {
  return {
    metadata: { name: pvc.claimName, ...(pvc.deleteOnSandboxTermination && { ownerReferences: [owner] }) },
    spec: {
      accessModes: pvc.accessModes ?? ['ReadWriteOnce'],
      ...(pvc.storageClass !== undefined && { storageClassName: pvc.storageClass }),
      resources: { requests: { storage: String(pvc.storage ?? storage.volume_default_size) } },
    },
  };
}

/** @see https://kubernetes.io/docs/tasks/configure-pod-container/pull-image-private-registry/ */
function toPullSecret(id: string, uri: string, { username, password }: { readonly username: string; readonly password: string }, owner: OwnerReference) {
  const auth = Buffer.from(`${username}:${password}`).toString('base64');
  const config = { auths: { [registryOf(uri)]: { username, password, auth } } };
  return {
    type: 'kubernetes.io/dockerconfigjson',
    metadata: { name: pullSecretName(id), ownerReferences: [owner] },
    data: { '.dockerconfigjson': Buffer.from(JSON.stringify(config)).toString('base64') },
  };
}

/** The host of an image's name; what has neither point nor port before the first slash is a folder of Docker Hub. */
export function registryOf(uri: string): string {
  const [first = '', ...rest] = uri.split('/');
  return rest.length > 0 && (/[.:]/.test(first) || first === 'localhost') ? first : DOCKER_HUB;
}
