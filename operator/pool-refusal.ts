import { findTooDeep } from '../src/schema/depth';
import { formatProblem } from '../src/schema/errors';
import { MAX_NAME_LENGTH } from '../src/schema/names';
import { podTemplate } from '../src/schema/pod-template';
import { type Pool, poolSpec } from '../src/schema/pool';
import { parseShape } from '../src/schema/validation';

/** Verdicts by spec: a Pool is looked at often, and its spec stays the same object over the operator's own writes. */
const verdicts = new WeakMap<Pool['spec'], string | undefined>();

/** What makes a Pool impossible to serve, each with its path; `undefined` when nothing does. Its pods stay untouched, and it recovers by itself after a fix (R124). */
export function refusePool({ metadata: { name }, spec }: Pool): string | undefined {
  if (name.length > MAX_NAME_LENGTH) return `metadata.name: expected at most ${MAX_NAME_LENGTH} characters, got ${name.length}`;
  if (!verdicts.has(spec)) verdicts.set(spec, refuseSpec(spec));
  return verdicts.get(spec);
}

function refuseSpec(given: Pool['spec']): string | undefined {
  if (given.template === undefined) return 'spec.template: expected a pod template, got nothing';
  const spec = parseShape(poolSpec, given);
  const template = parseShape(podTemplate, given.template);
  const deep = findTooDeep(given.template, 'template');
  const problems = [
    ...(deep === undefined ? [] : [deep]),
    ...(spec.ok ? [] : spec.problems),
    ...(template.ok ? [] : template.problems.map((problem) => ({ ...problem, path: `template.${problem.path}` }))),
  ];
  return problems.length === 0 ? undefined : problems.map((problem) => formatProblem({ ...problem, path: `spec.${problem.path}` })).join('; ');
}
