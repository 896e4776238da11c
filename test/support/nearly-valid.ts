import * as fc from 'fast-check';
import { z } from 'zod';
import type { ZodJson } from '../../src/schema/openapi';

/** Right parts for each part that is a mistake: an object of ten fields is then as likely right as wrong. */
const RIGHT_TO_WRONG = 24;
/** Long texts and lists say nothing more and cost much; a bound above this is for cases written by hand. */
const MAX_GENERATED_LENGTH = 320;

/** Values of every type, and those that people and programs put where something else belongs. */
const ANYTHING = [null, true, false, 0, -1, 1.5, 2147483648, 9007199254740992, 1e21, '', '1', 'true', 'null', '25%', [], [null], {}, { a: null }] as const;

/**
 * Values that a schema wants, with a mistake here and there: a wrong type, null, a value just outside a bound, a field too many or too few.
 *
 * Whether the value is right is not known; that is for those to say who are compared.
 */
export function nearlyValid(schema: z.ZodType): fc.Arbitrary<unknown> {
  return part(z.toJSONSchema(schema, { io: 'input', target: 'openapi-3.0', unrepresentable: 'any' }) as ZodJson);
}

function part(json: ZodJson): fc.Arbitrary<unknown> {
  const right = json.nullable === true ? fc.oneof({ weight: 4, arbitrary: shaped(json) }, { weight: 1, arbitrary: fc.constant(null) }) : shaped(json);
  return fc.oneof({ weight: RIGHT_TO_WRONG, arbitrary: right }, { weight: 1, arbitrary: fc.oneof(anything(json), justOutside(json)) });
}

/** A list where a time belongs is a case of its own: the API server lets it pass. */
function anything({ format }: ZodJson): fc.Arbitrary<unknown> {
  return fc.constantFrom(...ANYTHING.filter((value) => format !== 'date-time' || !Array.isArray(value)));
}

function shaped(json: ZodJson): fc.Arbitrary<unknown> {
  if (json.anyOf !== undefined) return fc.oneof(...json.anyOf.map(shaped));
  if (json.enum !== undefined) return fc.constantFrom(...json.enum);
  return SHAPES[json.type ?? '']?.(json) ?? fc.jsonValue();
}

const SHAPES: Readonly<Record<string, (json: ZodJson) => fc.Arbitrary<unknown>>> = {
  integer: ({ minimum = -5, maximum = 5 }) => fc.oneof(fc.constantFrom(minimum, maximum), fc.integer({ min: minimum, max: Math.min(maximum, minimum + 9) })),
  number: () => fc.double({ noNaN: true, noDefaultInfinity: true }),
  boolean: () => fc.boolean(),
  string: textOf,
  array: ({ items = {}, minItems = 0 }) => fc.array(part(items), { minLength: minItems, maxLength: minItems + 3 }),
  object: objectOf,
};

function textOf({ format, minLength = 0, maxLength = 20 }: ZodJson): fc.Arbitrary<unknown> {
  if (format === 'date-time') return fc.oneof(time(), mangledTime());
  const most = Math.min(maxLength, MAX_GENERATED_LENGTH);
  const letters = fc.string({ minLength, maxLength: Math.min(most, 12) });
  const anything = fc.string({ unit: 'binary', minLength, maxLength: Math.min(most, 12) });
  return fc.oneof(letters, anything, fc.constantFrom('x'.repeat(most), '€'.repeat(most), '🐳'.repeat(most)));
}

function time(): fc.Arbitrary<string> {
  const offset = fc.constantFrom('Z', '+00:00', '-12:30', '+23:59');
  const fraction = fc.constantFrom('', '.5', '.123456789');
  const at = fc.date({ min: new Date('0001-01-01T00:00:00Z'), max: new Date('9999-12-31T23:59:59Z'), noInvalidDate: true });
  return fc.tuple(at, fraction, offset).map(([date, rest, zone]) => date.toISOString().slice(0, 19) + rest + zone);
}

/** A time with one character left out, doubled or replaced by another that times hold. */
function mangledTime(): fc.Arbitrary<string> {
  return fc.tuple(time(), fc.nat(24), fc.constantFrom('', '0', '3', '6', '9', ':', '-', '.', ',', ' ', 'T', 't', 'z', '+', '٣')).map(([text, at, put]) => {
    const cut = at % text.length;
    return text.slice(0, cut) + put + text.slice(put === '0' ? cut : cut + 1);
  });
}

function objectOf({ properties, additionalProperties, required = [], preserveUnknownFields }: ZodJson): fc.Arbitrary<unknown> {
  if (properties === undefined) {
    const value = preserveUnknownFields === true || additionalProperties === undefined ? fc.jsonValue({ maxDepth: 2 }) : part(additionalProperties);
    return fc.dictionary(fc.string({ maxLength: 8 }).filter((key) => key !== '__proto__'), value, { maxKeys: 3, noNullPrototype: true });
  }
  const fields = fc.record(Object.fromEntries(Object.entries(properties).map(([name, json]) => [name, part(json)])), { requiredKeys: [...required] });
  const names = Object.keys(properties);
  const change = fc.oneof(
    { weight: RIGHT_TO_WRONG, arbitrary: fc.constant({}) },
    { weight: 1, arbitrary: fc.record({ drop: fc.constantFrom(...names) }) },
    { weight: 1, arbitrary: fc.record({ add: fc.constantFrom('unknown', 'toString', ...names.map((name) => name.toUpperCase())) }) },
  );
  return fc.tuple(fields, change, fc.constantFrom(...ANYTHING)).map(([object, { drop, add }, value]: [object, { drop?: string; add?: string }, unknown]) =>
    Object.fromEntries([...Object.entries(object).filter(([name]) => name !== drop), ...(add === undefined ? [] : [[add, value]])]),
  );
}

function justOutside(json: ZodJson): fc.Arbitrary<unknown> {
  const { minimum = 0, maximum = 0, minLength = 1, maxLength = 0 } = json.anyOf === undefined ? json : Object.assign({}, ...json.anyOf);
  return fc.constantFrom<unknown>(minimum - 1, maximum + 1, 'x'.repeat(minLength - 1), ...(maxLength < MAX_GENERATED_LENGTH * 4 ? ['x'.repeat(maxLength + 1), '🐳'.repeat(maxLength + 1)] : []));
}
