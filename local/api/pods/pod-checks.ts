import type { ApiObject } from '../api-object';
import { duplicateValue, type FieldPath, type FieldProblem, forbiddenField, invalidValue, requiredValue } from '../field-problem';
import { jsonEqual, type JsonObject, objectsOf, toJsonObject } from '../json';
import { checkLabels, whyNotLabel, whyNotName } from '../metadata';
import { checkContainer } from './container-checks';
import { checkVolume } from './volume-checks';

/** Everything wrong with the spec of a pod at `path` that its schema can not tell. */
export function checkPodSpec(spec: JsonObject, path: FieldPath): FieldProblem[] {
  const containers = objectsOf(spec.containers);
  const initContainers = objectsOf(spec.initContainers);
  const volumes = objectsOf(spec.volumes);
  const volumeNames = volumes.map(({ name }) => name);
  const check = (field: string) => (container: JsonObject, i: number) => checkContainer(container, [...path, field, i], { volumeNames, usesHostNetwork: spec.hostNetwork === true });
  return [
    ...(containers.length === 0 ? [requiredValue([...path, 'containers'])] : []),
    ...checkNames(containers, [...path, 'containers'], []),
    ...containers.flatMap(check('containers')),
    ...checkNames(initContainers, [...path, 'initContainers'], containers),
    ...initContainers.flatMap(check('initContainers')),
    ...initContainers.flatMap((container, i) => checkInitContainer(container, [...path, 'initContainers', i])),
    ...checkNames(volumes, [...path, 'volumes'], []),
    ...volumes.flatMap((volume, i) => checkVolume(volume, [...path, 'volumes', i])),
    ...checkPlace(spec, path),
    ...objectsOf(spec.tolerations).flatMap((toleration, i) => checkToleration(toleration, [...path, 'tolerations', i])),
  ];
}

/** Everything wrong with the template of a workload at `path`, whose selector must select it. */
export function checkPodTemplate(template: JsonObject, path: FieldPath): FieldProblem[] {
  const labels = toJsonObject(toJsonObject(template.metadata).labels);
  return [...checkLabels(labels, [...path.map(String), 'metadata', 'labels']), ...checkPodSpec(toJsonObject(template.spec), [...path, 'spec'])];
}

/** Names must be there, have the form of a label, and be those of nothing else. */
function checkNames(items: readonly JsonObject[], path: FieldPath, others: readonly JsonObject[]): FieldProblem[] {
  const seen = new Set<unknown>(others.map(({ name }) => name));
  return items.flatMap(({ name }, i) => {
    const at = [...path, i, 'name'];
    if (typeof name !== 'string' || name === '') return [requiredValue(at)];
    const why = whyNotLabel(name);
    const isRepeated = seen.has(name);
    seen.add(name);
    if (why !== undefined) return [invalidValue(at, name, why)];
    return isRepeated ? [duplicateValue(at, name)] : [];
  });
}

/** An init container ends before the others start, so nobody asks how it is, unless it stays beside them. */
function checkInitContainer(container: JsonObject, path: FieldPath): FieldProblem[] {
  if (container.restartPolicy === 'Always') return [];
  return ['lifecycle', 'livenessProbe', 'readinessProbe', 'startupProbe'].filter((field) => container[field] !== undefined).map((field) => forbiddenField([...path, field], 'may not be set for init containers without restartPolicy=Always'));
}

/** Names and labels by which a pod finds its place. */
function checkPlace(spec: JsonObject, path: FieldPath): FieldProblem[] {
  const labelled = ['hostname', 'subdomain'].flatMap((field) => badName(spec[field], [...path, field], whyNotLabel));
  const named = ['nodeName', 'serviceAccountName'].flatMap((field) => badName(spec[field], [...path, field], (name) => whyNotName(name, 'subdomain')));
  const selector = checkLabels(toJsonObject(spec.nodeSelector), [...path.map(String), 'nodeSelector']);
  const sharing = spec.shareProcessNamespace === true && spec.hostPID === true ? [invalidValue([...path, 'securityContext', 'shareProcessNamespace'], true, 'ShareProcessNamespace and HostPID cannot both be enabled')] : [];
  const dns = spec.dnsPolicy === 'None' && spec.dnsConfig === undefined ? [requiredValue([...path, 'dnsConfig'], 'must provide `dnsConfig` when `dnsPolicy` is None')] : [];
  return [...labelled, ...named, ...selector, ...sharing, ...dns];
}

function badName(name: unknown, path: FieldPath, whyNot: (name: string) => string | undefined): FieldProblem[] {
  const why = typeof name === 'string' && name !== '' ? whyNot(name) : undefined;
  return why === undefined ? [] : [invalidValue(path, name, why)];
}

function checkToleration({ operator, value, effect, tolerationSeconds }: JsonObject, path: FieldPath): FieldProblem[] {
  return [
    ...(operator === 'Exists' && value !== undefined && value !== '' ? [invalidValue([...path, 'operator'], value, `value must be empty when \`operator\` is 'Exists'`)] : []),
    ...(tolerationSeconds !== undefined && effect !== 'NoExecute' ? [invalidValue([...path, 'effect'], effect ?? '', `effect must be 'NoExecute' when \`tolerationSeconds\` is set`)] : []),
  ];
}

const POD_IS_FIXED =
  'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)';

/** Refuses changes of what a running pod can not change. */
export function checkPodChange(pod: ApiObject, old: ApiObject): FieldProblem[] {
  return jsonEqual(fixedPart(pod), fixedPart(old)) ? [] : [forbiddenField(['spec'], POD_IS_FIXED)];
}

function fixedPart({ spec }: ApiObject): JsonObject {
  const { containers, initContainers, activeDeadlineSeconds: _a, tolerations: _t, ...rest } = toJsonObject(spec);
  const withoutImages = (list: unknown) => objectsOf(list).map(({ image: _, ...container }) => container);
  return { ...rest, containers: withoutImages(containers), initContainers: withoutImages(initContainers) };
}
