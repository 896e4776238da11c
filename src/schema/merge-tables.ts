/**
 * How a strategic merge patch treats lists, by the name of their field; a list that is not named is replaced as a whole.
 *
 * @see https://kubernetes.io/docs/tasks/manage-kubernetes-objects/update-api-object-kubectl-patch/#notes-on-the-strategic-merge-patch
 */
export interface MergeTable {
  /** Lists of objects that are merged item by item, with the field that tells the items apart. */
  readonly keys: Readonly<Record<string, string>>;
  /** Lists of plain values that become a union. */
  readonly sets: readonly string[];
}

const podKeys = {
  containers: 'name',
  initContainers: 'name',
  ephemeralContainers: 'name',
  env: 'name',
  volumes: 'name',
  imagePullSecrets: 'name',
  schedulingGates: 'name',
  resourceClaims: 'name',
  ports: 'containerPort',
  volumeMounts: 'mountPath',
  volumeDevices: 'devicePath',
  hostAliases: 'ip',
  topologySpreadConstraints: 'topologyKey',
};

/** Lists of a pod's metadata and spec (R27). */
export const POD_MERGE: MergeTable = { keys: podKeys, sets: ['finalizers'] };

/** Lists of a task template (R29). */
export const TASK_MERGE: MergeTable = { keys: { env: 'name' }, sets: [] };

const objectKeys = {
  ...podKeys,
  ownerReferences: 'uid',
  conditions: 'type',
  addresses: 'type',
  podIPs: 'ip',
  hostIPs: 'ip',
  secrets: 'name',
};

const { imagePullSecrets: _ofPods, ...accountKeys } = objectKeys;

/** Kinds in which a list differs from the one of that name in all others. */
const keysByKind: Readonly<Record<string, MergeTable['keys']>> = {
  Service: { ...objectKeys, ports: 'port' },
  ServiceAccount: accountKeys,
};

/** Lists of the built-in kind `kind`, as far as an object of it can hold them. */
export function mergeTableOf(kind: string): MergeTable {
  return { keys: keysByKind[kind] ?? objectKeys, sets: ['finalizers'] };
}
