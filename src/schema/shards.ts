import type { z } from 'zod';
import { formatProblem, type Problem, showKind } from './errors';
import type { PodTemplateSpec } from './kubernetes';
import { type MergeTable, POD_MERGE, TASK_MERGE } from './merge-tables';
import { podTemplate } from './pod-template';
import { strategicMerge } from './strategic-merge';
import { taskTemplate } from './task';
import { isRecord, parseShape, type Parsed } from './validation';

/** A task that is complete and valid. */
export type ShardTask = z.output<typeof taskTemplate>;

/**
 * The task of shard `index`: `taskTemplate` of a batch after its patch (R24 to R30); undefined when both say nothing (R32).
 *
 * Environment variables are merged by name, each name once, and the patch wins. Paths of problems start at the spec of the batch, with
 * `taskTemplate` for a fault that is there without the patch too, else with `shardTaskPatches[index]`. Never throws.
 *
 * @param base - `spec.taskTemplate`; undefined is an empty one
 * @param patch - item `index` of `spec.shardTaskPatches`; null, undefined and `{}` change nothing
 */
export function taskOfShard(base: unknown, patch: unknown, index: number): Parsed<ShardTask | undefined> {
  const shard = { base: uniqueEnv(base), patch: uniqueEnv(patch), basePath: 'taskTemplate', patchPath: `shardTaskPatches[${index}]` };
  const merged = mergeShard(shard, TASK_MERGE);
  if (!merged.ok) {
    return merged;
  }
  if (Object.keys(merged.value).length === 0) {
    return { ok: true, value: undefined };
  }
  const task = shapeShard(shard, merged.value, taskTemplate);
  if (!task.ok || task.value.spec.process.command[0] !== '') {
    return task;
  }
  const root = processOf(patch)?.['command'] === undefined ? shard.basePath : shard.patchPath;
  return { ok: false, problems: [{ path: `${root}.spec.process.command[0]`, expected: 'the name of a program', got: "''" }] };
}

/**
 * The content of pod `index`: labels, annotations, finalizers and spec of `template` after its patch (R2, R25).
 *
 * Everything else in metadata is dropped, since no patch can name a pod. Paths of problems start at the spec of the batch, with
 * `template` for a fault that is there without the patch too, else with `shardPatches[index]`. Never throws.
 *
 * @param template - `spec.template`
 * @param patch - item `index` of `spec.shardPatches`; null, undefined and `{}` change nothing
 */
export function podOfShard(template: unknown, patch: unknown, index: number): Parsed<PodTemplateSpec> {
  const shard = { base: template, patch, basePath: 'template', patchPath: `shardPatches[${index}]` };
  const merged = mergeShard(shard, POD_MERGE);
  const parsed = merged.ok ? shapeShard(shard, merged.value, podTemplate) : merged;
  if (!parsed.ok) {
    return parsed;
  }
  const { labels, annotations, finalizers } = parsed.value.metadata ?? {};
  return { ok: true, value: { metadata: { labels, annotations, finalizers }, spec: parsed.value.spec } };
}

/** A base, its patch, and where in the spec of the batch the two stand. */
interface Shard {
  readonly base: unknown;
  readonly patch: unknown;
  readonly basePath: string;
  readonly patchPath: string;
}

function mergeShard({ base, patch, basePath, patchPath }: Shard, table: MergeTable): Parsed<Readonly<Record<string, unknown>>> {
  if (!isRecord(base ?? {})) {
    return { ok: false, problems: [{ path: basePath, expected: 'an object', got: showKind(base) }] };
  }
  const merged = strategicMerge(base, patch ?? {}, table);
  return merged.ok ? merged : { ok: false, problems: under(patchPath, merged.problems) };
}

/** The merged value if it has the shape of `schema`; if not, problems that point at the text to be changed. */
function shapeShard<S extends z.ZodType>({ base, basePath, patchPath }: Shard, merged: unknown, schema: S): Parsed<z.output<S>> {
  const parsed = parseShape(schema, merged);
  if (parsed.ok) {
    return parsed;
  }
  const unpatched = problemsOf(schema, base ?? {}).map(formatProblem);
  const problems = parsed.problems.flatMap((problem) => under(unpatched.includes(formatProblem(problem)) ? basePath : patchPath, [problem]));
  return { ok: false, problems };
}

function problemsOf(schema: z.ZodType, value: unknown): readonly Problem[] {
  const parsed = parseShape(schema, value);
  return parsed.ok ? [] : parsed.problems;
}

function under(root: string, problems: readonly Problem[]): Problem[] {
  return problems.map((problem) => ({ ...problem, path: problem.path === '' ? root : `${root}.${problem.path}` }));
}

/** A task template whose environment names each variable once, with its last value; anything odd is left to the schema. */
function uniqueEnv(template: unknown): unknown {
  const process = processOf(template);
  const env = process?.['env'];
  if (!isRecord(template) || !isRecord(template['spec']) || !Array.isArray(env)) {
    return template;
  }
  const byName = new Map(env.map((item: unknown, index) => [isRecord(item) && typeof item['name'] === 'string' ? item['name'] : index, item]));
  return { ...template, spec: { ...template['spec'], process: { ...process, env: [...byName.values()] } } };
}

/** What a task template or a patch says about the process. */
function processOf(template: unknown): Readonly<Record<string, unknown>> | undefined {
  const spec = isRecord(template) ? template['spec'] : undefined;
  const process = isRecord(spec) ? spec['process'] : undefined;
  return isRecord(process) ? process : undefined;
}
