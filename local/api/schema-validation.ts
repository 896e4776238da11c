import { type FieldPath, type FieldProblem, fieldText, invalidValue, requiredValue, tooLong, tooMany, unsupportedValue, wrongType } from './field-problem';
import { isJsonObject, jsonEqual, type JsonObject } from './json';
import { FORMATS } from './schema-formats';
import type { StructuralSchema } from './structural-schema';

/** Finds everything in which `value` breaks the schema; empty when it is valid. */
export type SchemaCheck = (value: unknown) => readonly FieldProblem[];

type Found = (problem: FieldProblem) => void;

/**
 * The check of a structural schema, in Kubernetes' words. It walks schema and value together: a compiler of schemas takes a tenth of a second
 * for the schema of a pod, which is more than all the objects that one cluster on a laptop checks.
 *
 * `path` is where the value stands in its object. @throws Error when a pattern of the schema can not be used
 */
export function compileSchemaCheck(schema: StructuralSchema, path: FieldPath = []): SchemaCheck {
  const patterns = new Map<string, RegExp>();
  for (const pattern of patternsOf(schema)) patterns.set(pattern, new RegExp(pattern));
  const walk = new Walk(patterns);
  return (value) => {
    const problems: FieldProblem[] = [];
    walk.check(schema, value, path, (problem) => problems.push(problem));
    return problems;
  };
}

/** Patterns of a schema and of all below it. */
function* patternsOf(schema: StructuralSchema): Generator<string> {
  if (typeof schema.pattern === 'string') yield schema.pattern;
  const { items, not, additionalProperties, allOf = [], anyOf = [], oneOf = [], properties = {} } = schema;
  const below = [items, not, additionalProperties, ...allOf, ...anyOf, ...oneOf, ...Object.values(properties)];
  for (const each of below) if (typeof each === 'object') yield* patternsOf(each);
}

class Walk {
  constructor(private readonly patterns: ReadonlyMap<string, RegExp>) {}

  check(schema: StructuralSchema, value: unknown, path: FieldPath, found: Found): void {
    const types = schema['x-kubernetes-int-or-string'] === true ? ['integer', 'string'] : schema.type === undefined ? [] : [schema.type];
    const isNull = schema.nullable === true && value === null;
    if (types.length > 0 && !isNull && !types.some((type) => isOfType(value, type))) found(wrongType(path, types.join(','), value));
    if (schema.enum !== undefined && !isNull && !schema.enum.some((allowed) => jsonEqual(allowed, value))) {
      found(unsupportedValue(path, value, schema.enum.filter((allowed) => allowed !== null)));
    }
    this.#checkCombinations(schema, value, path, found);
    if (typeof value === 'number') checkNumber(schema, value, path, found);
    else if (typeof value === 'string') this.#checkText(schema, value, path, found);
    else if (Array.isArray(value)) this.#checkList(schema, value, path, found);
    else if (isJsonObject(value)) this.#checkObject(schema, value, path, found);
  }

