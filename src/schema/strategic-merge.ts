import { tooDeep, unlessTooDeep } from './depth';
import { type Problem, showKind, showValue } from './errors';
import type { MergeTable } from './merge-tables';
import { isRecord, type Parsed, type Path, showPath } from './validation';

type Fields = Readonly<Record<string, unknown>>;

/** What the steps of one merge share. */
interface Merge {
  readonly table: MergeTable;
  readonly problems: Problem[];
}

/**
 * `base` after a strategic merge patch (R26 to R28).
 *
 * Objects merge field by field, `null` removes a field, lists follow `table`, anything else is replaced. Neither argument is changed; the
 * result shares what the patch leaves alone. Paths of problems start at the patch. Never throws.
 *
 * Compared with StrategicMergePatch of apimachinery 0.34 on random pods: equal but for directives and nulls that Go leaves inside newly
 * added items, and for two choices of ours. A value that one patch both deletes from a list of values and adds to it is there
 * afterwards (Go: by chance). Items of a keyed list with the same key (a port for TCP and for UDP) are matched in their order, the
 * second of the patch with the second of the base (Go: always the first).
 */
export function strategicMerge(base: unknown, patch: unknown, table: MergeTable): Parsed<Fields> {
  if (!isRecord(patch)) {
    return { ok: false, problems: [{ path: '', expected: 'an object', got: showKind(patch) }] };
  }
  const merge: Merge = { table, problems: [] };
  const value = unlessTooDeep(() => mergeObject(isRecord(base) ? base : {}, patch, [], merge), undefined);
  if (value === undefined) {
    return { ok: false, problems: [tooDeep('')] };
  }
  return merge.problems.length === 0 ? { ok: true, value } : { ok: false, problems: merge.problems };
}

function mergeObject(base: Fields, patch: Fields, path: Path, merge: Merge): Fields {
  const { $patch: directive = 'merge', ...rest } = patch;
  switch (directive) {
    case 'merge':
      return mergeFields(retained(base, rest, path, merge), rest, path, merge);
    case 'replace':
      return mergeFields({}, rest, path, merge);
    case 'delete':
      return {};
    default:
      merge.problems.push({
        path: showPath([...path, '$patch']),
        expected: `one of 'merge', 'replace', 'delete'`,
        got: showValue(directive),
      });
      return base;
  }
}

/** The base without the fields that `$retainKeys` does not name: how one kind of volume gives way to another. */
function retained(base: Fields, patch: Fields, path: Path, { problems }: Merge): Fields {
  const names = patch['$retainKeys'];
  if (names === undefined) {
    return base;
  }
  const at = showPath([...path, '$retainKeys']);
  if (!Array.isArray(names)) {
    problems.push({ path: at, expected: 'a list of field names', got: showValue(names) });
    return base;
  }
  for (const [name, value] of Object.entries(patch)) {
    if (!name.startsWith('$') && value !== null && !names.includes(name)) {
      problems.push({ path: at, expected: `every field of the patch, ${showValue(name)} too`, got: showKind(names) });
    }
  }
  return Object.fromEntries(Object.entries(base).filter(([name]) => names.includes(name)));
}

const LIST_DIRECTIVE = /^\$(?:setElementOrder|deleteFromPrimitiveList)\//;

function mergeFields(base: Fields, patch: Fields, path: Path, merge: Merge): Fields {
  // A map and not an object to write into: a patch may name a field `__proto__`.
  const fields = new Map(Object.entries(base));
  const names = Object.keys(patch).filter((name) => name !== '$retainKeys');
  for (const name of new Set(names.map((directive) => directive.replace(LIST_DIRECTIVE, '')))) {
    const value = mergeField(fields.get(name), name, patch, path, merge);
    if (value === undefined || value === null) {
      fields.delete(name);
    } else {
      fields.set(name, value);
    }
  }
  return Object.fromEntries(fields);
}

/** The new value of one field; null or undefined when it is to go. */
function mergeField(base: unknown, name: string, patch: Fields, path: Path, merge: Merge): unknown {
  const value = Object.hasOwn(patch, name) && patch[name] !== undefined ? patch[name] : base;
  const fieldPath = [...path, name];
  if (isRecord(value) && value !== base) {
    return base === undefined && value['$patch'] === 'delete'
      ? undefined
      : mergeObject(isRecord(base) ? base : {}, value, fieldPath, merge);
  }
  if (!Array.isArray(value)) {
    return value;
  }
  const removed = listDirective('deleteFromPrimitiveList', name, patch, path, merge) ?? [];
  const order = listDirective('setElementOrder', name, patch, path, merge);
  const baseItems = Array.isArray(base) ? base.filter((item) => !removed.includes(item)) : [];
  const patchItems = value === base ? [] : value;
  const key = merge.table.keys[name];
  if (key !== undefined) {
    const items = mergeKeyed(baseItems, patchItems, key, fieldPath, merge);
    return inOrder(items, baseItems, order ?? patchItems, (item) => keyOf(item, key));
  }
  if (merge.table.sets.includes(name)) {
    return inOrder([...new Set([...baseItems, ...patchItems])], baseItems, order ?? patchItems, String);
  }
  return value === base ? baseItems : value;
}

