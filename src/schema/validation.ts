import { z } from 'zod';
import { type Problem, showKind, showValue } from './errors';
import { describeExpected } from './expectation';
import { nearest } from './nearest';
import { rulesOf } from './rules';

/** Outcome of a check: the value in its right type, or everything that is wrong with it. */
export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** Where a value stands in another: field names and list positions. */
export type Path = readonly PropertyKey[];

/**
 * Shape, bounds and rules, as the API server sees them: defaults filled in, unknown keys dropped unless the schema is strict.
 *
 * Never throws.
 */
export function parse<S extends z.ZodType>(schema: S, value: unknown): Parsed<z.output<S>> {
  return withProblems(parseShape(schema, value), brokenRules(schema, value));
}

/** {@link parse} for what a person writes: every unknown key is a problem, at any depth that has a schema. Never throws. */
export function parseStrict<S extends z.ZodType>(schema: S, value: unknown): Parsed<z.output<S>> {
  return withProblems(parse(schema, value), unknownKeys(schema, value));
}

/** Shape and bounds alone, for objects that are served although they break a rule (R61). Never throws. */
export function parseShape<S extends z.ZodType>(schema: S, value: unknown): Parsed<z.output<S>> {
  const result = schema.safeParse(withoutNulls(schema, value));
  return result.success
    ? { ok: true, value: result.data }
    : { ok: false, problems: distinct(result.error.issues.flatMap((issue) => toProblems(schema, value, issue))) };
}

/** Cross-field rules and keys of lists that parts of a value break; parts of a wrong shape are left out. Never throws. */
export function brokenRules(schema: z.ZodType, value: unknown): Problem[] {
  return nodesOf(schema, withoutNulls(schema, value), []).flatMap((node) => [...rulesBrokenBy(node), ...repeatedItems(node)]);
}

function rulesBrokenBy({ schema, value, path }: Node): Problem[] {
  const rules = rulesOf(schema);
  const shaped = rules.length === 0 ? undefined : z.safeParse(schema, value);
  if (shaped?.success !== true) {
    return [];
  }
  return rules
    .filter((rule) => !rule.check(shaped.data))
    .map((rule) => ({
      path: showPath([...path, rule.path]),
      expected: rule.expected(shaped.data),
      got: showValue(valueAt(shaped.data, [rule.path])),
      fix: rule.fix,
    }));
}

/** Items of a list of type map that have the key of an item before them. */
function repeatedItems({ schema, value, path }: Node): Problem[] {
  const keys = z.globalRegistry.get(schema)?.['listMapKeys'] as readonly string[] | undefined;
  if (keys === undefined || !Array.isArray(value)) {
    return [];
  }
  const seen = new Set<string>();
  return [...value.entries()].flatMap(([index, item]: [number, unknown]) => {
    const key = keys.map((name) => showValue(valueAt(item, [name]))).join(', ');
    const isNew = !seen.has(key);
    seen.add(key);
    return isNew ? [] : [{ path: showPath([...path, index]), expected: `another ${keys.join(', ')} than the items before it`, got: key }];
  });
}

/** A path as messages show it: `spec.slots[3]['odd key']`. */
export function showPath(path: Path): string {
  return path
    .map((key, index) => {
      if (typeof key === 'number') {
        return `[${key}]`;
      }
      const name = String(key);
      return /^[\w$-]+$/.test(name) ? `${index === 0 ? '' : '.'}${name}` : `['${name}']`;
    })
    .join('');
}

function withProblems<T>(parsed: Parsed<T>, more: readonly Problem[]): Parsed<T> {
  if (more.length === 0) {
    return parsed;
  }
  return { ok: false, problems: distinct(parsed.ok ? more : [...parsed.problems, ...more]) };
}

function toProblems(schema: z.core.$ZodType, value: unknown, issue: z.core.$ZodIssue): Problem[] {
  const target = schemaAt(schema, issue.path);
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => unknownKey(target, issue.path, key));
  }
  const got = valueAt(value, issue.path);
  const { expected, isSecret } = describeExpected(target);
  return [{ path: showPath(issue.path), expected, got: isSecret ? showKind(got) : showValue(got) }];
}

