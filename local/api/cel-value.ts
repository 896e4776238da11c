import { isJsonObject } from './json';
import { schemaOfField, type StructuralSchema } from './structural-schema';

/**
 * A JSON value as a rule sees it: whole numbers as CEL's int, `date-time` as a timestamp, where the schema says so.
 *
 * Objects convert field by field when a rule reads them, so that a rule on a big object pays only for what it looks at.
 */
export function toCelValue(value: unknown, schema: StructuralSchema | undefined): unknown {
  if (schema === undefined || value === null || value === undefined) return value;
  if (typeof value === 'number') return isIntegral(schema) && Number.isInteger(value) ? BigInt(value) : value;
  if (typeof value === 'string') return schema.format === 'date-time' ? new Date(value) : value;
  if (Array.isArray(value)) return schema.items === undefined || !needsConversion(schema.items) ? value : value.map((item) => toCelValue(item, schema.items));
  return isJsonObject(value) && needsConversion(schema) ? lazyObject(value, schema) : value;
}

function isIntegral(schema: StructuralSchema): boolean {
  return schema.type === 'integer' || schema['x-kubernetes-int-or-string'] === true;
}

/** Whether anything below the schema looks different in CEL than in JSON. */
function needsConversion(schema: StructuralSchema): boolean {
  if (isIntegral(schema) || schema.format === 'date-time') return true;
  const { items, properties, additionalProperties } = schema;
  if (items !== undefined && needsConversion(items)) return true;
  if (typeof additionalProperties === 'object' && needsConversion(additionalProperties)) return true;
  return Object.values(properties ?? {}).some(needsConversion);
}

function lazyObject(object: Readonly<Record<string, unknown>>, schema: StructuralSchema): object {
  const result = {};
  for (const key of Object.keys(object)) {
    Object.defineProperty(result, key, { enumerable: true, get: () => toCelValue(object[key], schemaOfField(schema, key)) });
  }
  return result;
}
