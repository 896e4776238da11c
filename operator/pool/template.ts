import { createHash } from 'node:crypto';
import { unlessTooDeep } from '../../src/schema/depth';
import { API_VERSION, Label } from '../../src/schema/names';
import type { Pod, PodSpec, PodTemplateSpec } from '../../src/schema/kubernetes';
import type { Pool } from '../../src/schema/pool';
import { podPrefix } from '../allocation-record';
import type { NewObject } from '../kube/api';

const revisions = new WeakMap<object, string>();

/**
 * Revision of a template: 16 hex characters that change when, and only when, its meaning does; key order does not matter (R66). That of no
 * template for one that is too deep to be one.
 */
export function templateRevision(template: PodTemplateSpec | undefined): string {
  if (template === undefined) return hash('');
  let revision = revisions.get(template);
  if (revision === undefined) revisions.set(template, (revision = hash(unlessTooDeep(() => JSON.stringify(sortKeys(template)), ''))));
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

/** Characters of the random end of a pod's name: without vowels and look-alikes, as the API server chooses them. */
const NAME_ALPHABET = 'bcdfghjklmnpqrstvwxz2456789';
const NAME_END_LENGTH = 5;
/** Names drawn for one pod, at most: in a pool of 10,000 one draw in 1,400 is taken, so ten in a row never are. */
const NAME_DRAWS = 10;

/** What names of pods are drawn from. */
export interface PodNames {
  /** Number from 0 up to 1. */
  readonly random: () => number;
  /** Whether a pod of this name is known. */
  readonly isTaken: (name: string) => boolean;
}

/**
 * A new pod of a pool. Its name ends in 5 random characters of our own choice, not of the server's (`generateName`): with a name known
 * beforehand, a create whose answer is lost can be sent again without making two pods. The revision is that of the template as the user
 * wrote it, before its completion.
 */
export function poolPod(
  pool: Pool,
  names: PodNames,
  complete: (spec: PodSpec) => PodSpec,
): NewObject<Pod> & { readonly metadata: { readonly name: string } } {
  const { name, namespace, uid = '' } = pool.metadata;
  const template = pool.spec.template;
  return {
    metadata: {
      name: drawName(podPrefix(name), names),
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
    spec: template?.spec && complete(template.spec),
  };
}

/** A name that no known pod has; one that collides nevertheless is refused by the API server, and the next pass draws again. */
function drawName(prefix: string, { random, isTaken }: PodNames): string {
  let name: string;
  let draws = 0;
  do {
    name = prefix + Array.from({ length: NAME_END_LENGTH }, () => NAME_ALPHABET[Math.floor(random() * NAME_ALPHABET.length)]).join('');
    draws += 1;
  } while (draws < NAME_DRAWS && isTaken(name));
  return name;
}
