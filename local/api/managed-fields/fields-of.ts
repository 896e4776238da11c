import { isJsonObject, jsonEqual } from '../json';
import { below, type FieldSet, isEmpty, isMember, NO_FIELDS, SELF } from './field-set';
import type { FieldType } from './field-type';
import { hasParts, type Part, partsOf } from './parts';

/** Every field that an object says something about: what one who applies it owns. */
export function fieldsOf(object: unknown, type: FieldType): FieldSet {
  return collect(partsOf(object, type) ?? [], (part) => fieldsOfPart(part));
}

function fieldsOfPart({ value, type, isOwned }: Part): FieldSet | undefined {
  const parts = partsOf(value, type);
  if (parts === undefined) return NO_FIELDS;
  return below(collect(parts, fieldsOfPart), isOwned || (isJsonObject(value) && parts.length === 0));
}

/** How one state of an object differs from another. */
export interface FieldChanges {
  /** Fields that are new, or have another value. */
  readonly changed: FieldSet;
  /** Fields that are no longer there. */
  readonly removed: FieldSet;
}

const NO_CHANGES: FieldChanges = { changed: NO_FIELDS, removed: NO_FIELDS };

/** What changed from `old` to `now`; what both share is not looked at. */
export function changesOf(old: unknown, now: unknown, type: FieldType): FieldChanges {
  if (old === now) return NO_CHANGES;
  const changed: Record<string, FieldSet> = {};
  const removed: Record<string, FieldSet> = {};
  const oldParts = new Map(partsOf(old, type)?.map((part) => [part.step, part]));
  const add = (step: string, before: Part | undefined, after: Part | undefined) => {
    const changes = changesOfPart(before, after);
    if (changes.changed !== undefined) changed[step] = changes.changed;
    if (changes.removed !== undefined) removed[step] = changes.removed;
  };
  for (const after of partsOf(now, type) ?? []) {
    add(after.step, oldParts.get(after.step), after);
    oldParts.delete(after.step);
  }
  for (const [step, before] of oldParts) add(step, before, undefined);
  return { changed, removed };
}

/** What stands below a step in each set of the changes. */
interface PartChanges {
  readonly changed?: FieldSet;
  readonly removed?: FieldSet;
}

function changesOfPart(before: Part | undefined, after: Part | undefined): PartChanges {
  if (before?.value === after?.value) return {};
  if (isWhole(before) && isWhole(after)) {
    if (before === undefined) return { changed: NO_FIELDS };
    if (after === undefined) return { removed: NO_FIELDS };
    return jsonEqual(before.value, after.value) ? {} : { changed: NO_FIELDS };
  }
  const type = after?.type ?? before?.type;
  const { changed, removed } = type === undefined ? NO_CHANGES : changesOf(before?.value, after?.value, type);
  const isReplaced = before !== undefined && after !== undefined && isScalar(before.value) !== isScalar(after.value);
  return {
    changed: below(changed, before === undefined || isReplaced),
    removed: below(removed, after === undefined),
  };
}

/** Whether nothing, a value without parts, or one without any part at this time. */
function isWhole(part: Part | undefined): boolean {
  return part === undefined || !hasParts(part.value, part.type);
}

function isScalar(value: unknown): boolean {
  return typeof value !== 'object';
}

function collect(parts: readonly Part[], fieldsBelow: (part: Part) => FieldSet | undefined): FieldSet {
  const result: Record<string, FieldSet> = {};
  for (const part of parts) {
    const fields = fieldsBelow(part);
    if (fields !== undefined) result[part.step] = fields;
  }
  return result;
}

/** `set` with every step that the schema names and that has members below it as a member too. */
export function withNamedFields(set: FieldSet, type: FieldType): FieldSet {
  return Object.fromEntries(
    Object.entries(set).filter(([step]) => step !== SELF).map(([step, under]) => {
      const name = step.startsWith('f:') ? step.slice(2) : undefined;
      const children = isEmpty(under) ? under : withNamedFields(under, name === undefined ? type.items : type.field(name));
      return [step, below(children, isMember(under) || (name !== undefined && type.names(name))) ?? NO_FIELDS];
    }),
  );
}
