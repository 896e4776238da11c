import type { Registry } from './registry';
import type { ResourceKind } from './resource-kind';

/** What a path of the API names. */
export interface ResourcePath {
  readonly kind: ResourceKind;
  /** Absent for cluster-scoped kinds, and for lists over all namespaces. */
  readonly namespace?: string;
  /** Absent for a collection. */
  readonly name?: string;
  readonly subresource?: string;
}

/** Subresources of a namespace; every other third step below `namespaces` is a collection inside it. */
const NAMESPACE_SUBRESOURCES = new Set(['status', 'finalize']);

/** Reads a path such as `/apis/apps/v1/namespaces/default/deployments/web/scale`; undefined when nothing is served there. */
export function parseResourcePath(path: string, registry: Registry): ResourcePath | undefined {
  const [root, ...steps] = decodeSteps(path);
  const group = root === 'api' ? '' : root === 'apis' ? steps.shift() : undefined;
  const version = steps.shift();
  if (group === undefined || version === undefined) return undefined;
  const isInNamespace = steps[0] === 'namespaces' && steps.length > 2 && !NAMESPACE_SUBRESOURCES.has(steps[2] ?? '');
  const namespace = isInNamespace ? steps[1] : undefined;
  const [plural, name, subresource, ...rest] = isInNamespace ? steps.slice(2) : steps;
  if (plural === undefined || rest.length > 0) return undefined;
  const kind = registry.find(group, version, plural);
  if (kind === undefined || (namespace !== undefined && !kind.namespaced)) return undefined;
  if (kind.namespaced && namespace === undefined && name !== undefined) return undefined;
  return {
    kind,
    ...(namespace === undefined ? {} : { namespace }),
    ...(name === undefined || name === '' ? {} : { name }),
    ...(subresource === undefined ? {} : { subresource }),
  };
}

/** The steps of a path; none when it is not properly encoded, so that it names nothing. */
function decodeSteps(path: string): string[] {
  try {
    return path.split('/').slice(1).map(decodeURIComponent);
  } catch {
    return [];
  }
}
