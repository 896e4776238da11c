import type { ApiObject } from './api-object';
import { badRequest } from './api-error';
import { valueAt } from './json';
import type { ResourceKind } from './resource-kind';

/** Whether an object is selected. */
export type Selector = (object: ApiObject) => boolean;

/** Selects everything; compare with it to skip work. */
export const everything: Selector = () => true;

/**
 * Parses a label selector such as `app=web,tier in (a,b),!old`.
 *
 * @throws ApiError 400 when it can not be understood
 * @see https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors
 */
export function parseLabelSelector(text: string): Selector {
  const requirements = splitRequirements(text).map(parseRequirement);
  if (requirements.length === 0) return everything;
  return ({ metadata }) => requirements.every((holds) => holds(metadata.labels ?? {}));
}

type Requirement = (labels: Readonly<Record<string, string>>) => boolean;

const KEY = String.raw`[A-Za-z0-9](?:[-A-Za-z0-9_./]*[A-Za-z0-9])?`;
const SET_REQUIREMENT = new RegExp(String.raw`^(${KEY})\s+(in|notin)\s*\(([^()]*)\)$`);
const EQUALITY_REQUIREMENT = new RegExp(String.raw`^(${KEY})\s*(==|=|!=)\s*([-A-Za-z0-9_.]*)$`);
const COMPARISON_REQUIREMENT = new RegExp(String.raw`^(${KEY})\s*(<|>)\s*(-?\d+)$`);
const EXISTENCE_REQUIREMENT = new RegExp(String.raw`^(!?)\s*(${KEY})$`);

/** Splits at commas outside of parentheses. */
function splitRequirements(text: string): string[] {
  return text.split(/,(?![^(]*\))/).map((part) => part.trim()).filter((part) => part !== '');
}

function parseRequirement(text: string): Requirement {
  const set = SET_REQUIREMENT.exec(text);
  if (set !== null) {
    const [, key = '', operator, list = ''] = set;
    const values = new Set(list.split(',').map((value) => value.trim()));
    return (labels) => (operator === 'in' ? has(labels, key) && values.has(labels[key] ?? '') : !has(labels, key) || !values.has(labels[key] ?? ''));
  }
  const equality = EQUALITY_REQUIREMENT.exec(text);
  if (equality !== null) {
    const [, key = '', operator, value = ''] = equality;
    return (labels) => (operator === '!=' ? labels[key] !== value : labels[key] === value);
  }
  const comparison = COMPARISON_REQUIREMENT.exec(text);
  if (comparison !== null) {
    const [, key = '', operator, bound = ''] = comparison;
    return (labels) => has(labels, key) && (operator === '<' ? Number(labels[key]) < Number(bound) : Number(labels[key]) > Number(bound));
  }
  const existence = EXISTENCE_REQUIREMENT.exec(text);
  if (existence === null) throw badRequest(`unable to parse requirement: found '${text}', expected: a label key with an optional operator and value`);
  const [, absent, key = ''] = existence;
  return (labels) => has(labels, key) === (absent === '');
}

function has(labels: Readonly<Record<string, string>>, key: string): boolean {
  return Object.hasOwn(labels, key);
}

/**
 * Parses a field selector such as `metadata.name=a,status.phase!=Running`.
 *
 * @throws ApiError 400 for a field that the kind does not offer
 */
export function parseFieldSelector(text: string, kind: ResourceKind): Selector {
  const terms = text.split(',').filter((term) => term !== '').map((term) => parseTerm(term, kind));
  if (terms.length === 0) return everything;
  return (object) => terms.every((holds) => holds(object));
}

function parseTerm(term: string, kind: ResourceKind): Selector {
  const [, field, operator, value = ''] = /^([^=!]+)(==|=|!=)(.*)$/.exec(term) ?? [];
  if (field === undefined) throw badRequest(`invalid selector: '${term}'; can't understand '${term}'`);
  const path = field.split('.');
  const offered = [['metadata', 'name'], ['metadata', 'namespace'], ...kind.selectableFields];
  if (!offered.some((candidate) => candidate.join('.') === field)) throw badRequest(`field label not supported: ${field}`);
  return (object) => (String(valueAt(object, path) ?? '') === value) === (operator !== '!=');
}

/** Selects what both select. */
export function both(a: Selector, b: Selector): Selector {
  if (a === everything) return b;
  if (b === everything) return a;
  return (object) => a(object) && b(object);
}
