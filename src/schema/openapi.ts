import { z } from 'zod';
import { rulesOf } from './rules';
import { checkStructural, KEYWORDS, type StructuralSchema } from './structural';

/**
 * What zod makes of a schema, with our own hints beside it:
 * `intOrString`, `preserveUnknownFields`, `listMapKeys`, `listedAsRequired`, and `expected` and `secret` for messages.
 */
export interface ZodJson extends Omit<StructuralSchema, 'properties' | 'items' | 'additionalProperties' | 'anyOf'> {
  readonly properties?: Readonly<Record<string, ZodJson>>;
  readonly items?: ZodJson;
  readonly additionalProperties?: ZodJson;
  readonly anyOf?: readonly ZodJson[];
  readonly intOrString?: boolean;
  readonly preserveUnknownFields?: boolean;
  readonly listMapKeys?: readonly string[];
  readonly listedAsRequired?: boolean;
}

/**
 * A zod schema as structural OpenAPI v3, for a CRD: what a user may write, before defaults.
 *
 * @throws SCHEMA_INVALID with every path that Kubernetes would refuse
 * @see https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema
 */
export function toOpenApi(schema: z.ZodType): StructuralSchema {
  const json = z.toJSONSchema(schema, {
    io: 'input',
    target: 'openapi-3.0',
    override: ({ zodSchema, jsonSchema }) => {
      const rules = rulesOf(zodSchema);
      if (rules.length > 0) {
        jsonSchema['x-kubernetes-validations'] = rules.map(({ cel, path, message, fix }) => ({
          rule: cel,
          message: `${path}: expected ${message}; ${fix}`,
          fieldPath: `.${path}`,
        }));
      }
    },
  }) as ZodJson;
  const structural = toStructural(json);
  checkStructural(structural);
  return structural;
}

function toStructural(json: ZodJson): StructuralSchema {
  if (json.preserveUnknownFields === true) {
    return inOrder({ ...commonParts(json), type: 'object', 'x-kubernetes-preserve-unknown-fields': true });
  }
  if (json.intOrString === true) {
    return inOrder({ ...commonParts(json), ...intOrString(json) });
  }
  return inOrder({
    ...withoutHints(json),
    ...(json.type === 'object' && objectParts(json)),
    ...(json.type === 'array' && arrayParts(json)),
    ...(json.type === 'integer' && integerParts(json)),
  });
}

/** One order of keywords whatever zod's is, so that an upgrade of zod changes no byte; absent ones are left out. */
function inOrder(schema: StructuralSchema): StructuralSchema {
  const entries = Object.entries(schema).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries.sort(([a], [b]) => KEYWORDS.indexOf(a) - KEYWORDS.indexOf(b)));
}

function commonParts({ description, nullable, default: initial }: ZodJson): StructuralSchema {
  return { description, nullable, default: initial };
}

/** The keywords that need no translation. What nobody knows stays, so that the check at the end refuses it. */
function withoutHints(json: ZodJson): StructuralSchema {
  const { $schema: _draft, expected: _sentence, secret: _secret, listMapKeys: _keys, listedAsRequired: _listed, ...rest } =
    json as Readonly<Record<string, unknown>>;
  return rest;
}

function objectParts({ properties = {}, additionalProperties, required = [] }: ZodJson): StructuralSchema {
  const entries = Object.entries(properties);
  const listed = entries.filter(([name, field]) => field.listedAsRequired === true || required.includes(name)).map(([name]) => name);
  return {
    properties: entries.length === 0 ? undefined : Object.fromEntries(entries.map(([name, field]) => [name, toStructural(field)])),
    additionalProperties: additionalProperties === undefined ? undefined : toStructural(additionalProperties),
    required: listed.length === 0 ? undefined : listed,
  };
}

/** `atomic` is what the API server assumes too; it is written so that nobody has to know. */
function arrayParts({ items, listMapKeys }: ZodJson): StructuralSchema {
  return {
    items: items === undefined ? undefined : toStructural(items),
    'x-kubernetes-list-type': listMapKeys === undefined ? 'atomic' : 'map',
    'x-kubernetes-list-map-keys': listMapKeys,
  };
}

const MAX_INT32 = 2147483647;

/** The format, for readers and generated clients; the bounds stay beside it, since the API server does not hold numbers to their format. */
function integerParts({ maximum }: ZodJson): StructuralSchema {
  return { format: maximum !== undefined && maximum <= MAX_INT32 ? 'int32' : 'int64' };
}

/** The API server wants exactly this `anyOf`; bounds stand beside it, where each applies to values of its own type. */
function intOrString({ anyOf = [] }: ZodJson): StructuralSchema {
  const bounds = anyOf.map((branch) => ({ ...withoutHints(branch), ...(branch.type === 'integer' && integerParts(branch)) }));
  const { type: _type, format: _format, ...rest } = Object.assign({}, ...bounds) as StructuralSchema;
  return { anyOf: [{ type: 'integer' }, { type: 'string' }], 'x-kubernetes-int-or-string': true, ...rest };
}
