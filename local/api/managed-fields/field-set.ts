/**
 * A set of fields of one object, in the form in which the API shows it: a tree whose steps are `f:<field>`, `k:<keys of an item>` and
 * `v:<value of an item>`.
 *
 * A step without children is a member. One with children is a member only if `.` is among them. Never changed in place; results share
 * parts with arguments.
 *
 * @see https://kubernetes.io/docs/reference/using-api/server-side-apply/ FieldsV1
 */
export type FieldSet = { readonly [step: string]: FieldSet };

/** The set without members. Below a step, the same value says that the step is a member. */
export const NO_FIELDS: FieldSet = {};

/** Below a step that has children: the step itself is a member. */
export const SELF = '.';

/** Fields of either set. */
export function union(a: FieldSet, b: FieldSet): FieldSet {
  return combine(a, b, (inA, inB) => inA || inB);
}

/** Fields of both sets. */
export function intersection(a: FieldSet, b: FieldSet): FieldSet {
  return combine(a, b, (inA, inB) => inA && inB);
}

/** Fields of `a` that are not in `b`; a member of `b` does not take its children along. */
export function difference(a: FieldSet, b: FieldSet): FieldSet {
  return combine(a, b, (inA, inB) => inA && !inB);
}

export function isEmpty(set: FieldSet): boolean {
  for (const _ in set) return false;
  return true;
}

/** Whether a step is a member, given what stands below it; undefined stands for no step. */
export function isMember(below: FieldSet | undefined): boolean {
  return below !== undefined && (below[SELF] !== undefined || isEmpty(below));
}

/** What stands below a step with these children; undefined when there is neither a member nor a child. */
export function below(children: FieldSet, isMemberItself: boolean): FieldSet | undefined {
  if (isEmpty(children)) return isMemberItself ? NO_FIELDS : undefined;
  return isMemberItself ? { [SELF]: NO_FIELDS, ...children } : children;
}

/** The steps to each member, in the order of the set. */
export function membersOf(set: FieldSet): string[][] {
  return Object.entries(set).flatMap(([step, under]) => [
    ...(isMember(under) ? [[step]] : []),
    ...membersOf(under).map((rest) => [step, ...rest]),
  ]).filter((steps) => steps.at(-1) !== SELF);
}

/** A path as error texts show it: `.spec.containers[name="main"].env`. @throws SyntaxError for a step that is none */
export function pathText(steps: readonly string[]): string {
  return steps.map(stepText).join('');
}

/** Whether a value from outside is a set of fields. */
export function isFieldSet(value: unknown): value is FieldSet {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && Object.entries(value).every(([step, under]) => isStep(step) && isFieldSet(under));
}

type Rule = (inA: boolean, inB: boolean) => boolean;

function combine(a: FieldSet, b: FieldSet, keeps: Rule): FieldSet {
  const result: Record<string, FieldSet> = {};
  const add = (step: string, under: FieldSet | undefined) => {
    if (step !== SELF && under !== undefined) result[step] = under;
  };
  for (const step in a) add(step, combineBelow(a[step], b[step], keeps));
  for (const step in b) if (a[step] === undefined) add(step, combineBelow(undefined, b[step], keeps));
  return result;
}

function combineBelow(a: FieldSet | undefined, b: FieldSet | undefined, keeps: Rule): FieldSet | undefined {
  if (b === undefined) return keeps(true, false) ? a : undefined;
  if (a === undefined) return keeps(false, true) ? b : undefined;
  return below(combine(a, b, keeps), keeps(isMember(a), isMember(b)));
}

function stepText(step: string): string {
  const content = step.slice(2);
  if (step.startsWith('f:')) return `.${content}`;
  if (step.startsWith('v:')) return `[=${content}]`;
  const keys: [string, unknown][] = Object.entries(JSON.parse(content) as object);
  return `[${keys.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(',')}]`;
}

function isStep(step: string): boolean {
  if (step === SELF || step.startsWith('f:')) return true;
  if (!/^[kvi]:/.test(step)) return false;
  try {
    const content: unknown = JSON.parse(step.slice(2));
    return !step.startsWith('k:') || (typeof content === 'object' && content !== null);
  } catch {
    return false;
  }
}
