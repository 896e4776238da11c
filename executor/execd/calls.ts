import type { IncomingMessage, ServerResponse } from 'node:http';
import type * as z from 'zod/mini';
import { type Problem, showValue } from '../../src/schema/errors';
import { MAX_EXECD_JSON_BYTES } from '../../src/schema/execd-api';
import { parseContract } from '../contract';
import { badBody, badQuery, Refusal } from './refusal';

/** A request to a route. */
export interface Call {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Parts of the path that the route names, decoded. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
}

/**
 * Reads a body of JSON by its schema.
 *
 * @param whenEmpty stands for a body of no bytes; absent means that there must be one
 * @throws Refusal of status 400, or 413 for more than 4 MiB
 */
export async function readJson<S extends z.ZodMiniType>({ request }: Call, schema: S, whenEmpty?: unknown): Promise<z.output<S>> {
  const bytes = await readBody(request);
  const parsed = parseContract(schema, bytes.length === 0 && whenEmpty !== undefined ? whenEmpty : parseJson(bytes), '', 'a body as the API describes it');
  if (!parsed.ok) {
    throw badBody(...parsed.problems);
  }
  return parsed.value;
}

/**
 * A parameter that has to be there.
 *
 * @throws Refusal of status 400
 */
export function requireQuery(query: URLSearchParams, name: string): string {
  const value = query.get(name) ?? '';
  if (value === '') {
    throw badQuery({ path: name, expected: 'a value', got: 'nothing' });
  }
  return value;
}

/**
 * A parameter that is a whole number from `min` on.
 *
 * @throws Refusal of status 400
 */
export function countOf<T extends number | undefined>(query: URLSearchParams, name: string, fallback: T, min = 0): number | T {
  const text = query.get(name);
  if (text === null || text === '') {
    return fallback;
  }
  const value = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
  if (!(value >= min)) {
    throw badQuery({ path: name, expected: `a whole number from ${min} on`, got: showValue(text) });
  }
  return value;
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    length += piece.length;
    if (length > MAX_EXECD_JSON_BYTES) {
      throw new Refusal(413, 'TOO_LARGE', `body: expected at most ${MAX_EXECD_JSON_BYTES} bytes, got more`);
    }
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    // The parser's own message quotes the body, which may hold secrets.
    const got: Problem = { path: '', expected: 'JSON in UTF-8', got: `${bytes.length} bytes that are none` };
    throw badBody(got);
  }
}
