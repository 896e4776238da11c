import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import addFormats from 'ajv-formats';
import { type FieldPath, type FieldProblem, fieldText, invalidValue, requiredValue, tooLong, tooMany, unsupportedValue, wrongType } from './field-problem';
import type { StructuralSchema } from './structural-schema';

/** Finds everything in which `value` breaks the schema; empty when it is valid. */
export type SchemaCheck = (value: unknown) => readonly FieldProblem[];

/**
 * Compiles a structural schema by ajv into a check that speaks Kubernetes' words.
 *
 * `path` is where the value stands in its object. @throws Error when a keyword has an unusable value, such as a bad pattern
 */
export function compileSchemaCheck(schema: StructuralSchema, path: FieldPath = []): SchemaCheck {
  const validate = newAjv().compile(toJsonSchema(schema));
  return (value) => (validate(value) ? [] : problemsOf(validate, path));
}

function newAjv(): Ajv {
  const ajv = new Ajv({ allErrors: true, strict: false, verbose: true, unicodeRegExp: false, ownProperties: true, logger: false, validateSchema: false, meta: false });
  addFormats.default(ajv, ['date', 'email', 'hostname', 'ipv4', 'ipv6', 'uri', 'uuid', 'byte']);
  ajv.addFormat('date-time', isDateTime);
  ajv.addFormat('duration', /^[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|ms|s|m|h)(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|ms|s|m|h))*$|^0$/);
  return ajv;
}

const DATE_TIME = /^(\d{4})-(\d{2})-(\d{2})t(\d{2}):(\d{2}):(\d{2})(?:\.\d+)?(?:z|[+-]\d{2}:\d{2})$/i;

function isDateTime(text: string): boolean {
  const match = DATE_TIME.exec(text);
  if (match === null) return false;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1).map(Number);
  const daysInMonth = new Date(Date.UTC(year, month, 0)).getUTCDate();
  return month >= 1 && month <= 12 && day >= 1 && day <= daysInMonth && hour <= 23 && minute <= 59 && second <= 59;
}

/** Keywords whose meaning is the same in JSON Schema. */
const SAME_KEYWORDS = ['format', 'pattern', 'minLength', 'maxLength', 'minItems', 'maxItems', 'minProperties', 'maxProperties', 'multipleOf', 'uniqueItems', 'required'];

/** The schema in JSON Schema's words: OpenAPI's `nullable`, boolean exclusive bounds and Kubernetes' int-or-string are spelled out. */
function toJsonSchema(schema: StructuralSchema): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const keyword of SAME_KEYWORDS) if (schema[keyword] !== undefined) result[keyword] = schema[keyword];
  const types = schema['x-kubernetes-int-or-string'] === true ? ['integer', 'string'] : schema.type === undefined ? [] : [schema.type];
  const nulls = schema.nullable === true ? ['null'] : [];
  if (types.length > 0) result.type = [...types, ...nulls];
  if (schema.enum !== undefined) result.enum = schema.nullable === true ? [...schema.enum, null] : schema.enum;
  if (schema.minimum !== undefined) result[schema.exclusiveMinimum === true ? 'exclusiveMinimum' : 'minimum'] = schema.minimum;
  if (schema.maximum !== undefined) result[schema.exclusiveMaximum === true ? 'exclusiveMaximum' : 'maximum'] = schema.maximum;
  if (schema.items !== undefined) result.items = toJsonSchema(schema.items);
  if (schema.not !== undefined) result.not = toJsonSchema(schema.not);
  for (const keyword of ['allOf', 'anyOf', 'oneOf'] as const) {
    if (schema[keyword] !== undefined) result[keyword] = schema[keyword].map(toJsonSchema);
  }
  if (schema.properties !== undefined) {
    result.properties = Object.fromEntries(Object.entries(schema.properties).map(([name, property]) => [name, toJsonSchema(property)]));
  }
  if (typeof schema.additionalProperties === 'object') result.additionalProperties = toJsonSchema(schema.additionalProperties);
  return result;
}

function problemsOf({ errors }: ValidateFunction, path: FieldPath): FieldProblem[] {
  return (errors ?? [])
    .filter(({ schemaPath, keyword }) => !/\/(?:anyOf|oneOf|not)\//.test(schemaPath) && keyword !== 'if')
    .map((error) => toProblem(error, [...path, ...toFieldPath(error.instancePath)]));
}

/** A JSON pointer as path; whole numbers are list indexes. */
function toFieldPath(pointer: string): FieldPath {
  const steps = pointer.split('/').slice(1).map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
  return steps.map((step) => (/^\d+$/.test(step) ? Number(step) : step));
}

function toProblem({ keyword, params, data, parentSchema, message }: ErrorObject, path: FieldPath): FieldProblem {
  const limit: unknown = params.limit;
  const body = (rule: string) => invalidValue(path, data, `${fieldText(path)} in body ${rule}`);
  switch (keyword) {
    case 'type':
      return wrongType(path, typeText(parentSchema?.type), data);
    case 'required':
      return requiredValue([...path, String(params.missingProperty)]);
    case 'enum':
      return unsupportedValue(path, data, params.allowedValues.filter((value: unknown) => value !== null));
    case 'minimum':
      return body(`should be greater than or equal to ${limit}`);
    case 'exclusiveMinimum':
      return body(`should be greater than ${limit}`);
    case 'maximum':
      return body(`should be less than or equal to ${limit}`);
    case 'exclusiveMaximum':
      return body(`should be less than ${limit}`);
    case 'multipleOf':
      return body(`should be a multiple of ${params.multipleOf}`);
    case 'minLength':
      return body(`should be at least ${limit} chars long`);
    case 'maxLength':
      return tooLong(path, Number(limit));
    case 'pattern':
      return body(`should match '${params.pattern}'`);
    case 'minItems':
      return invalidValue(path, countOf(data), `${fieldText(path)} in body should have at least ${limit} items`);
    case 'minProperties':
      return invalidValue(path, countOf(data), `${fieldText(path)} in body should have at least ${limit} properties`);
    case 'maxItems':
    case 'maxProperties':
      return tooMany(path, countOf(data), Number(limit));
    case 'format':
      return body(`must be of type ${params.format}: ${JSON.stringify(data)}`);
    case 'anyOf':
      return body('must validate at least one schema (anyOf)');
    case 'oneOf':
      return body('must validate one and only one schema (oneOf)');
    case 'not':
      return body('must not validate the schema (not)');
    default:
      return body(message ?? `breaks the rule '${keyword}'`);
  }
}

function typeText(type: unknown): string {
  const types = (Array.isArray(type) ? type : [type]).filter((name) => name !== 'null');
  return types.join(',');
}

function countOf(value: unknown): number {
  return Array.isArray(value) ? value.length : Object.keys(value ?? {}).length;
}
