import { Environment, type ParseResult } from '@marcbachmann/cel-js';
import { toCelValue } from './cel-value';
import { type FieldPath, type FieldProblem, duplicateValue, forbiddenField, invalidValue, requiredValue } from './field-problem';
import { isJsonObject, jsonEqual } from './json';
import { type CelRule, type StructuralSchema } from './structural-schema';

/**
 * Finds every `x-kubernetes-validations` rule and every list key that `value` breaks; `old` is there on an update.
 *
 * A part that has not changed is let pass, but for rules that read the old value, and so are lists that had keys twice before.
 *
 * @see https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#validation-ratcheting
 */
export type RuleCheck = (value: unknown, old: unknown) => readonly FieldProblem[];

/** What one node of a schema demands beyond JSON Schema, and its children that demand something. */
interface RuleNode {
  readonly schema: StructuralSchema;
  readonly rules: readonly CompiledRule[];
  readonly fields: ReadonlyMap<string, RuleNode>;
  readonly everyField?: RuleNode;
  readonly items?: RuleNode;
  /** Fields that tell the items of a list apart; empty for a set, absent for a list that may repeat. */
  readonly listKeys?: readonly string[];
}

interface CompiledRule {
  readonly source: CelRule;
  readonly holds: ParseResult;
  readonly messageOf?: ParseResult;
  readonly readsOld: boolean;
  /** Compares with the old value, and so is left out when there is none. */
  readonly isTransition: boolean;
}

/** Compiles the rules of a schema. @throws Error when a rule does not compile; the message names the field and the rule */
export function compileRuleCheck(schema: StructuralSchema): RuleCheck {
  const root = compileNode(schema, newEnvironment(), '');
  return (value, old) => (root === undefined ? [] : checkNode(root, value, old, []));
}

function newEnvironment(): Environment {
  return new Environment({ unlistedVariablesAreDyn: true, enableOptionalTypes: true, homogeneousAggregateLiterals: false });
}

function compileNode(schema: StructuralSchema, environment: Environment, path: string): RuleNode | undefined {
  const rules = (schema['x-kubernetes-validations'] ?? []).map((rule) => compileRule(rule, environment, path));
  const fields = new Map<string, RuleNode>();
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const node = compileNode(property, environment, `${path}.${name}`);
    if (node !== undefined) fields.set(name, node);
  }
  const { additionalProperties, items } = schema;
  const everyField = typeof additionalProperties === 'object' ? compileNode(additionalProperties, environment, `${path}.*`) : undefined;
  const itemNode = items === undefined ? undefined : compileNode(items, environment, `${path}[*]`);
  const listKeys = listKeysOf(schema);
  const demandsNothing = rules.length === 0 && fields.size === 0 && everyField === undefined && itemNode === undefined && listKeys === undefined;
  return demandsNothing ? undefined : { schema, rules, fields, everyField, items: itemNode, listKeys };
}

function compileRule(source: CelRule, environment: Environment, path: string): CompiledRule {
  try {
    const { rule, messageExpression, optionalOldSelf } = source;
    const readsOld = /\boldSelf\b/.test(rule);
    return {
      source,
      holds: environment.parse(rule),
      ...(messageExpression === undefined ? {} : { messageOf: environment.parse(messageExpression) }),
      readsOld,
      isTransition: readsOld && optionalOldSelf !== true,
    };
  } catch (error) {
    throw new Error(`${path === '' ? '(root)' : path.slice(1)}: rule ${JSON.stringify(source.rule)}: ${firstLine(error)}`, { cause: error });
  }
}

function listKeysOf(schema: StructuralSchema): readonly string[] | undefined {
  if (schema['x-kubernetes-list-type'] === 'set') return [];
  return schema['x-kubernetes-list-type'] === 'map' ? (schema['x-kubernetes-list-map-keys'] ?? []) : undefined;
}

