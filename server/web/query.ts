import { z } from 'zod';
import { parse } from '../../src/schema/validation';
import { invalidRequest } from '../lifecycle-error';
import type { QueryParameter } from './route';

/** Reads the query of a request to a route. */
export type QueryReader = (query: URLSearchParams) => Record<string, unknown>;

/**
 * Makes the reader of the query parameters that a route knows, in their types; others are ignored.
 *
 * The schemas are joined once: making one takes as long as all else that a small request asks for.
 *
 * @returns a function that throws LifecycleError SANDBOX::INVALID_PARAMETER, which names every parameter that is wrong
 */
export function queryReader(table: Readonly<Record<string, QueryParameter>>): QueryReader {
  const parameters = Object.entries(table);
  const whole = z.object(Object.fromEntries(parameters.map(([name, { schema }]) => [name, schema])));
  return (query) => {
    const given = Object.fromEntries(parameters.map(([name, parameter]) => [name, givenOf(parameter, query.getAll(name))]));
    const parsed = parse(whole, given);
    if (!parsed.ok) throw invalidRequest(parsed.problems);
    return parsed.value;
  };
}

/** What is given of a parameter; of one that is not a list the last counts. */
function givenOf({ schema, multiple = false }: QueryParameter, texts: readonly string[]): unknown {
  const last = texts.at(-1);
  if (last === undefined) return undefined;
  return multiple ? texts : valueOf(schema, last);
}

/** Text of the query as a value of the schema's type; as text where it is none, so that the schema refuses it. */
function valueOf(schema: z.ZodType, text: string): unknown {
  const inner = schema instanceof z.ZodOptional || schema instanceof z.ZodDefault ? schema.unwrap() : schema;
  if (inner instanceof z.ZodNumber) return /^-?\d{1,20}$/.test(text) ? Number(text) : text;
  if (inner instanceof z.ZodBoolean) return /^(true|false)$/i.test(text) ? text.toLowerCase() === 'true' : text;
  return text;
}
