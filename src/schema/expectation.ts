import { z } from 'zod';

/** A schema as JSON Schema writes it, as far as a sentence needs it. */
interface Described {
  /** Sentence of the schema's own, from `.meta({ expected })`. */
  readonly expected?: string;
  /** Whether the value may not be printed, from `.meta({ secret: true })`. */
  readonly secret?: boolean;
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Described[];
  readonly format?: string;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
}

/** What a schema wants, for `expected …` in a message; and whether the value found instead is a secret. */
export function describeExpected(schema: z.core.$ZodType): { readonly expected: string; readonly isSecret: boolean } {
  const described = z.toJSONSchema(schema, { io: 'input', target: 'openapi-3.0', unrepresentable: 'any' }) as Described;
  return { expected: sentence(described), isSecret: described.secret === true };
}

function sentence(schema: Described): string {
  if (schema.expected !== undefined) {
    return schema.expected;
  }
  if (schema.enum !== undefined) {
    const values = schema.enum.map((value) => (typeof value === 'string' ? `'${value}'` : String(value)));
    return values.length === 1 ? values.join() : `one of ${values.join(', ')}`;
  }
  if (schema.anyOf !== undefined) {
    return schema.anyOf.map(sentence).join(' or ');
  }
  return SENTENCES[schema.type ?? '']?.(schema) ?? 'another value';
}

const SENTENCES: Readonly<Record<string, (schema: Described) => string>> = {
  integer: ({ minimum, maximum }) => `a whole number${range(minimum, maximum, '')}`,
  number: ({ minimum, maximum }) => `a number${range(minimum, maximum, '')}`,
  boolean: () => 'true or false',
  string: textSentence,
  array: ({ minItems, maxItems }) => `a list${range(minItems, maxItems, 'item')}`,
  object: () => 'an object',
};

function textSentence(schema: Described): string {
  if (schema.format === 'date-time') {
    return 'a time such as 2026-12-31T23:59:59Z';
  }
  return schema.pattern === undefined
    ? `text${range(schema.minLength, schema.maxLength, 'character')}`
    : `text matching ${schema.pattern}`;
}

const MAX_INT32 = 2147483647;

/** ` from 0 to 10`, ` of at most 63 characters`, or nothing; bounds that only say "any integer" say nothing. */
function range(min: number | undefined, max: number | undefined, unit: string): string {
  const low = min === undefined || min <= -MAX_INT32 ? undefined : min;
  const high = max === MAX_INT32 || max === Number.MAX_SAFE_INTEGER ? undefined : max;
  const last = high ?? low;
  const suffix = unit === '' ? '' : ` ${unit}${last === 1 ? '' : 's'}`;
  if (low !== undefined && high !== undefined && !(unit !== '' && low === 0)) {
    return unit === '' ? ` from ${low} to ${high}` : ` of ${low} to ${high}${suffix}`;
  }
  if (high !== undefined) {
    return ` of at most ${high}${suffix}`;
  }
  return low === undefined ? '' : ` of at least ${low}${suffix}`;
}
