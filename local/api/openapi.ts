import { apiVersionOf } from './api-object';
import { type JsonObject } from './json';
import { APPLY_TYPE, patchTypesOf } from './patch-body';
import type { Registry } from './registry';
import type { ResourceKind } from './resource-kind';
import { SERVER_VERSION } from './discovery';

/** The only form in which kubectl asks for version 2; it writes `@` for the third dot, which no media type may hold. */
export const OPENAPI_V2_TYPE = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf';

/**
 * A document of version 2 without any definition: field 1 is the version, field 2 the (empty) information. kubectl reads it to check
 * kinds that it did not find in version 3, such as lists, and leaves the check to the server when it knows nothing of them.
 */
export const EMPTY_OPENAPI_V2 = new Uint8Array([0x0a, 3, ...Buffer.from('2.0'), 0x12, 0]);

const OBJECT_META = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';

/** Answer of `/openapi/v3`: where the document of each group and version is. */
export function openApiIndex(registry: Registry): JsonObject {
  const versions = new Set(registry.all().map(({ group, version }) => versionPath(group, version)));
  return { paths: Object.fromEntries([...versions].map((path) => [path, { serverRelativeURL: `/openapi/v3/${path}` }])) };
}

/**
 * OpenAPI document of one version of one group; undefined when it does not exist. It holds what kubectl reads: the schemas for
 * `explain`, and for each kind which patch types and which parameters (dry run, field validation) the server knows.
 */
export function findOpenApi(registry: Registry, path: string): JsonObject | undefined {
  const kinds = registry.all().filter(({ group, version }) => versionPath(group, version) === path);
  if (kinds.length === 0) return undefined;
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version: SERVER_VERSION.gitVersion },
    paths: Object.fromEntries(kinds.flatMap(pathsOf)),
    components: { schemas: { [OBJECT_META]: objectMeta, ...Object.fromEntries(kinds.map((kind) => [schemaName(kind), schemaOf(kind)])) } },
  };
}

function versionPath(group: string, version: string): string {
  return `${group === '' ? 'api' : 'apis'}/${apiVersionOf(group, version)}`;
}

/** Name of a schema: the group backwards, as Kubernetes does it, so that names of different groups never meet. */
function schemaName({ group, version, kind }: ResourceKind): string {
  const reversed = group === '' ? 'io.k8s.api.core' : group.split('.').reverse().join('.');
  return `${reversed}.${version}.${kind}`;
}

function schemaOf(kind: ResourceKind): JsonObject {
  const { source } = kind.schema;
  return {
    description: source.description ?? `${kind.kind} of ${apiVersionOf(kind.group, kind.version)}.`,
    ...source,
    properties: {
      apiVersion: { type: 'string', description: 'Group and version of this object.' },
      kind: { type: 'string', description: 'Kind of this object.' },
      ...source.properties,
      metadata: { description: 'Standard metadata of an object.', allOf: [{ $ref: `#/components/schemas/${OBJECT_META}` }], default: {} },
    },
    'x-kubernetes-group-version-kind': [gvkOf(kind)],
  };
}

function gvkOf({ group, version, kind }: ResourceKind): JsonObject {
  return { group, version, kind };
}

function pathsOf(kind: ResourceKind): [string, JsonObject][] {
  const base = `/${versionPath(kind.group, kind.version)}${kind.namespaced ? '/namespaces/{namespace}' : ''}/${kind.plural}`;
  const operation = (action: string, more: JsonObject = {}) => ({
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': gvkOf(kind),
    responses: { 200: { description: 'OK' } },
    ...more,
  });
  const parameters = ['dryRun', 'fieldManager', 'fieldValidation'].map((name) => ({ name, in: 'query', schema: { type: 'string', uniqueItems: true } }));
  // Strategic merge is left out although built-in kinds take it: kubectl then merges by its own types, which know the keys of lists.
  const patchTypes = [...patchTypesOf({ custom: true }), APPLY_TYPE];
  const content = Object.fromEntries(patchTypes.map((type) => [type, { schema: { type: 'object' } }]));
  return [
    [base, { get: operation('list'), post: operation('post', { parameters }), delete: operation('deletecollection') }],
    [
      `${base}/{name}`,
      {
        get: operation('get'),
        put: operation('put', { parameters }),
        patch: operation('patch', { parameters, requestBody: { content, required: true } }),
        delete: operation('delete', { parameters: parameters.slice(0, 1) }),
      },
    ],
  ];
}

const text = (description: string): JsonObject => ({ type: 'string', description });
const textMap = (description: string): JsonObject => ({ type: 'object', description, additionalProperties: { type: 'string' } });

const objectMeta: JsonObject = {
  type: 'object',
  description: 'Metadata that all objects have.',
  properties: {
    name: text('Name, unique in its namespace; can not be changed.'),
    generateName: text('Front of a name that the server completes, when there is no name.'),
    namespace: text('Namespace of the object.'),
    labels: textMap('Keys and values by which objects are selected.'),
    annotations: textMap('Keys and values for tools; not selected by.'),
    finalizers: { type: 'array', description: 'Who must let go before the object is removed.', items: { type: 'string' } },
    ownerReferences: { type: 'array', description: 'Objects without which this one is removed.', items: { type: 'object' } },
    uid: text('Unique in time and space; set by the server.'),
    resourceVersion: text('Version of the object; changes with every write. Set by the server.'),
    generation: { type: 'integer', format: 'int64', description: 'Counts changes of the wanted state. Set by the server.' },
    creationTimestamp: text('When the object was made. Set by the server.'),
    deletionTimestamp: text('When the object is to be gone; set by the server once deletion is asked for.'),
    deletionGracePeriodSeconds: { type: 'integer', format: 'int64', description: 'Seconds that it may take to end, from the request of its deletion.' },
  },
};
