import { isJsonObject } from '../json';
import { type FieldSet, isMember, pathText } from './field-set';
import type { FieldType } from './field-type';
import { fieldStep, itemStep, keysOf } from './parts';

/** `live` with everything that `applied` says. Null takes the place of a value, but not of one that others own parts of. */
export function mergeApplied(live: unknown, applied: unknown, type: FieldType): unknown {
  if (Array.isArray(live) && type.list !== 'atomic') {
    if (applied === null) return live;
    if (Array.isArray(applied)) return mergeItems(live, applied, type);
  }
  if (isJsonObject(live) && !type.isAtomicObject) {
    if (applied === null) return live;
    if (isJsonObject(applied)) return { ...live, ...Object.fromEntries(Object.entries(applied).map(([name, value]) => [name, mergeApplied(live[name], value, type.field(name))])) };
  }
  return applied;
}

/** The items of both lists: those that are applied in their order, each other one where it stood among them. */
function mergeItems(live: readonly unknown[], applied: readonly unknown[], type: FieldType): unknown[] {
  const liveItems = live.map((item) => ({ item, step: itemStep(item, type) }));
  const itemsByStep = new Map(liveItems.map(({ item, step }) => [step, item]));
  const appliedSteps = applied.map((item) => itemStep(item, type));
  const isApplied = new Set(appliedSteps);
  const nextShared = appliedSteps.map((_, i) => appliedSteps.slice(i).find((step) => itemsByStep.has(step)));
  const result: unknown[] = [];
  let position = 0;
  const takeLiveUntil = (end: string | undefined) => {
    for (; position < liveItems.length && (end === undefined || liveItems[position]?.step !== end); position += 1) {
      const { item, step } = liveItems[position] ?? {};
      if (step !== undefined && !isApplied.has(step)) result.push(item);
    }
  };
  applied.forEach((item, i) => {
    const step = appliedSteps[i] ?? '';
    takeLiveUntil(nextShared[i]);
    result.push(mergeApplied(itemsByStep.get(step), item, type.items));
    if (liveItems[position]?.step === step) position += 1;
  });
  takeLiveUntil(undefined);
  return result;
}

/** `value` without the fields and items of a set. */
export function removeFields(value: unknown, fields: FieldSet, type: FieldType): unknown {
  if (Array.isArray(value)) {
    return type.list === 'atomic' ? value : value.flatMap((item) => kept(item, fields[itemStep(item, type)], type.items));
  }
  if (!isJsonObject(value) || type.isAtomicObject) return value;
  return Object.fromEntries(Object.entries(value).flatMap(([name, field]) => kept(field, fields[fieldStep(name)], type.field(name)).map((left) => [name, left])));
}

/** What is left of a value, as a list of at most one. */
function kept(value: unknown, under: FieldSet | undefined, type: FieldType): unknown[] {
  if (under === undefined) return [value];
  return isMember(under) ? [] : [removeFields(value, under, type)];
}

/** What keeps the items of lists from being told apart, one sentence for each fault. */
export function itemProblems(value: unknown, type: FieldType, path = ''): string[] {
  if (isJsonObject(value)) {
    return type.isAtomicObject ? [] : Object.keys(value).flatMap((name) => itemProblems(value[name], type.field(name), `${path}.${name}`));
  }
  if (!Array.isArray(value) || type.list === 'atomic') return [];
  const { list } = type;
  const seen = new Set<string>();
  return value.flatMap((item, i) => {
    const step = itemStep(item, type);
    if (typeof list !== 'string' && Object.keys(keysOf(item, list)).length === 0) {
      const names = list.map(({ name }) => JSON.stringify(name)).join(' ');
      return [`${path}: element ${i}: associative list with keys has an element that omits all key fields [${names}] (and doesn't have default values for any key fields)`];
    }
    const isRepeated = seen.has(step);
    seen.add(step);
    return [...(isRepeated ? [`${path}: duplicate entries for key ${itemText(step)}`] : []), ...itemProblems(item, type.items, `${path}${itemText(step)}`)];
  });
}

function itemText(step: string): string {
  return pathText([step]);
}
