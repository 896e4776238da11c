import { apiVersionOf, type ApiObject } from './api-object';
import type { JsonObject } from './json';
import type { ResourceKind } from './resource-kind';

/** How a client wants objects to be shown: as they are, or as rows for `kubectl get`. */
export type Presentation = 'objects' | 'table';

/** Reads the Accept header; of the forms it names, the first that is served counts. */
export function parsePresentation(accept: string | undefined): Presentation {
  const wanted = (accept ?? '').split(',').find((form) => !/;as=/.test(form) || /;as=Table(;|$)/.test(form));
  return wanted !== undefined && /;as=Table/.test(wanted) ? 'table' : 'objects';
}

/** A Table with one row an object; columns are left out of all but the first table of a watch. */
export function toTable(kind: ResourceKind, objects: readonly ApiObject[], listMetadata: JsonObject, options: TableOptions): JsonObject {
  const { now, includeObject, withColumns } = options;
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata: listMetadata,
    columnDefinitions: withColumns
      ? kind.columns.map(({ name, type, format = '', description = '', priority = 0 }) => ({ name, type, format, description, priority }))
      : null,
    rows: objects.map((object) => ({
      cells: kind.columns.map((column) => column.value(object, now) ?? null),
      ...(includeObject === 'None' ? {} : { object: includeObject === 'Object' ? object : onlyMetadata(object) }),
    })),
  };
}

/** What a table is to contain. */
export interface TableOptions {
  readonly now: Date;
  /** What stands beside the cells of a row; kubectl needs at least the metadata. */
  readonly includeObject: 'None' | 'Metadata' | 'Object';
  readonly withColumns: boolean;
}

/** The `includeObject` query parameter; anything unknown means metadata. */
export function parseIncludeObject(text: string | null): TableOptions['includeObject'] {
  return text === 'None' || text === 'Object' ? text : 'Metadata';
}

function onlyMetadata({ metadata }: ApiObject): JsonObject {
  return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata };
}

/** `apiVersion` and `kind` of a list of this kind. */
export function listTypeOf({ group, version, listKind }: ResourceKind): { readonly kind: string; readonly apiVersion: string } {
  return { kind: listKind, apiVersion: apiVersionOf(group, version) };
}