function listDirective(
  directive: 'deleteFromPrimitiveList' | 'setElementOrder',
  name: string,
  patch: Fields,
  path: Path,
  { problems }: Merge,
): readonly unknown[] | undefined {
  const field = `$${directive}/${name}`;
  const value = patch[field];
  if (value === undefined || Array.isArray(value)) {
    return value;
  }
  problems.push({ path: showPath([...path, field]), expected: 'a list', got: showValue(value) });
  return undefined;
}

function mergeKeyed(base: readonly unknown[], patch: readonly unknown[], key: string, path: Path, merge: Merge): readonly unknown[] {
  const entries = patch.flatMap((item, index) => keyedItem(item, key, [...path, index], merge));
  const deleted = new Set<unknown>(entries.filter(({ item }) => item['$patch'] === 'delete').map((entry) => entry.key));
  const isReplaced = patch.some(isReplaceMarker);
  const items = isReplaced ? [] : base.filter((item) => !deleted.has(keyOf(item, key)));
  const taken = new Set<number>();
  for (const { item, key: wanted, path: itemPath } of entries) {
    if (item['$patch'] === 'delete') {
      continue;
    }
    const found = items.findIndex((candidate, index) => keyOf(candidate, key) === wanted && !taken.has(index));
    const index = found === -1 ? items.length : found;
    const current = items[index];
    taken.add(index);
    items[index] = mergeObject(isRecord(current) ? current : {}, item, itemPath, merge);
  }
  return items;
}

interface KeyedItem {
  readonly item: Fields;
  readonly key: string;
  readonly path: Path;
}

/** An item of a patch with its key; nothing for a marker, or for an item that cannot be matched, which is a problem. */
function keyedItem(item: unknown, key: string, path: Path, { problems }: Merge): KeyedItem[] {
  if (!isRecord(item)) {
    problems.push({ path: showPath(path), expected: `an object with ${key}`, got: showKind(item) });
    return [];
  }
  if (isReplaceMarker(item)) {
    return [];
  }
  const found = keyOf(item, key);
  if (found === undefined) {
    problems.push({ path: showPath([...path, key]), expected: 'a value, since the items are told apart by it', got: showValue(item[key]) });
    return [];
  }
  return [{ item, key: found, path }];
}

/** `{ $patch: replace }` among the items: the list of the base is dropped. */
function isReplaceMarker(item: unknown): boolean {
  return isRecord(item) && item['$patch'] === 'replace' && Object.keys(item).length === 1;
}

/** The key of an item as text, so that 80 and "80" are one port; undefined when there is none. */
function keyOf(item: unknown, key: string): string | undefined {
  const value = isRecord(item) ? item[key] : undefined;
  return value === undefined || value === null ? undefined : String(value);
}

/**
 * Items in the order that `$setElementOrder` gives, or else the list of the patch. One that is not named there comes before the first
 * named one that it preceded in the base, so a new item comes first.
 */
function inOrder(
  items: readonly unknown[],
  base: readonly unknown[],
  order: readonly unknown[],
  identity: (item: unknown) => string | undefined,
): unknown[] {
  const rank = new Map(order.map((item, index) => [identity(item), index]));
  const basePosition = new Map(base.map((item, index) => [identity(item), index]));
  const rankOf = (item: unknown) => rank.get(identity(item));
  const named = items.filter((item) => rankOf(item) !== undefined).sort((a, b) => (rankOf(a) ?? 0) - (rankOf(b) ?? 0));
  const unnamed = items.filter((item) => rankOf(item) === undefined);
  const ordered: unknown[] = [];
  for (const item of named) {
    const position = basePosition.get(identity(item)) ?? -1;
    while (unnamed.length > 0 && (basePosition.get(identity(unnamed[0])) ?? Infinity) < position) {
      ordered.push(unnamed.shift());
    }
    ordered.push(item);
  }
  return [...ordered, ...unnamed];
}
