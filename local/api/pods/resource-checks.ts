import { nanosOf } from '../../../src/schema/quantity';
import { type FieldPath, type FieldProblem, invalidValue, requiredValue } from '../field-problem';
import { type JsonObject, toJsonObject } from '../json';

const QUANTITY = /^([+-]?(?:\d+\.?\d*|\.\d+))([KMGTPE]i|[numkMGTPE]|[eE][+-]?\d+)?$/;
const QUANTITY_RULE = `quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'`;
/** Resources that a node can promise more of than it has; all others must be limited to what is asked for. */
const SHARED = new Set(['cpu', 'memory', 'ephemeral-storage']);

/** Whether a value is an amount of a resource, such as `500m` or `2Gi`. */
export function isQuantity(value: unknown): boolean {
  return QUANTITY.test(String(value));
}

/** Everything wrong with the limits and requests of a container at `path`. */
export function checkResources(resources: JsonObject, path: FieldPath): FieldProblem[] {
  const limits = toJsonObject(resources.limits);
  const problems = ['limits', 'requests'].flatMap((list) => Object.entries(toJsonObject(resources[list])).flatMap(([name, quantity]) => checkAmount(name, quantity, [...path, `${list}[${name}]`])));
  if (problems.length > 0) return problems;
  return Object.entries(toJsonObject(resources.requests)).flatMap(([name, quantity]) => {
    const limit = limits[name];
    if (limit === undefined) return SHARED.has(name) ? [] : [requiredValue([...path, 'limits'], 'Limit must be set for non overcommitable resources')];
    return amountOf(quantity) <= amountOf(limit) ? [] : [invalidValue([...path, 'requests'], String(quantity), `must be less than or equal to ${name} limit of ${String(limit)}`)];
  });
}

function checkAmount(name: string, quantity: unknown, at: FieldPath): FieldProblem[] {
  if (!isQuantity(quantity)) return [invalidValue(at, quantity, QUANTITY_RULE)];
  if (String(quantity).startsWith('-')) return [invalidValue(at, quantity, 'must be greater than or equal to 0')];
  const isKnown = SHARED.has(name) || name.includes('/') || name.startsWith('hugepages-');
  return isKnown ? [] : [invalidValue(at, name, 'must be a standard resource for containers')];
}

function amountOf(quantity: unknown): bigint {
  return nanosOf(String(quantity)) ?? 0n;
}
