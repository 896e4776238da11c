import { compileRuleCheck } from './cel-rules';
import { type FieldProblem, invalidValue } from './field-problem';
import { jsonEqual, type JsonObject, valueAt } from './json';
import { compileSchemaCheck } from './schema-validation';
import { applyDefaults, prune, type StructuralSchema } from './structural-schema';

/** What a schema does to the objects of one kind. */
export interface ObjectSchema {
  /** The schema as it is published by OpenAPI. */
  readonly source: StructuralSchema;
  /** The object without unknown fields, whose paths are added to `unknownFields`. */
  prune(object: JsonObject, unknownFields: string[]): JsonObject;
  /** The object with its defaults. */
  applyDefaults(object: JsonObject): JsonObject;
  /**
   * Everything that is wrong with the object. What was wrong before and has not changed is let pass, so that a schema may grow
   * stricter without locking people out of the objects they have.
   *
   * @see https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#validation-ratcheting
   */
  check(object: JsonObject, old: JsonObject | undefined): readonly FieldProblem[];
}

/** Problems that make values unfit for rules, which read them trusting their types. */
const BLOCKING_REASONS = new Set(['FieldValueTypeInvalid', 'FieldValueNotSupported', 'FieldValueRequired', 'FieldValueTooLong', 'FieldValueTooMany']);

const RULES_NOT_CHECKED = 'some validation rules were not checked because the object was invalid; correct the existing errors to complete validation';

/** Compiles the schema of a kind. @throws Error when a rule or a keyword of it can not be used */
export function compileObjectSchema(source: StructuralSchema): ObjectSchema {
  const checkSchema = compileSchemaCheck(withoutMetadata(source));
  const checkRules = compileRuleCheck(source);
  return {
    source,
    prune: (object, unknownFields) => prune(object, source, unknownFields) as JsonObject,
    applyDefaults: (object) => applyDefaults(object, source) as JsonObject,
    check: (object, old) => {
      const isNew = ({ path }: FieldProblem) => old === undefined || path.length === 0 || valueAt(old, path) === undefined || !jsonEqual(valueAt(object, path), valueAt(old, path));
      const problems = checkSchema(object).filter(isNew);
      if (problems.some(({ reason }) => BLOCKING_REASONS.has(reason))) return [...problems, invalidValue([], null, RULES_NOT_CHECKED)];
      return [...problems, ...checkRules(object, old)];
    },
  };
}

/** As {@link compileObjectSchema}, at the first use: most built-in kinds are never written, and must not slow down every start. */
export function compileWhenUsed(source: StructuralSchema): ObjectSchema {
  let compiled: ObjectSchema | undefined;
  const schema = () => (compiled ??= compileObjectSchema(source));
  return {
    source,
    prune: (object, unknownFields) => schema().prune(object, unknownFields),
    applyDefaults: (object) => schema().applyDefaults(object),
    check: (object, old) => schema().check(object, old),
  };
}

/** Metadata has rules of its own, whatever the schema says. */
function withoutMetadata(schema: StructuralSchema): StructuralSchema {
  const { metadata: _, ...properties } = schema.properties ?? {};
  return { ...schema, properties };
}
