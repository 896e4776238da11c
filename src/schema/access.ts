import { BATCH_SANDBOX, POOL } from './crds';
import { GROUP, LEASE_NAME } from './names';

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
 * What the operator needs, and not more; no Secrets (R135).
 *
 * The Roles of the constructs are made from it, and a test compares it with what the operator does.
 */
export const OPERATOR_ACCESS: { readonly served: readonly AccessRule[]; readonly own: readonly AccessRule[] } = {
  /** In every namespace that the operator serves. */
  served: [
    { apiGroups: [GROUP], resources: kinds, verbs: ['get', 'list', 'watch', 'patch'] },
    // A batch is deleted at its expireTime.
    { apiGroups: [GROUP], resources: [BATCH_SANDBOX.plural], verbs: ['delete'] },
    { apiGroups: [GROUP], resources: kinds.map((kind) => `${kind}/status`), verbs: ['patch'] },
    // Clusters that enforce owner references ask for it before a pod may name its owner in a way that blocks deletion.
    { apiGroups: [GROUP], resources: kinds.map((kind) => `${kind}/finalizers`), verbs: ['update'] },
    { apiGroups: [''], resources: ['pods'], verbs: ['get', 'list', 'watch', 'create', 'patch', 'delete', 'deletecollection'] },
    { apiGroups: [''], resources: ['events'], verbs: ['create', 'patch'] },
  ],
  /** In the operator's own namespace, for leader election. */
  own: [
    // A create names no object that RBAC could check.
    { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['create'] },
    { apiGroups: ['coordination.k8s.io'], resources: ['leases'], resourceNames: [LEASE_NAME], verbs: ['get', 'update', 'patch'] },
    { apiGroups: [''], resources: ['events'], verbs: ['create', 'patch'] },
  ],
};

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
