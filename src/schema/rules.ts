import { z } from 'zod';

/**
 * A check that reads several fields of one object.
 *
 * The API server evaluates `cel`, our programs and constructs call `check`; a test proves the two equal.
 */
export interface Rule<T = unknown> {
  /** The rule in CEL; `self` is the object. Reads only fields that are required or have a default, of bounded size. */
  readonly cel: string;
  /** Whether `value`, which already has the right shape, keeps the rule. */
  check(value: T): boolean;
  /** The field at fault, in the object itself. */
  readonly path: string;
  /** What is expected of that field; stands in the CRD. */
  readonly message: string;
  /** `message` with the values of this object in it. */
  expected(value: T): string;
  /** What to do about it. */
  readonly fix: string;
}

const registry = z.registry<{ readonly rules: readonly Rule[] }>();

/** The schema, with rules that {@link rulesOf} finds again; it still parses by shape alone. */
export function withRules<S extends z.ZodObject>(schema: S, rules: readonly Rule<z.output<S>>[]): S {
  registry.add(schema, { rules: rules as readonly Rule[] });
  return schema;
}

/** Rules of one object schema, in the order in which they were written; those of its fields are not among them. */
export function rulesOf(schema: z.core.$ZodType): readonly Rule[] {
  return registry.get(schema)?.rules ?? [];
}

/** The rule that one number of an object is not above another. */
export function atMost<K extends string>(field: K, limit: K): Rule<Readonly<Record<K, number>>> {
  return {
    cel: `self.${field} <= self.${limit}`,
    check: (value) => value[field] <= value[limit],
    path: field,
    message: `at most ${limit}`,
    expected: (value) => `at most ${limit} (${value[limit]})`,
    fix: `lower ${field} or raise ${limit}`,
  };
}
