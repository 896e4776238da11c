import { z } from 'zod';
import type { Problem } from '../../src/schema/errors';
import { parse } from '../../src/schema/validation';
import { invalidRequest } from '../lifecycle-error';
import type { QueryParameter } from './route';

/**
 * The query parameters that a route knows, in their types; others are ignored.
 *
 * @throws LifecycleError SANDBOX::INVALID_PARAMETER that names every parameter that is wrong
 */
export function readQuery(table: Readonly<Record<string, QueryParameter>>, query: URLSearchParams): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  const problems: Problem[] = [];
  for (const [name, { schema, multiple = false }] of Object.entries(table)) {
    const texts = query.getAll(name);
    const given = multiple ? (texts.length === 0 ? undefined : texts) : texts.at(-1) === undefined ? undefined : valueOf(schema, texts.at(-1) ?? '');
    const parsed = parse(z.object({ [name]: schema }), { [name]: given });
    if (parsed.ok) values[name] = parsed.value[name];
    else problems.push(...parsed.problems);
  }
  if (problems.length > 0) throw invalidRequest(problems);
  return values;
}

/** Text of the query as a value of the schema's type; as text where it is none, so that the schema refuses it. */
function valueOf(schema: z.ZodType, text: string): unknown {
  const inner = schema instanceof z.ZodOptional || schema instanceof z.ZodDefault ? schema.unwrap() : schema;
  if (inner instanceof z.ZodNumber) return /^-?\d{1,20}$/.test(text) ? Number(text) : text;
  if (inner instanceof z.ZodBoolean) return /^(true|false)$/i.test(text) ? text.toLowerCase() === 'true' : text;
  return text;
}