function checkNode(node: RuleNode, value: unknown, old: unknown, path: FieldPath): FieldProblem[] {
  if (value === undefined || value === null) return [];
  const isUnchanged = old !== undefined && jsonEqual(value, old);
  const problems = node.rules.filter(({ readsOld }) => readsOld || !isUnchanged).flatMap((rule) => checkRule(rule, node.schema, value, old, path));
  if (Array.isArray(value)) {
    const { items, listKeys } = node;
    const hadDuplicates = listKeys !== undefined && Array.isArray(old) && findDuplicates(old, listKeys, path).length > 0;
    if (listKeys !== undefined && !hadDuplicates) problems.push(...findDuplicates(value, listKeys, path));
    if (items !== undefined) value.forEach((item, i) => problems.push(...checkNode(items, item, oldItem(node, old, item), [...path, i])));
  } else if (isJsonObject(value)) {
    const oldFields = isJsonObject(old) ? old : {};
    for (const key of Object.keys(value)) {
      const field = node.fields.get(key) ?? node.everyField;
      if (field !== undefined) problems.push(...checkNode(field, value[key], oldFields[key], [...path, key]));
    }
  }
  return problems;
}

/** The earlier item of the same key; only a list of type map can tell which that is. */
function oldItem({ listKeys }: RuleNode, old: unknown, item: unknown): unknown {
  if (listKeys === undefined || listKeys.length === 0 || !Array.isArray(old)) return undefined;
  const wanted = keyOf(item, listKeys);
  return old.find((candidate) => keyOf(candidate, listKeys) === wanted);
}

function checkRule(rule: CompiledRule, schema: StructuralSchema, value: unknown, old: unknown, path: FieldPath): FieldProblem[] {
  if (rule.isTransition && old === undefined) return [];
  const context = { self: toCelValue(value, schema), oldSelf: toCelValue(old, schema) };
  try {
    if (rule.holds(context) === true) return [];
  } catch (error) {
    return [invalidValue(path, typeOf(schema), `rule evaluation error: ${firstLine(error)}: ${rule.source.rule}`)];
  }
  const message = messageOf(rule, context);
  const problemPath = [...path, ...(rule.source.fieldPath?.split('.').filter((step) => step !== '') ?? [])];
  const problemOf = PROBLEMS_BY_REASON[rule.source.reason ?? ''] ?? invalidValueOf;
  return [problemOf(problemPath, message, typeOf(schema))];
}

type ProblemOf = (path: FieldPath, message: string, type: string) => FieldProblem;

const invalidValueOf: ProblemOf = (path, message, type) => invalidValue(path, type, message);

/** Reasons that a rule may state; without one, a broken rule is an invalid value. */
const PROBLEMS_BY_REASON: Readonly<Record<string, ProblemOf>> = {
  FieldValueForbidden: forbiddenField,
  FieldValueRequired: requiredValue,
  FieldValueDuplicate: (path, _message, type) => duplicateValue(path, type),
};

function messageOf({ source, messageOf }: CompiledRule, context: object): string {
  const fallback = source.message ?? `failed rule: ${source.rule}`;
  if (messageOf === undefined) return fallback;
  try {
    const text: unknown = messageOf({ ...context });
    return typeof text === 'string' && text !== '' ? text : fallback;
  } catch {
    // A message that can not be made must not hide that the rule is broken.
    return fallback;
  }
}

function findDuplicates(list: readonly unknown[], keys: readonly string[], path: FieldPath): FieldProblem[] {
  const seen = new Set<string>();
  return list.flatMap((item, i) => {
    const key = keyOf(item, keys);
    const isRepeated = seen.has(key);
    seen.add(key);
    return isRepeated ? [duplicateValue([...path, i], keys.length === 0 ? item : JSON.parse(key))] : [];
  });
}

function keyOf(item: unknown, keys: readonly string[]): string {
  if (keys.length === 0 || !isJsonObject(item)) return JSON.stringify(item);
  return JSON.stringify(Object.fromEntries(keys.map((key) => [key, item[key]])));
}

/** Kubernetes shows the type in place of the value, since values of rules are often long. */
function typeOf(schema: StructuralSchema): string {
  return schema['x-kubernetes-int-or-string'] === true ? 'int-or-string' : (schema.type ?? 'object');
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? '';
}
