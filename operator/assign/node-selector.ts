import type { NodeSelectorTerm } from '../../src/schema/pod-template';
import type { TemplateFacts } from './template-facts';

type Labels = Readonly<Record<string, string>>;
type Requirement = NonNullable<NonNullable<NodeSelectorTerm>['matchExpressions']>[number];

/** Whether node selector and required node affinity of a template hold against labels (R75). Alternatives are enough: one term that holds. */
export function selectsNode({ nodeSelector, nodeTerms }: Pick<TemplateFacts, 'nodeSelector' | 'nodeTerms'>, labels: Labels): boolean {
  const selects = Object.entries(nodeSelector).every(([key, value]) => valueOf(labels, key) === value);
  return selects && (nodeTerms === undefined || nodeTerms.some((term) => termHolds(term, labels)));
}

/** As on a node, a term that asks for nothing holds nowhere. `matchFields` names nodes, and a Pool is none. */
function termHolds(term: NodeSelectorTerm, labels: Labels): boolean {
  const { matchExpressions = [], matchFields = [] } = term ?? {};
  return matchExpressions.length > 0 && matchFields.length === 0 && matchExpressions.every((requirement) => HOLDS[requirement.operator](requirement, valueOf(labels, requirement.key)));
}

/** Whether a requirement holds for the value of its label, undefined when there is no such label. */
const HOLDS: Readonly<Record<Requirement['operator'], (requirement: Requirement, value: string | undefined) => boolean>> = {
  In: (requirement, value) => value !== undefined && valuesOf(requirement).includes(value),
  NotIn: (requirement, value) => value === undefined || !valuesOf(requirement).includes(value),
  Exists: (_, value) => value !== undefined,
  DoesNotExist: (_, value) => value === undefined,
  Gt: (requirement, value) => compare(requirement, value, (label, bound) => label > bound),
  Lt: (requirement, value) => compare(requirement, value, (label, bound) => label < bound),
};

function compare(requirement: Requirement, value: string | undefined, holds: (label: bigint, bound: bigint) => boolean): boolean {
  const [text, ...more] = valuesOf(requirement);
  const label = toInteger(value);
  const bound = toInteger(text);
  return more.length === 0 && label !== undefined && bound !== undefined && holds(label, bound);
}

/** A whole number of at most 64 bits, which is all that `Gt` and `Lt` compare. */
function toInteger(text: string | undefined): bigint | undefined {
  if (text === undefined || !/^[+-]?\d{1,19}$/.test(text)) return undefined;
  const value = BigInt(text.replace('+', ''));
  return BigInt.asIntN(64, value) === value ? value : undefined;
}

/** The API server takes null for an empty text. */
function valuesOf({ values = [] }: Requirement): string[] {
  return values.map((value) => value ?? '');
}

function valueOf(labels: Labels, key: string): string | undefined {
  return Object.hasOwn(labels, key) ? labels[key] : undefined;
}
