import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { joinSentences } from '../src/schema/errors';
import type { KubeObject } from '../src/schema/kubernetes';

/** An object to apply, and where it stands. */
export interface Manifest {
  readonly object: KubeObject & { readonly apiVersion: string; readonly kind: string };
  readonly file: string;
}

/** Kinds that others need, in the order in which they go in; everything else follows in the order of the files. */
const FIRST_KINDS = [
  'CustomResourceDefinition',
  'Namespace',
  'ServiceAccount',
  'ClusterRole',
  'Role',
  'ClusterRoleBinding',
  'RoleBinding',
  'ConfigMap',
  'Secret',
  'Service',
  'Deployment',
  'Pool',
];

/**
 * Reads the objects of a YAML or JSON file, or of all such files in a folder, in an order in which they can be applied.
 *
 * @throws Error that lists everything in the files that is no Kubernetes object
 */
export async function readManifests(path: string): Promise<Manifest[]> {
  const problems: string[] = [];
  const manifests: Manifest[] = [];
  for (const file of await manifestFiles(path)) {
    for (const document of parseAllDocuments(await readFile(file, 'utf8'))) {
      const syntaxErrors = document.errors.map(({ message }) => `${file}: ${message.split('\n')[0] ?? ''}`);
      problems.push(...syntaxErrors);
      const value: unknown = syntaxErrors.length === 0 ? document.toJS() : null;
      if (value === null) continue;
      if (isObject(value)) manifests.push({ object: value, file });
      else problems.push(`${file}: expected an object with apiVersion, kind and metadata.name, got ${JSON.stringify(value).slice(0, 200)}`);
    }
  }
  if (problems.length > 0) throw new Error(joinSentences('manifests', problems));
  if (manifests.length === 0) throw new Error(`manifests: expected at least one object in '${path}', got none`);
  return sortForApply(manifests);
}

/** Orders objects so that what others need comes first; otherwise keeps their order. */
export function sortForApply(manifests: readonly Manifest[]): Manifest[] {
  const rank = ({ object }: Manifest) => (FIRST_KINDS.indexOf(object.kind) + FIRST_KINDS.length + 1) % (FIRST_KINDS.length + 1);
  return [...manifests].sort((a, b) => rank(a) - rank(b));
}

async function manifestFiles(path: string): Promise<string[]> {
  if (!(await stat(path)).isDirectory()) return [path];
  const names = await readdir(path, { recursive: true });
  return names.filter((name) => /\.(ya?ml|json)$/.test(name)).sort().map((name) => join(path, name));
}

function isObject(value: unknown): value is Manifest['object'] {
  const { apiVersion, kind, metadata } = value as { apiVersion?: unknown; kind?: unknown; metadata?: { name?: unknown } };
  return typeof apiVersion === 'string' && typeof kind === 'string' && typeof metadata?.name === 'string';
}
