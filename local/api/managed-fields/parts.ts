import { isJsonObject, type JsonObject } from '../json';
import type { FieldType } from './field-type';

/** A field of an object, or an item of a list. */
export interface Part {
  /** The step of a field set that leads to it. */
  readonly step: string;
  readonly value: unknown;
  readonly type: FieldType;
  /** Whether it is owned as such: an item, or a field that the schema does not name. */
  readonly isOwned: boolean;
}

/** The parts of a value that can be owned apart; undefined for a value that is owned as a whole. */
export function partsOf(value: unknown, type: FieldType): readonly Part[] | undefined {
  if (Array.isArray(value)) return type.list === 'atomic' ? undefined : value.map((item) => ({ step: itemStep(item, type), value: item, type: type.items, isOwned: true }));
  if (!isJsonObject(value) || type.isAtomicObject) return undefined;
  return Object.keys(value).flatMap((name) =>
    value[name] === undefined ? [] : [{ step: fieldStep(name), value: value[name], type: type.field(name), isOwned: !type.names(name) }],
  );
}

/** Whether a value has a part that can be owned apart. */
export function hasParts(value: unknown, type: FieldType): boolean {
  if (Array.isArray(value)) return type.list !== 'atomic' && value.length > 0;
  if (!isJsonObject(value) || type.isAtomicObject) return false;
  for (const name in value) if (value[name] !== undefined) return true;
  return false;
}

export function fieldStep(name: string): string {
  return `f:${name}`;
}

/** The step to an item of a list that is no atomic one: its value, or its keys. */
export function itemStep(item: unknown, { list }: FieldType): string {
  return typeof list === 'string' ? `v:${JSON.stringify(item)}` : `k:${JSON.stringify(keysOf(item, list))}`;
}

/** The keys of an item, in the order of the type; a key that the item lacks has its default, or is left out. */
export function keysOf(item: unknown, keys: Exclude<FieldType['list'], string>): JsonObject {
  const object = isJsonObject(item) ? item : {};
  return Object.fromEntries(keys.map((key) => [key.name, object[key.name] ?? key.default]).filter(([, value]) => value !== undefined));
}