  #checkCombinations(schema: StructuralSchema, value: unknown, path: FieldPath, found: Found): void {
    const { not, anyOf, oneOf, allOf } = schema;
    const must = (rule: string) => found(invalidValue(path, value, `${fieldText(path)} in body ${rule}`));
    if (not !== undefined && this.#fits(not, value)) must('must not validate the schema (not)');
    if (anyOf !== undefined && !anyOf.some((each) => this.#fits(each, value))) must('must validate at least one schema (anyOf)');
    if (oneOf !== undefined && oneOf.filter((each) => this.#fits(each, value)).length !== 1) must('must validate one and only one schema (oneOf)');
    for (const each of allOf ?? []) this.check(each, value, path, found);
  }

  #fits(schema: StructuralSchema, value: unknown): boolean {
    let fits = true;
    this.check(schema, value, [], () => (fits = false));
    return fits;
  }

  #checkText({ minLength, maxLength, pattern, format }: StructuralSchema, value: string, path: FieldPath, found: Found): void {
    const should = (rule: string) => found(invalidValue(path, value, `${fieldText(path)} in body should ${rule}`));
    const length = minLength === undefined && maxLength === undefined ? 0 : [...value].length;
    if (length > limitOf(maxLength, Infinity)) found(tooLong(path, Number(maxLength)));
    if (length < limitOf(minLength, 0)) should(`be at least ${minLength} chars long`);
    if (typeof pattern === 'string' && this.patterns.get(pattern)?.test(value) === false) should(`match '${pattern}'`);
    if (typeof format === 'string' && FORMATS.get(format)?.(value) === false) {
      found(invalidValue(path, value, `${fieldText(path)} in body must be of type ${format}: ${JSON.stringify(value)}`));
    }
  }

  #checkList({ minItems, maxItems, uniqueItems, items }: StructuralSchema, value: readonly unknown[], path: FieldPath, found: Found): void {
    const should = (shown: unknown, rule: string) => found(invalidValue(path, shown, `${fieldText(path)} in body ${rule}`));
    if (value.length > limitOf(maxItems, Infinity)) found(tooMany(path, value.length, Number(maxItems)));
    if (value.length < limitOf(minItems, 0)) should(value.length, `should have at least ${minItems} items`);
    if (uniqueItems === true && value.some((item, i) => value.slice(0, i).some((other) => jsonEqual(item, other)))) should(value, "shouldn't contain duplicates");
    if (items !== undefined) value.forEach((item, i) => this.check(items, item, [...path, i], found));
  }

  #checkObject(schema: StructuralSchema, value: JsonObject, path: FieldPath, found: Found): void {
    const { minProperties, maxProperties, required = [], additionalProperties, properties = {} } = schema;
    const names = Object.keys(value);
    if (names.length > limitOf(maxProperties, Infinity)) found(tooMany(path, names.length, Number(maxProperties)));
    if (names.length < limitOf(minProperties, 0)) {
      found(invalidValue(path, names.length, `${fieldText(path)} in body should have at least ${minProperties} properties`));
    }
    const has = (name: string) => Object.hasOwn(value, name) && value[name] !== undefined;
    for (const name of required) if (!has(name)) found(requiredValue([...path, name]));
    if (typeof additionalProperties === 'object') {
      for (const name of names) if (!Object.hasOwn(properties, name)) this.check(additionalProperties, value[name], [...path, name], found);
    }
    for (const [name, property] of Object.entries(properties)) if (has(name)) this.check(property, value[name], [...path, name], found);
  }
}

function checkNumber(schema: StructuralSchema, value: number, path: FieldPath, found: Found): void {
  const { minimum, maximum, multipleOf } = schema;
  const should = (rule: string) => found(invalidValue(path, value, `${fieldText(path)} in body should be ${rule}`));
  if (maximum !== undefined && schema.exclusiveMaximum === true ? value >= maximum : value > limitOf(maximum, Infinity)) {
    should(schema.exclusiveMaximum === true ? `less than ${maximum}` : `less than or equal to ${maximum}`);
  }
  if (minimum !== undefined && schema.exclusiveMinimum === true ? value <= minimum : value < limitOf(minimum, -Infinity)) {
    should(schema.exclusiveMinimum === true ? `greater than ${minimum}` : `greater than or equal to ${minimum}`);
  }
  if (typeof multipleOf === 'number' && !Number.isInteger(value / multipleOf)) should(`a multiple of ${multipleOf}`);
}

function limitOf(limit: unknown, none: number): number {
  return typeof limit === 'number' ? limit : none;
}

function isOfType(value: unknown, type: string): boolean {
  switch (type) {
    case 'object':
      return isJsonObject(value);
    case 'array':
      return Array.isArray(value);
    case 'integer':
      return Number.isInteger(value);
    case 'null':
      return value === null;
    default:
      return typeof value === type;
  }
}
