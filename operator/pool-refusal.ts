import { findTooDeep } from '../src/schema/depth';
import { formatProblem } from '../src/schema/errors';
import { MAX_NAME_LENGTH } from '../src/schema/names';
import { podTemplate } from '../src/schema/pod-template';
import { type Pool, poolSpec } from '../src/schema/pool';
import { parseShape } from '../src/schema/validation';

/** What makes a Pool impossible to serve, each with its path; `undefined` when nothing does. Its pods stay untouched, and it recovers by itself after a fix (R124). */
export function refusePool(pool: Pool): string | undefined {
  const { name } = pool.metadata;
  if (name.length > MAX_NAME_LENGTH) return `metadata.name: expected at most ${MAX_NAME_LENGTH} characters, got ${name.length}`;
  if (pool.spec.template === undefined) return 'spec.template: expected a pod template, got nothing';
  const spec = parseShape(poolSpec, pool.spec);
  const template = parseShape(podTemplate, pool.spec.template);
  const deep = findTooDeep(pool.spec.template, 'template');
  const problems = [
    ...(deep === undefined ? [] : [deep]),
    ...(spec.ok ? [] : spec.problems),
    ...(template.ok ? [] : template.problems.map((problem) => ({ ...problem, path: `template.${problem.path}` }))),
  ];
  return problems.length === 0 ? undefined : problems.map((problem) => formatProblem({ ...problem, path: `spec.${problem.path}` })).join('; ');
}
