import { isJsonObject, jsonEqual } from '../json';
import { difference, type FieldSet, isEmpty, isFieldSet, union } from './field-set';
import type { FieldChanges } from './fields-of';

/** Who writes, by what request: fields of one manager that were written in two ways are two entries. */
export interface FieldManager {
  readonly manager: string;
  readonly operation: 'Apply' | 'Update';
  /** Group and version of the object as it was written. */
  readonly apiVersion: string;
  readonly subresource?: string;
}

/** An entry of `metadata.managedFields`: what one manager owns. */
export interface ManagedFieldsEntry extends FieldManager {
  /** When the manager wrote last, RFC 3339 in whole seconds; absent in entries that a client made. */
  readonly time?: string;
  readonly fieldsType: 'FieldsV1';
  readonly fieldsV1: FieldSet;
}

/** The entries that a client sent; undefined when they can not be read. */
export function parseEntries(value: unknown): readonly ManagedFieldsEntry[] | undefined {
  return Array.isArray(value) && value.every(isEntry) ? value : undefined;
}

function isEntry(value: unknown): value is ManagedFieldsEntry {
  if (!isJsonObject(value)) return false;
  const { manager, operation, apiVersion, time, subresource, fieldsType, fieldsV1 } = value;
  const areTexts = [manager, apiVersion].every((text) => typeof text === 'string') && [time, subresource].every((text) => text === undefined || typeof text === 'string');
  return areTexts && (operation === 'Apply' || operation === 'Update') && fieldsType === 'FieldsV1' && isFieldSet(fieldsV1);
}

/** Whether two entries are of the same manager, written in the same way. */
export function isSameManager(a: FieldManager, b: FieldManager): boolean {
  const isSame = a.manager === b.manager && a.operation === b.operation && (a.subresource ?? '') === (b.subresource ?? '');
  return isSame && (a.operation === 'Apply' || a.apiVersion === b.apiVersion);
}

/** The entries after a change of which `manager` is the author: it owns what it changed, and nobody what is gone. */
export function withUpdate(entries: readonly ManagedFieldsEntry[], { changed, removed }: FieldChanges, manager: FieldManager, time: string): readonly ManagedFieldsEntry[] {
  if (isEmpty(changed) && isEmpty(removed)) return entries;
  const own = entries.find((entry) => isSameManager(entry, manager));
  const others = withoutFields(entries.filter((entry) => entry !== own), union(changed, removed));
  const fieldsV1 = union(difference(own?.fieldsV1 ?? {}, removed), changed);
  const entry = isEmpty(changed) && own !== undefined ? { ...own, fieldsV1 } : toEntry(manager, fieldsV1, time);
  return inOrder(isEmpty(fieldsV1) ? others : [...others, entry]);
}

/**
 * The entries after a change by which `manager` applied `fields`, all that it owns from now on.
 *
 * `changes` is what became of the object; where nothing did, an entry that stays the same keeps its time.
 */
export function withApplied(entries: readonly ManagedFieldsEntry[], changes: FieldChanges, manager: FieldManager, fields: FieldSet, time: string): readonly ManagedFieldsEntry[] {
  const own = entries.find((entry) => isSameManager(entry, manager));
  const isUnchanged = isEmpty(changes.changed) && isEmpty(changes.removed);
  if (isUnchanged && own !== undefined && jsonEqual(own.fieldsV1, fields)) return entries;
  const others = withoutFields(entries.filter((entry) => entry !== own), union(changes.changed, changes.removed));
  return inOrder(isEmpty(fields) ? others : [...others, toEntry(manager, fields, time)]);
}

function toEntry({ manager, operation, apiVersion, subresource }: FieldManager, fieldsV1: FieldSet, time: string): ManagedFieldsEntry {
  return { manager, operation, apiVersion, time, fieldsType: 'FieldsV1', fieldsV1, ...(subresource === undefined ? {} : { subresource }) };
}

function withoutFields(entries: readonly ManagedFieldsEntry[], gone: FieldSet): ManagedFieldsEntry[] {
  return entries.flatMap((entry) => {
    const fieldsV1 = difference(entry.fieldsV1, gone);
    return isEmpty(fieldsV1) ? [] : [{ ...entry, fieldsV1 }];
  });
}

/** Appliers first, then by time and name, as Kubernetes lists them. */
function inOrder(entries: readonly ManagedFieldsEntry[]): readonly ManagedFieldsEntry[] {
  const keyOf = ({ operation, time = '', manager, apiVersion, subresource = '' }: ManagedFieldsEntry) => [operation, time, manager, apiVersion, subresource].join('\n');
  return [...entries].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}
