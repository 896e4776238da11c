import type { BatchSandbox } from '../../src/schema/batch-sandbox';
import { batchSandboxSpec } from '../../src/schema/batch-sandbox';
import { findTooDeep } from '../../src/schema/depth';
import { type Problem, formatProblem } from '../../src/schema/errors';
import { ANY_POOL, MAX_NAME_LENGTH } from '../../src/schema/names';
import { podTemplate } from '../../src/schema/pod-template';
import { parseShape } from '../../src/schema/validation';
import { parseAllocation } from '../allocation-record';
import { findOversize } from './size';

/** Why a batch cannot be served: reason and message of condition `Accepted` (R8, R124, R127, R131). */
export interface Refusal {
  readonly reason: 'InvalidSpec' | 'NoTemplate' | 'InvalidName' | 'InvalidRecord' | 'TooLarge';
  readonly message: string;
}

/** Looks for what makes a batch impossible to serve. Its running pods stay untouched, and it recovers by itself after a fix. */
export function refuseBatch(batch: BatchSandbox): Refusal | undefined {
  const { name } = batch.metadata;
  if (name.length > MAX_NAME_LENGTH) {
    return { reason: 'InvalidName', message: `metadata.name: expected at most ${MAX_NAME_LENGTH} characters, got ${name.length}` };
  }
  const { problem: unreadable } = parseAllocation(batch.status?.allocation);
  if (unreadable !== undefined) return { reason: 'InvalidRecord', message: unreadable };
  const spec = parseShape(batchSandboxSpec, batch.spec);
  const problems: Problem[] = spec.ok ? [] : [...spec.problems];
  for (const field of ['template', 'taskTemplate'] as const) {
    const deep = findTooDeep(batch.spec[field], field);
    if (deep !== undefined) problems.push(deep);
  }
  const pooled = isPooled(batch);
  // Beside the name of a Pool the template has no use (R12); beside `*` it says which Pools suit.
  if ((!pooled || batch.spec.poolRef === ANY_POOL) && batch.spec.template !== undefined) {
    const template = parseShape(podTemplate, batch.spec.template);
    if (!template.ok) problems.push(...template.problems.map((problem) => ({ ...problem, path: `template.${problem.path}` })));
  }
  if (problems.length > 0) {
    return { reason: 'InvalidSpec', message: problems.map((problem) => formatProblem({ ...problem, path: `spec.${problem.path}` })).join('; ') };
  }
  if (!pooled && batch.spec.template === undefined) {
    return { reason: 'NoTemplate', message: 'spec: expected poolRef or template, got neither; name a Pool or give a pod template' };
  }
  const oversize = findOversize(batch);
  return oversize === undefined ? undefined : { reason: 'TooLarge', message: formatProblem(oversize) };
}

/** Whether a batch takes its pods from a Pool. */
export function isPooled(batch: BatchSandbox): boolean {
  return batch.spec.poolRef !== undefined && batch.spec.poolRef !== '';
}
