import { BATCH_SANDBOX, POOL } from './crds';
import { ASSIGN_PROFILES, GROUP, LEASE_NAME, SIGNING_SECRET } from './names';

/** What a program may do with some resources: one rule of a Role, whose form this is. */
export interface AccessRule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  /** Names of the objects meant. @default - all of them */
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

const kinds = [BATCH_SANDBOX.plural, POOL.plural];

/**
 * What the operator needs, and not more.
 *
 * The Roles of the constructs are made from it. On the real control plane a test runs the operator with exactly these rights, and finds no
 * refusal and no right unused.
 */
export const OPERATOR_ACCESS: Readonly<Record<'served' | 'own' | 'signing', readonly AccessRule[]>> = {
  /** In every namespace that the operator serves. */
  served: [
    { apiGroups: [GROUP], resources: kinds, verbs: ['get', 'list', 'watch', 'patch'] },
    // A batch is deleted at its expireTime.
    { apiGroups: [GROUP], resources: [BATCH_SANDBOX.plural], verbs: ['delete'] },
    { apiGroups: [GROUP], resources: kinds.map((kind) => `${kind}/status`), verbs: ['patch'] },
    // Clusters that enforce owner references ask for it before a pod may name its owner in a way that blocks deletion.
    { apiGroups: [GROUP], resources: kinds.map((kind) => `${kind}/finalizers`), verbs: ['update'] },
    // A pod that restarts before it goes back to its pool is patched: it carries the record of that.
    { apiGroups: [''], resources: ['pods'], verbs: ['get', 'list', 'watch', 'create', 'patch', 'delete'] },
    // Runs the restart command. It goes by a web socket, which begins with a GET; from Kubernetes 1.35 on that needs the right to create too.
    { apiGroups: [''], resources: ['pods/exec'], verbs: ['get', 'create'] },
    { apiGroups: [''], resources: ['events'], verbs: ['create', 'patch'] },
  ],
  /** In the operator's own namespace: for leader election, and to know how Pools are chosen. */
  own: [
    // A create names no object that RBAC could check.
    { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['create'] },
    { apiGroups: ['coordination.k8s.io'], resources: ['leases'], resourceNames: [LEASE_NAME], verbs: ['get', 'patch'] },
    // Allowed for requests that name the object by a field selector, as the operator's do.
    { apiGroups: [''], resources: ['configmaps'], resourceNames: [ASSIGN_PROFILES], verbs: ['list', 'watch'] },
  ],
  /** In the operator's own namespace when it makes its signing key itself. */
  signing: [{ apiGroups: [''], resources: ['secrets'], resourceNames: [SIGNING_SECRET], verbs: ['get', 'patch'] }],
};

/**
 * What the lifecycle server needs in the namespace of its sandboxes, and not more: nothing in another namespace, and no Secret to read.
 *
 * A test compares it with the requests that the server makes.
 */
export const SERVER_ACCESS: readonly AccessRule[] = [
  { apiGroups: [GROUP], resources: kinds, verbs: ['get', 'list', 'watch', 'create', 'patch', 'delete'] },
  // Diagnostics.
  { apiGroups: [''], resources: ['pods', 'pods/log'], verbs: ['get'] },
  { apiGroups: [''], resources: ['events'], verbs: ['list'] },
  // The password of a registry, and claims of volumes, that a create brings.
  { apiGroups: [''], resources: ['secrets', 'persistentvolumeclaims'], verbs: ['create'] },
];

/**
 * What the lifecycle server needs in the whole cluster: to see whether there is a node of a platform that a create asks for, by metadata alone. Without it
 * such a create waits for a node, as with `kubernetes.platform_check = false`.
 */
export const SERVER_CLUSTER_ACCESS: readonly AccessRule[] = [{ apiGroups: [''], resources: ['nodes'], verbs: ['list'] }];

/** What people who look after batches and pools may do; for roles that aggregate into `edit`. */
export const EDITOR_ACCESS: readonly AccessRule[] = [
  { apiGroups: [GROUP], resources: kinds, verbs: ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'] },
  { apiGroups: [GROUP], resources: [`${BATCH_SANDBOX.plural}/scale`], verbs: ['get', 'patch', 'update'] },
  { apiGroups: [GROUP], resources: kinds.map((kind) => `${kind}/status`), verbs: ['get'] },
];

/** What people who only look may do; for roles that aggregate into `view`. */
export const VIEWER_ACCESS: readonly AccessRule[] = [
  { apiGroups: [GROUP], resources: kinds, verbs: ['get', 'list', 'watch'] },
  { apiGroups: [GROUP], resources: kinds.map((kind) => `${kind}/status`), verbs: ['get'] },
];
