import { createHash } from 'node:crypto';
import { API_VERSION, Label } from '../../src/schema/names';
import type { Pod, PodTemplateSpec } from '../../src/schema/kubernetes';
import type { Pool } from '../../src/schema/pool';

const revisions = new WeakMap<object, string>();

/** Revision of a template: 16 hex characters that change when, and only when, its meaning does; key order does not matter (R66). */
export function templateRevision(template: PodTemplateSpec | undefined): string {
  if (template === undefined) return hash('');
  let revision = revisions.get(template);
  if (revision === undefined) revisions.set(template, (revision = hash(JSON.stringify(sortKeys(template)))));
  return revision;
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, item]) => [key, sortKeys(item)]),
  );
}

/** A new pod of a pool; the API server completes its name with 5 characters (section 2.4 of the contract). */
export function poolPod(pool: Pool): Pod {
  const { name, namespace, uid = '' } = pool.metadata;
  const template = pool.spec.template;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: '',
      generateName: `${name}-`,
      namespace,
      labels: {
        ...template?.metadata?.labels,
        [Label.poolName]: name,
        [Label.poolRevision]: templateRevision(template),
      },
      annotations: template?.metadata?.annotations,
      finalizers: template?.metadata?.finalizers,
      ownerReferences: [{ apiVersion: API_VERSION, kind: 'Pool', name, uid, controller: true, blockOwnerDeletion: true }],
    },
    spec: template?.spec,
  };
}
