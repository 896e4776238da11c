import { ApiObject } from 'cdk8s';
import { type Construct } from 'constructs';
import { clusterObject } from './cluster-object';
import { type AccessRule, EDITOR_ACCESS, VIEWER_ACCESS } from './schema/access';

/** A role and who gets it. */
export interface RoleDefinition {
  readonly name: string;
  /** Namespace of the role. @default - a ClusterRole, for all namespaces */
  readonly namespace?: string;
  readonly rules: readonly AccessRule[];
  readonly subject: { readonly kind: string; readonly name: string; readonly namespace: string };
}

const API_GROUP = 'rbac.authorization.k8s.io';
const API_VERSION = `${API_GROUP}/v1`;

/** Adds a role and its binding: in one namespace, or for the cluster when none is given. */
export function addRole(scope: Construct, id: string, { name, namespace, rules, subject }: RoleDefinition): void {
  const kind = namespace === undefined ? 'ClusterRole' : 'Role';
  const role = { apiVersion: API_VERSION, kind, metadata: { name, namespace }, rules };
  const binding = {
    apiVersion: API_VERSION,
    kind: `${kind}Binding`,
    metadata: { name, namespace },
    roleRef: { apiGroup: API_GROUP, kind, name },
    subjects: [subject],
  };
  for (const object of [role, binding]) {
    if (namespace === undefined) {
      clusterObject(scope, `${id}${object.kind}`, object);
    } else {
      new ApiObject(scope, `${id}${object.kind}`, object);
    }
  }
}

/** Adds the ClusterRoles with which people look after pools and fleets; unbound, they work by aggregation. */
export function addPeopleRoles(scope: Construct, prefix: string): void {
  addAggregated(scope, 'Editor', `${prefix}-editor`, EDITOR_ACCESS, ['edit', 'admin']);
  addAggregated(scope, 'Viewer', `${prefix}-viewer`, VIEWER_ACCESS, ['view']);
}

function addAggregated(scope: Construct, id: string, name: string, rules: readonly AccessRule[], into: readonly string[]): void {
  const labels = Object.fromEntries(into.map((role) => [`rbac.authorization.k8s.io/aggregate-to-${role}`, 'true']));
  clusterObject(scope, id, { apiVersion: API_VERSION, kind: 'ClusterRole', metadata: { name, labels }, rules });
}
