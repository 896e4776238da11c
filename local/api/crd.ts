import { type ApiObject, timestampOf } from './api-object';
import { AGE, crdColumn, NAME } from './columns';
import { type FieldProblem, invalidValue, requiredValue } from './field-problem';
import { isJsonObject, type JsonObject, objectsOf, toJsonObject, valueAt } from './json';
import { compileObjectSchema } from './object-schema';
import type { ResourceKind, ScalePaths } from './resource-kind';
import type { StructuralSchema } from './structural-schema';

/** Finalizer of a CRD until its objects are gone. */
export const CRD_FINALIZER = 'customresourcecleanup.apiextensions.k8s.io';

/** A new CRD with the names and conditions that say it is served, which it is from the moment it is stored. */
export function completeCrd(crd: JsonObject, now: Date): JsonObject {
  const spec = toJsonObject(crd.spec);
  const names = completeNames(toJsonObject(spec.names));
  const condition = (type: string, reason: string, message: string) => ({ type, status: 'True', lastTransitionTime: timestampOf(now), reason, message });
  return {
    ...crd,
    spec: { ...spec, names, conversion: spec.conversion ?? { strategy: 'None' } },
    status: {
      conditions: [condition('NamesAccepted', 'NoConflicts', 'no conflicts found'), condition('Established', 'InitialNamesAccepted', 'the initial names have been accepted')],
      acceptedNames: names,
      storedVersions: objectsOf(spec.versions).filter(({ storage }) => storage === true).map(({ name }) => name),
    },
  };
}

/** Everything that keeps a CRD from being served. */
export function checkCrd(crd: ApiObject): readonly FieldProblem[] {
  const spec = toJsonObject(crd.spec);
  const names = toJsonObject(spec.names);
  const missing = [
    ...(['group', 'scope'] as const).filter((field) => typeof spec[field] !== 'string').map((field) => requiredValue(['spec', field])),
    ...(['plural', 'kind'] as const).filter((field) => typeof names[field] !== 'string').map((field) => requiredValue(['spec', 'names', field])),
  ];
  if (missing.length > 0) return missing;
  const wanted = `${String(names.plural)}.${String(spec.group)}`;
  if (crd.metadata.name !== wanted) return [invalidValue(['metadata', 'name'], crd.metadata.name, `must be spec.names.plural+"."+spec.group`)];
  const stored = objectsOf(spec.versions).filter(({ storage }) => storage === true);
  if (stored.length !== 1) return [invalidValue(['spec', 'versions'], spec.versions, 'must have exactly one version marked as storage version')];
  try {
    toCustomKind(crd);
    return [];
  } catch (error) {
    return [invalidValue(['spec', 'versions'], stored[0]?.name, error instanceof Error ? error.message : String(error))];
  }
}

/** A CRD whose deletion begins waits for its objects. */
export function markCrdDeleted(crd: ApiObject): ApiObject {
  const { finalizers = [] } = crd.metadata;
  return { ...crd, metadata: { ...crd.metadata, finalizers: [...finalizers.filter((name) => name !== CRD_FINALIZER), CRD_FINALIZER] } };
}

/**
 * The kind that a CRD defines, in its storage version. Other versions are not served: there is no conversion here.
 *
 * @throws Error when its schema, a rule or a column can not be used
 */
export function toCustomKind(crd: ApiObject): ResourceKind {
  const spec = toJsonObject(crd.spec);
  const names = completeNames(toJsonObject(spec.names));
  const version = objectsOf(spec.versions).find(({ storage }) => storage === true) ?? {};
  const subresources = toJsonObject(version.subresources);
  const schema = toJsonObject(version.schema).openAPIV3Schema;
  if (!isJsonObject(schema)) throw new Error('schemas are required');
  const scale = isJsonObject(subresources.scale) ? scalePaths(subresources.scale) : undefined;
  const columns = objectsOf(version.additionalPrinterColumns).map(crdColumn);
  return {
    group: String(spec.group),
    version: String(version.name),
    kind: names.kind,
    listKind: names.listKind,
    plural: names.plural,
    singular: names.singular,
    shortNames: names.shortNames ?? [],
    categories: names.categories ?? [],
    namespaced: spec.scope === 'Namespaced',
    custom: true,
    hasStatus: subresources.status !== undefined,
    ...(scale === undefined ? {} : { scale, check: (object: ApiObject) => checkReplicas(object, scale) }),
    countsGenerations: true,
    nameForm: 'subdomain',
    selectableFields: objectsOf(version.selectableFields).map(({ jsonPath }) => pathSteps(jsonPath)),
    columns: columns.length === 0 ? [NAME, AGE] : [NAME, ...columns],
    schema: compileObjectSchema(schema as StructuralSchema),
  };
}

interface CrdNames {
  readonly plural: string;
  readonly kind: string;
  readonly singular: string;
  readonly listKind: string;
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
}

function completeNames(names: JsonObject): CrdNames {
  const kind = String(names.kind);
  const listOf = (value: unknown) => (Array.isArray(value) ? value.map(String) : undefined);
  const shortNames = listOf(names.shortNames);
  const categories = listOf(names.categories);
  return {
    plural: String(names.plural),
    kind,
    singular: typeof names.singular === 'string' && names.singular !== '' ? names.singular : kind.toLowerCase(),
    listKind: typeof names.listKind === 'string' && names.listKind !== '' ? names.listKind : `${kind}List`,
    ...(shortNames === undefined ? {} : { shortNames }),
    ...(categories === undefined ? {} : { categories }),
  };
}

function scalePaths({ specReplicasPath, statusReplicasPath, labelSelectorPath }: JsonObject): ScalePaths {
  return {
    spec: pathSteps(specReplicasPath),
    status: pathSteps(statusReplicasPath),
    ...(labelSelectorPath === undefined ? {} : { selector: pathSteps(labelSelectorPath) }),
  };
}

/** What the scale subresource reads must be countable, whatever the schema says; Kubernetes names the field by its JSON path. */
function checkReplicas(object: ApiObject, { spec, status }: ScalePaths): readonly FieldProblem[] {
  return [spec, status].flatMap((steps) => {
    const replicas = valueAt(object, steps);
    return typeof replicas === 'number' && replicas < 0 ? [invalidValue([`.${steps.join('.')}`], replicas, 'should be a non-negative integer')] : [];
  });
}

function pathSteps(jsonPath: unknown): readonly string[] {
  return String(jsonPath).split('.').filter((step) => step !== '');
}
