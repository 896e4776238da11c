import { open, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { OPERATOR_USER } from '../support/operator-identity';

/** One request to the API server, as its audit log has it. */
export interface AuditedRequest {
  /** Such as `system:serviceaccount:sandbox-system:sandbox-operator`; empty when the API server does not know who it is. */
  readonly user: string;
  /** Id of the token of a service account, as `JTI=<id>`; empty for other users. */
  readonly credential: string;
  /** Such as `list`; `deletecollection` and `watch` are verbs of their own. */
  readonly verb: string;
  /** Plural, such as `pods`; empty for paths that are no resource. */
  readonly resource: string;
  /** Such as `status`; empty for the object itself. */
  readonly subresource: string;
  readonly namespace: string;
  /** Empty for collections, and for objects whose name the server made. */
  readonly name: string;
  /** UID that an object to delete must have; empty when any may go, and kept of pods that the operator deletes only. */
  readonly preconditionUID: string;
  /** HTTP status; a watch has its own from its start. */
  readonly code: number;
  /** Whether the answer is complete; that of a watch is when it has ended. */
  readonly isOver: boolean;
  /** Whether the user had no right to it. Admission answers with 403 too, as for a new object in a namespace that is being deleted. */
  readonly isForbidden: boolean;
  /** Whether the namespace took nothing new any more, since it was being deleted. */
  readonly isTooLate: boolean;
}

/** The lines of an audit log that are read here. @see https://kubernetes.io/docs/reference/config-api/apiserver-audit.v1/ */
interface AuditEvent {
  readonly auditID: string;
  readonly stage: string;
  readonly verb: string;
  readonly user: { readonly username?: string; readonly extra?: Readonly<Record<string, readonly string[]>> };
  readonly objectRef?: { readonly resource?: string; readonly subresource?: string; readonly namespace?: string; readonly name?: string };
  readonly requestObject?: { readonly preconditions?: { readonly uid?: string } };
  readonly responseStatus?: { readonly code?: number; readonly details?: { readonly causes?: readonly { readonly reason?: string }[] } };
  readonly annotations?: Readonly<Record<string, string>>;
}

const LOG_FILE = 'audit.log';
/** Where {@link renderAuditPolicy} goes, in the folder of the cluster. */
export const AUDIT_POLICY_FILE = 'audit-policy.json';
/** The log stays one file of up to so many MB: a test would miss what stands in an older one, and without a size it ends at 100. */
const MAX_LOG_MEGABYTES = 10_000;

/** Flags of the API server. Its log is written before the answer is sent, so what a test has seen happen is in it. */
export function auditFlags(inFolder: (file: string) => string): readonly string[] {
  return [`--audit-policy-file=${inFolder(AUDIT_POLICY_FILE)}`, `--audit-log-path=${inFolder(LOG_FILE)}`, `--audit-log-maxsize=${MAX_LOG_MEGABYTES}`];
}

/**
 * Who asked for what, and what came of it; the body of deletes of pods by the operator; of Kubernetes' own parts and of the administrator only the
 * writes, and of the former no Events, nor what clears a namespace: a request for each kind that there is. What is left is less than half of all.
 */
export function renderAuditPolicy(): string {
  const reads = ['get', 'list', 'watch'];
  const ownParts = [{ users: ['system:apiserver', 'system:kube-controller-manager', 'system:kube-scheduler'] }, { userGroups: ['system:nodes', 'system:serviceaccounts:kube-system'] }];
  const events = ['', 'events.k8s.io'].map((group) => ({ group, resources: ['events'] }));
  const policy = {
    apiVersion: 'audit.k8s.io/v1',
    kind: 'Policy',
    omitStages: ['RequestReceived'],
    rules: [
      ...[...ownParts, { users: ['admin'] }].map((who) => ({ level: 'None', ...who, verbs: reads })),
      { level: 'None', users: ['system:serviceaccount:kube-system:namespace-controller'] },
      ...ownParts.map((who) => ({ level: 'None', ...who, resources: events })),
      { level: 'None', userGroups: ['system:nodes'], resources: [{ group: 'coordination.k8s.io', resources: ['leases'] }] },
      { level: 'Request', users: [OPERATOR_USER], verbs: ['delete'], resources: [{ group: '', resources: ['pods'] }] },
      { level: 'Metadata' },
    ],
  };
  return JSON.stringify(policy);
}

/** The requests that a cluster has answered so far, in the order of their answers; a watch counts from its start. */
export async function auditOf({ folder }: { readonly folder: string }): Promise<readonly AuditedRequest[]> {
  return parseAudit(await readFile(join(folder, LOG_FILE), 'utf8'));
}

/** A place in the audit log: how much of it there is now, in bytes. */
export async function auditPlace({ folder }: { readonly folder: string }): Promise<number> {
  return (await stat(join(folder, LOG_FILE))).size;
}

/** The same as {@link auditOf} of what was logged from a place on; a request that was answered before is not in it. */
export async function auditSince({ folder }: { readonly folder: string }, place: number): Promise<readonly AuditedRequest[]> {
  const file = await open(join(folder, LOG_FILE));
  try {
    const bytes = Buffer.alloc((await file.stat()).size - place);
    await file.read(bytes, 0, bytes.length, place);
    return parseAudit(bytes.toString());
  } finally {
    await file.close();
  }
}

function parseAudit(text: string): readonly AuditedRequest[] {
  const requests = new Map<string, AuditedRequest>();
  // What follows the last end of a line is still being written.
  for (const line of text.split('\n').slice(0, -1)) {
    const { auditID, stage, verb, user, objectRef = {}, requestObject, responseStatus = {}, annotations = {} } = JSON.parse(line) as AuditEvent;
    const { resource = '', subresource = '', namespace = '', name = '' } = objectRef;
    const [credential = ''] = user.extra?.['authentication.kubernetes.io/credential-id'] ?? [];
    requests.set(auditID, { user: user.username ?? '', credential, verb, resource, subresource, namespace, name, preconditionUID: requestObject?.preconditions?.uid ?? '', code: responseStatus.code ?? 0, isOver: stage === 'ResponseComplete', isForbidden: annotations['authorization.k8s.io/decision'] === 'forbid', isTooLate: responseStatus.details?.causes?.some(({ reason }) => reason === 'NamespaceTerminating') === true });
  }
  return [...requests.values()];
}
