import type { WrittenPart } from '../admission';
import { type ApiObject, timestampOf } from '../api-object';
import { isJsonObject, type JsonObject, toJsonObject } from '../json';
import { metadataOf } from '../metadata';
import type { ResourceKind } from '../resource-kind';
import { mergeApplied, removeFields } from './apply-merge';
import { applyConflict, conflictsOf } from './conflicts';
import { type FieldManager, isSameManager, type ManagedFieldsEntry, parseEntries, withApplied, withUpdate } from './entries';
import { difference, type FieldSet, NO_FIELDS, union } from './field-set';
import { type FieldType, typeOfKind } from './field-type';
import { changesOf, fieldsOf, withNamedFields } from './fields-of';
import { fieldsOfLastApplied, withLastApplied } from './last-applied';

/** Owner of what an object held before anybody applied to it, where nobody kept who wrote it. */
const BEFORE_FIRST_APPLY = 'before-first-apply';

/** What an apply makes of an object. */
export interface Applied {
  readonly object: JsonObject;
  readonly entries: readonly ManagedFieldsEntry[];
}

/**
 * Knows who owns which field: keeps `metadata.managedFields` on every write, and merges what is applied.
 *
 * @see https://kubernetes.io/docs/reference/using-api/server-side-apply/
 */
export class FieldTracker {
  private readonly typesByKind = new WeakMap<ResourceKind, FieldType>();

  constructor(private readonly now: () => Date) {}

  typeOf(kind: ResourceKind): FieldType {
    const known = this.typesByKind.get(kind);
    if (known !== undefined) return known;
    const type = typeOfKind(kind);
    this.typesByKind.set(kind, type);
    return type;
  }

  /** A new object with what its creator owns; `sent` are the entries that the creator gave it. */
  created(kind: ResourceKind, object: ApiObject, sent: unknown, manager: FieldManager): ApiObject {
    const now = trackedPart(object, kind, 'object');
    const changes = changesOf(kind.custom ? { metadata: {} } : blankOf(now), now, this.typeOf(kind));
    return withEntries(object, withUpdate(parseEntries(sent) ?? [], changes, manager, this.time()));
  }

  /**
   * A changed object with what its writers own now; `sent` are the entries that the request gave it, by which a client can change
   * them. Once they are gone, nothing is kept until somebody applies.
   */
  changed(kind: ResourceKind, old: ApiObject, object: ApiObject, part: WrittenPart, sent: unknown, manager: FieldManager): ApiObject {
    const entries = manager.subresource === undefined ? sentEntries(old, sent) : (old.metadata.managedFields ?? []);
    if (entries.length === 0 || part === 'binding') return withEntries(object, entries);
    const changes = changesOf(trackedPart(old, kind, part), trackedPart(object, kind, part), this.typeOf(kind));
    return withEntries(object, withUpdate(entries, changes, manager, this.time()));
  }

  /** The object that an apply creates, with what the applier owns. */
  createdByApply(kind: ResourceKind, object: ApiObject, config: JsonObject, manager: FieldManager): ApiObject {
    return withEntries(object, withApplied([], { changed: NO_FIELDS, removed: NO_FIELDS }, manager, this.fieldsOf(config, kind, 'object'), this.time()));
  }

  /**
   * What becomes of `live` when `config` is applied: it gets what is said there, and loses what the same manager has said before,
   * says no more and nobody else owns. It has still to be admitted.
   *
   * @throws ApiError 409 when that changes a field of another manager, unless `force` takes it away from them
   */
  apply(kind: ResourceKind, live: ApiObject, config: JsonObject, part: WrittenPart, manager: FieldManager, force: boolean): Applied {
    const type = this.typeOf(kind);
    const present = live.metadata.managedFields ?? this.entriesBeforeFirstApply(kind, live, manager);
    const own = present.find((entry) => isSameManager(entry, manager));
    const others = present.filter((entry) => entry !== own);
    const owned = others.reduce<FieldSet>((fields, { fieldsV1 }) => union(fields, fieldsV1), fieldsOf(config, type));
    const dropped = difference(withNamedFields(own?.fieldsV1 ?? NO_FIELDS, type), withNamedFields(owned, type));
    const merged = toJsonObject(removeFields(mergeApplied(live, config, type), dropped, type));
    const changes = changesOf(trackedPart(live, kind, part), trackedPart(merged, kind, part), type);
    const conflicts = force ? [] : conflictsOf(others, changes.changed, fieldsOfLastApplied(live, manager.manager, type));
    if (conflicts.length > 0) throw applyConflict(conflicts);
    return {
      object: withLastApplied(merged, live, config, manager.manager),
      entries: withApplied(present, changes, manager, this.fieldsOf(config, kind, part), this.time()),
    };
  }

  private fieldsOf(config: JsonObject, kind: ResourceKind, part: WrittenPart): FieldSet {
    return difference(fieldsOf(trackedPart(config, kind, part), this.typeOf(kind)), { 'f:metadata': NO_FIELDS });
  }

  private entriesBeforeFirstApply(kind: ResourceKind, live: ApiObject, { apiVersion }: FieldManager): readonly ManagedFieldsEntry[] {
    const manager = { manager: BEFORE_FIRST_APPLY, operation: 'Update', apiVersion } as const;
    return this.created(kind, live, undefined, manager).metadata.managedFields ?? [];
  }

  private time(): string {
    return timestampOf(this.now());
  }
}

/** An object with these entries, none being no list at all. */
export function withEntries(object: ApiObject, entries: readonly ManagedFieldsEntry[]): ApiObject {
  const { managedFields, ...metadata } = object.metadata;
  if (managedFields === entries || (managedFields === undefined && entries.length === 0)) return object;
  return { ...object, metadata: entries.length === 0 ? metadata : { ...metadata, managedFields: entries } };
}

/** The entries of a request that changes an object; without any, or with unreadable ones, those that are there stay. */
function sentEntries({ metadata: { managedFields = [] } }: ApiObject, sent: unknown): readonly ManagedFieldsEntry[] {
  if (sent === managedFields) return managedFields;
  if (Array.isArray(sent) && sent.every((entry) => isJsonObject(entry) && Object.keys(entry).length === 0)) return [];
  return parseEntries(sent) ?? managedFields;
}

/** The fields whose owners are kept: what a request can write, without what the server itself sets. */
function trackedPart(object: JsonObject, { hasStatus }: ResourceKind, part: WrittenPart): JsonObject {
  const { apiVersion: _apiVersion, kind: _kind, metadata: _metadata, status, ...rest } = object;
  if (part === 'status') return { status };
  const { generateName, labels, annotations, ownerReferences, finalizers } = metadataOf(object);
  return { ...rest, ...(hasStatus ? {} : { status }), metadata: { generateName, labels, annotations, ownerReferences, finalizers } };
}

/** Fields that every object of a built-in kind has, if only empty ones: nobody owns them as such. */
const ALWAYS_THERE = new Set(['metadata', 'spec', 'template', 'strategy', 'updateStrategy', 'jobTemplate', 'source', 'containers']);

function blankOf(object: JsonObject): JsonObject {
  const fields = Object.entries(object).filter(([name]) => ALWAYS_THERE.has(name));
  return Object.fromEntries(fields.map(([name, value]) => [name, Array.isArray(value) ? [] : blankOf(toJsonObject(value))]));
}