function unknownKey(schema: z.core.$ZodType, path: Path, key: string): Problem {
  const object = unwrap(schema);
  const names = object instanceof z.ZodObject ? Object.keys(object.shape) : [];
  const suggestion = nearest(key, names);
  return {
    path: showPath(path),
    expected: names.length === 0 ? 'no field' : `one of the fields ${names.map((name) => `'${name}'`).join(', ')}`,
    got: showValue(key),
    fix: suggestion === undefined ? undefined : `did you mean '${suggestion}'?`,
  };
}

function unknownKeys(schema: z.ZodType, value: unknown): Problem[] {
  return nodesOf(schema, value, []).flatMap(({ schema: object, value: fields, path }) =>
    object instanceof z.ZodObject && isRecord(fields)
      ? Object.keys(fields)
          .filter((key) => fields[key] !== undefined && !Object.hasOwn(object.shape, key))
          .map((key) => unknownKey(object, path, key))
      : [],
  );
}

/** An object or a list in a value, with its schema. */
interface Node {
  readonly schema: z.core.$ZodType;
  readonly value: unknown;
  readonly path: Path;
}

/** `value` and every object and list in it that has a schema, from the outside in. */
function nodesOf(schema: z.core.$ZodType, value: unknown, path: Path): Node[] {
  const inner = unwrap(schema);
  const parts: [PropertyKey, unknown][] = Array.isArray(value) ? [...value.entries()] : isRecord(value) ? Object.entries(value) : [];
  const nodes = parts.flatMap(([key, part]) => {
    const next = typeof part === 'object' && part !== null ? child(inner, key) : undefined;
    return next === undefined ? [] : nodesOf(next, part, [...path, key]);
  });
  return [{ schema: inner, value, path }, ...nodes];
}

/** `value` without the nulls that the API server takes for absent fields; the very same value where there are none. */
function withoutNulls(schema: z.core.$ZodType, value: unknown): unknown {
  const inner = unwrap(schema);
  if (Array.isArray(value)) {
    const item = child(inner, 0);
    if (item === undefined || item instanceof z.ZodString) {
      return value;
    }
    const items = value.map((part: unknown) => withoutNulls(item, part));
    return items.some((part, index) => part !== value[index]) ? items : value;
  }
  if (!isRecord(value)) {
    return value;
  }
  const fields = Object.entries(value).flatMap(([key, field]): [string, unknown][] => {
    const next = child(inner, key);
    if (next === undefined) {
      return [[key, field]];
    }
    return field === null && !isNullable(next) ? [] : [[key, withoutNulls(next, field)]];
  });
  return fields.length === Object.keys(value).length && fields.every(([key, field]) => field === value[key]) ? value : Object.fromEntries(fields);
}

function isNullable(schema: z.core.$ZodType): boolean {
  return schema instanceof z.ZodNullable || ((schema instanceof z.ZodOptional || schema instanceof z.ZodDefault) && isNullable(schema.unwrap()));
}

function unwrap(schema: z.core.$ZodType): z.core.$ZodType {
  return schema instanceof z.ZodOptional || schema instanceof z.ZodNullable || schema instanceof z.ZodDefault
    ? unwrap(schema.unwrap())
    : schema;
}

/** The schema of one field or item; undefined where anything goes. */
function child(schema: z.core.$ZodType, key: PropertyKey): z.core.$ZodType | undefined {
  const inner = unwrap(schema);
  if (inner instanceof z.ZodObject) {
    return typeof key === 'string' && Object.hasOwn(inner.shape, key) ? inner.shape[key] : undefined;
  }
  if (inner instanceof z.ZodArray) {
    return typeof key === 'number' ? inner.element : undefined;
  }
  return inner instanceof z.ZodRecord && !(inner.valueType instanceof z.ZodUnknown) ? inner.valueType : undefined;
}

/** The schema at a path, or the deepest one on the way to it. */
function schemaAt(schema: z.core.$ZodType, path: Path): z.core.$ZodType {
  const [key, ...rest] = path;
  const next = key === undefined ? undefined : child(schema, key);
  return next === undefined ? schema : schemaAt(next, rest);
}

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (at, key) => (typeof at === 'object' && at !== null && Object.hasOwn(at, key) ? Reflect.get(at, key) : undefined),
    value,
  );
}

/** Whether a value is an object with fields: not null, not a list. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function distinct(problems: readonly Problem[]): Problem[] {
  const seen = new Set<string>();
  return problems.filter(({ path, expected, got }) => {
    const key = JSON.stringify([path, expected, got]);
    return !seen.has(key) && seen.add(key);
  });
}
