import { apiVersionOf } from './api-object';
import { type JsonObject } from './json';
import type { Registry } from './registry';
import type { ResourceKind } from './resource-kind';

/** Version that the server gives itself; the minor one decides which requests kubectl sends. */
export const SERVER_VERSION = { major: '1', minor: '34', gitVersion: 'v1.34.2+sandboxes', gitCommit: '', gitTreeState: 'clean', buildDate: '1970-01-01T00:00:00Z', goVersion: '', compiler: '', platform: `${process.platform}/${process.arch}` };

const VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];
const SUBRESOURCE_VERBS = ['get', 'patch', 'update'];

/** Media type of discovery in one document, which saves kubectl a request a group. */
export const AGGREGATED_TYPE = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

/** Answer of `/api`. */
export function coreVersions(): JsonObject {
  return { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] };
}

/** Answer of `/apis`. */
export function groupList(registry: Registry): JsonObject {
  return { kind: 'APIGroupList', apiVersion: 'v1', groups: groupsOf(registry).map(([group, versions]) => groupOf(group, versions)) };
}

/** Answer of `/apis/GROUP`; undefined when it does not exist. */
export function findGroup(registry: Registry, name: string): JsonObject | undefined {
  const found = groupsOf(registry).find(([group]) => group === name);
  return found === undefined ? undefined : { kind: 'APIGroup', apiVersion: 'v1', ...groupOf(...found) };
}

/** Answer of `/apis/GROUP/VERSION`, and of `/api/v1` for the core group; undefined when it does not exist. */
export function findResources(registry: Registry, group: string, version: string): JsonObject | undefined {
  const kinds = registry.all().filter((kind) => kind.group === group && kind.version === version);
  if (kinds.length === 0) return undefined;
  return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion: apiVersionOf(group, version), resources: kinds.flatMap(resourcesOf) };
}

/** Everything at once: the core group for `/api`, all others for `/apis`. */
export function aggregated(registry: Registry, isCore: boolean): JsonObject {
  const groups = isCore ? [['', ['v1']] as const] : groupsOf(registry);
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: 'apidiscovery.k8s.io/v2',
    metadata: {},
    items: groups.map(([group, versions]) => ({
      metadata: { name: group, creationTimestamp: null },
      versions: versions.map((version) => ({
        version,
        freshness: 'Current',
        resources: registry.all().filter((kind) => kind.group === group && kind.version === version).map(aggregatedResource),
      })),
    })),
  };
}

/** Groups but the core one, each with its versions. */
function groupsOf(registry: Registry): readonly (readonly [string, readonly string[]])[] {
  const versionsByGroup = new Map<string, Set<string>>();
  for (const { group, version } of registry.all()) {
    if (group !== '') versionsByGroup.set(group, (versionsByGroup.get(group) ?? new Set()).add(version));
  }
  return [...versionsByGroup].map(([group, versions]) => [group, [...versions]] as const);
}

function groupOf(name: string, versions: readonly string[]): JsonObject {
  const entries = versions.map((version) => ({ groupVersion: `${name}/${version}`, version }));
  return { name, versions: entries, preferredVersion: entries[0] };
}

function resourcesOf(kind: ResourceKind): JsonObject[] {
  const { plural, singular, namespaced, shortNames, categories } = kind;
  return [
    {
      name: plural,
      singularName: singular,
      namespaced,
      kind: kind.kind,
      verbs: VERBS,
      ...(shortNames.length === 0 ? {} : { shortNames }),
      ...(categories.length === 0 ? {} : { categories }),
    },
    ...subresourcesOf(kind).map(({ name, type, verbs }) => ({ name: `${plural}/${name}`, singularName: '', namespaced, ...type, verbs })),
  ];
}

function aggregatedResource(kind: ResourceKind): JsonObject {
  const { group, version, plural, singular, namespaced, shortNames, categories } = kind;
  const scope = namespaced ? 'Namespaced' : 'Cluster';
  return {
    resource: plural,
    responseKind: { group, version, kind: kind.kind },
    scope,
    singularResource: singular,
    verbs: VERBS,
    ...(shortNames.length === 0 ? {} : { shortNames }),
    ...(categories.length === 0 ? {} : { categories }),
    subresources: subresourcesOf(kind).map(({ name, type, verbs }) => ({
      subresource: name,
      responseKind: { group: type.group ?? group, version: type.version ?? version, kind: type.kind },
      verbs,
    })),
  };
}

interface Subresource {
  readonly name: string;
  readonly type: { readonly kind: string; readonly group?: string; readonly version?: string };
  readonly verbs: readonly string[];
}

function subresourcesOf({ kind, plural, group, hasStatus, scale }: ResourceKind): Subresource[] {
  const result: Subresource[] = [];
  if (hasStatus) result.push({ name: 'status', type: { kind }, verbs: SUBRESOURCE_VERBS });
  if (scale !== undefined) result.push({ name: 'scale', type: { group: 'autoscaling', version: 'v1', kind: 'Scale' }, verbs: SUBRESOURCE_VERBS });
  if (group === '' && plural === 'pods') {
    result.push({ name: 'log', type: { kind }, verbs: ['get'] }, { name: 'binding', type: { kind: 'Binding' }, verbs: ['create'] });
    result.push({ name: 'exec', type: { kind: 'PodExecOptions' }, verbs: ['create', 'get'] });
    result.push({ name: 'eviction', type: { group: 'policy', version: 'v1', kind: 'Eviction' }, verbs: ['create'] });
  }
  return result;
}
