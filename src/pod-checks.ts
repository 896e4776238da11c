import { checkLabels } from './metadata';
import { checkPlain } from './plain-data';
import { unknownPodFields } from './pod-fields';
import { type Problems } from './problems';
import { podTemplate } from './schema/pod-template';
import { isRecord, parse } from './schema/validation';

/**
 * Checks of a rendered pod template that otherwise fail only in the cluster, pod by pod.
 *
 * Fields that no check names pass: the API server judges them. A field that no Kubernetes is known to have is a warning.
 */
export function checkPodTemplate(problems: Problems, template: unknown): void {
  if (!checkPlain(problems, 'template', template)) {
    return;
  }
  if (!problems.checkKeys('template', template, ['metadata', 'spec'])) {
    return;
  }
  const { metadata, spec } = template;
  warnOfUnknownFields(problems, 'template', { metadata, spec });
  const parsed = parse(podTemplate, template);
  if (!parsed.ok) {
    problems.addAll(parsed.problems.map((problem) => ({ ...problem, path: `template.${problem.path}` })));
    return;
  }
  checkLabels(problems, 'template.metadata', parsed.value.metadata ?? {});
  const { initContainers = [], containers, volumes = [] } = parsed.value.spec;
  const inPlace = (field: string) => (item: { readonly name: string; readonly image?: string }, index: number) => ({ ...item, path: `template.spec.${field}[${index}]` });
  const allContainers = [...initContainers.map(inPlace('initContainers')), ...containers.map(inPlace('containers'))];
  checkNames(problems, 'container', allContainers);
  checkNames(problems, 'volume', volumes.map(inPlace('volumes')));
  for (const { path, image } of allContainers) {
    if (image === undefined) {
      problems.add(`${path}.image`, 'the name of an image', image);
    }
  }
}

function checkNames(problems: Problems, what: string, items: readonly { readonly name: string; readonly path: string }[]): void {
  const names = new Set<string>();
  for (const { name, path } of items) {
    if (names.has(name)) {
      problems.add(`${path}.name`, `a name that no other ${what} of the pod has`, name);
    }
    names.add(name);
  }
}

/** Warns of fields that no Kubernetes is known to have; `template` may be a patch of one. */
export function warnOfUnknownFields(problems: Problems, path: string, template: unknown): void {
  for (const { path: at, name, meant } of unknownPodFields(template, path)) {
    problems.warn(at, 'fields that Kubernetes has', name, meant === undefined ? 'the API server drops what it does not know' : `did you mean '${meant}'?`);
  }
}

/** Checks a strategic merge patch: an object of plain data without null, since cdk8s leaves null out of manifests. Returns whether it is plain. */
export function checkPatch(problems: Problems, path: string, patch: unknown): patch is Record<string, unknown> {
  if (!isRecord(patch)) {
    problems.add(path, 'a patch', patch);
    return false;
  }
  if (!checkPlain(problems, path, patch)) {
    return false;
  }
  for (const nullPath of pathsOfNull(path, patch)) {
    problems.add(nullPath, 'no null (cdk8s leaves it out of manifests)', null, "write '$patch: delete' or '$patch: replace', or use addJsonPatch");
  }
  return true;
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
