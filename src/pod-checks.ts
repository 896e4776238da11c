import { checkLabels } from './metadata';
import { type Problems } from './problems';
import { podTemplate } from './schema/pod-template';
import { isRecord, parse } from './schema/validation';

/**
 * Checks of a rendered pod template that otherwise fail only in the cluster, pod by pod.
 *
 * Fields that no check names pass: the API server judges them.
 */
export function checkPodTemplate(problems: Problems, template: unknown): void {
  checkPlain(problems, 'template', template);
  if (!problems.checkKeys('template', template, ['metadata', 'spec'])) {
    return;
  }
  const parsed = parse(podTemplate, template);
  if (!parsed.ok) {
    problems.addAll(parsed.problems.map((problem) => ({ ...problem, path: `template.${problem.path}` })));
    return;
  }
  checkLabels(problems, 'template.metadata', parsed.value.metadata ?? {});
  const names = new Set<string>();
  for (const field of ['initContainers', 'containers'] as const) {
    for (const [index, { name, image }] of (parsed.value.spec[field] ?? []).entries()) {
      const path = `template.spec.${field}[${index}]`;
      if (names.has(name)) {
        problems.add(`${path}.name`, 'a name that no other container of the pod has', name);
      }
      if (image === undefined) {
        problems.add(`${path}.image`, 'the name of an image', image);
      }
      names.add(name);
    }
  }
}

/** Checks a strategic merge patch: an object of plain data without null, since cdk8s leaves null out of manifests. */
export function checkPatch(problems: Problems, path: string, patch: unknown): void {
  if (!isRecord(patch)) {
    problems.add(path, 'a patch', patch);
    return;
  }
  checkPlain(problems, path, patch);
  for (const nullPath of pathsOfNull(path, patch)) {
    problems.add(nullPath, 'no null (cdk8s leaves it out of manifests)', null, "write '$patch: delete' or '$patch: replace', or use addJsonPatch");
  }
}

/** Manifests hold plain data only; anything else fails in the middle of writing them. */
function checkPlain(problems: Problems, path: string, value: unknown): void {
  if (Array.isArray(value)) {
    value.forEach((item: unknown, index) => checkPlain(problems, `${path}[${index}]`, item));
  } else if (isRecord(value)) {
    if (value.constructor !== undefined && value.constructor !== Object) {
      problems.add(path, 'plain data', `an instance of ${value.constructor.name}`);
      return;
    }
    for (const [key, field] of Object.entries(value)) {
      checkPlain(problems, `${path}.${key}`, field);
    }
  } else if (typeof value === 'function' || typeof value === 'symbol' || typeof value === 'bigint') {
    problems.addKind(path, 'plain data', value);
  } else if (typeof value === 'number' && !Number.isFinite(value)) {
    problems.add(path, 'a finite number', value);
  }
}

function pathsOfNull(path: string, value: unknown): string[] {
  if (value === null) {
    return [path];
  }
  if (Array.isArray(value)) {
    return value.flatMap((item: unknown, index) => pathsOfNull(`${path}[${index}]`, item));
  }
  return isRecord(value) ? Object.entries(value).flatMap(([key, field]) => pathsOfNull(`${path}.${key}`, field)) : [];
}
