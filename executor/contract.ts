import type * as z from 'zod/mini';
import { type Problem, showKind } from '../src/schema/errors';

/** Most problems that one answer names: a body of a megabyte can have half a million, and each costs memory. */
export const MAX_PROBLEMS = 20;

/** A value in its right type, or what is wrong with it. */
export type ParsedContract<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/**
 * Reads a value by its schema; never throws.
 *
 * @param path where the value stands; front of the paths of problems
 * @param what names the value when it has too many mistakes to name one
 */
export function parseContract<S extends z.ZodMiniType>(schema: S, value: unknown, path: string, what: string): ParsedContract<z.output<S>> {
  const parsed = safeParse(schema, value);
  if (parsed === undefined) {
    return { ok: false, problems: [{ path, expected: what, got: 'too many mistakes to name one' }] };
  }
  return parsed.success
    ? { ok: true, value: parsed.data }
    : { ok: false, problems: parsed.error.issues.slice(0, MAX_PROBLEMS).flatMap((issue) => problemsOf(issue, path, value)).slice(0, MAX_PROBLEMS) };
}

/** Path of a member, as problems name it. */
export const joinPath = (path: string, key: string): string => (path === '' ? key : `${path}.${key}`);

/** Undefined for more mistakes than zod can hand on: it passes them as arguments, until its stack is full. */
function safeParse<S extends z.ZodMiniType>(schema: S, value: unknown) {
  try {
    return schema.safeParse(value);
  } catch (error) {
    if (error instanceof RangeError) {
      return undefined;
    }
    throw error;
  }
}


function problemsOf(issue: z.core.$ZodIssue, prefix: string, root: unknown): readonly Problem[] {
  const path = issue.path.reduce<string>((text, key) => (typeof key === 'number' ? `${text}[${key}]` : joinPath(text, String(key))), prefix);
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ path: joinPath(path, key), expected: 'a known member', got: 'an unknown one' }));
  }
  const value = issue.path.reduce<unknown>((parent, key) => (parent as Record<PropertyKey, unknown> | null)?.[key], root);
  return [{ path, expected: expectedOf(issue), got: showKind(value) }];
}

function expectedOf(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_type') {
    return EXPECTED[issue.expected] ?? issue.expected;
  }
  if (issue.code === 'too_small' || issue.code === 'too_big') {
    const bound = issue.code === 'too_small' ? `at least ${issue.minimum}` : `at most ${issue.maximum}`;
    return issue.origin === 'string' ? `${bound} characters` : `a number of ${bound}`;
  }
  return issue.code === 'invalid_format' ? `text matching ${issue.pattern ?? issue.format}` : 'another value';
}

const EXPECTED: Readonly<Record<string, string>> = {
  string: 'text',
  array: 'a list',
  object: 'an object',
  int: 'a whole number',
  number: 'a number',
};

