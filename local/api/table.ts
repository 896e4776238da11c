import { apiVersionOf, type ApiObject } from './api-object';
import type { JsonObject } from './json';
import { toMetadata } from './presentation';
import type { ResourceKind } from './resource-kind';

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
      ...(includeObject === 'None' ? {} : { object: includeObject === 'Object' ? object : toMetadata(object) }),
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

/** `apiVersion` and `kind` of a list of this kind. */
export function listTypeOf({ group, version, listKind }: ResourceKind): { readonly kind: string; readonly apiVersion: string } {
  return { kind: listKind, apiVersion: apiVersionOf(group, version) };
}
