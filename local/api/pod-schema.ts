import type { ApiObject } from './api-object';
import { duplicateValue, type FieldPath, type FieldProblem, forbiddenField, invalidValue, requiredValue } from './field-problem';
import { isJsonObject, jsonEqual, type JsonObject, toJsonObject } from './json';
import { checkLabels, whyNotLabel } from './metadata';
import type { StructuralSchema } from './structural-schema';

/** An object of which only some fields are known; the rest passes, as the version of a real cluster would decide about it. */
function partly(properties: Readonly<Record<string, StructuralSchema>>, required: readonly string[] = []): StructuralSchema {
  return { type: 'object', properties, required, 'x-kubernetes-preserve-unknown-fields': true };
}

const text: StructuralSchema = { type: 'string' };
const flag: StructuralSchema = { type: 'boolean' };
const seconds: StructuralSchema = { type: 'integer', minimum: 0 };
const listOf = (items: StructuralSchema): StructuralSchema => ({ type: 'array', items });
const mapOf = (additionalProperties: StructuralSchema): StructuralSchema => ({ type: 'object', additionalProperties });
const intOrText: StructuralSchema = { 'x-kubernetes-int-or-string': true };

const container = partly({
  name: text,
  image: text,
  command: listOf(text),
  args: listOf(text),
  workingDir: text,
  env: listOf(partly({ name: text, value: text }, ['name'])),
  ports: listOf(partly({ containerPort: { type: 'integer', minimum: 1, maximum: 65535 }, name: text, protocol: { type: 'string', enum: ['TCP', 'UDP', 'SCTP'], default: 'TCP' } }, ['containerPort'])),
  resources: { ...partly({ limits: mapOf(intOrText), requests: mapOf(intOrText) }), default: {} },
  volumeMounts: listOf(partly({ name: text, mountPath: text }, ['name', 'mountPath'])),
  imagePullPolicy: { type: 'string', enum: ['Always', 'IfNotPresent', 'Never'], default: 'IfNotPresent' },
  terminationMessagePath: { type: 'string', default: '/dev/termination-log' },
  terminationMessagePolicy: { type: 'string', default: 'File' },
});

/** Spec of a pod, with the defaults of a real API server. */
export const POD_SPEC: StructuralSchema = partly({
  containers: listOf(container),
  initContainers: listOf(container),
  volumes: listOf(partly({ name: text }, ['name'])),
  restartPolicy: { type: 'string', enum: ['Always', 'OnFailure', 'Never'], default: 'Always' },
  terminationGracePeriodSeconds: { ...seconds, default: 30 },
  activeDeadlineSeconds: { type: 'integer', minimum: 1 },
  dnsPolicy: { type: 'string', default: 'ClusterFirst' },
  schedulerName: { type: 'string', default: 'default-scheduler' },
  securityContext: { ...partly({}), default: {} },
  enableServiceLinks: { type: 'boolean', default: true },
  nodeSelector: mapOf(text),
  nodeName: text,
  serviceAccountName: text,
  hostname: text,
  hostNetwork: flag,
  shareProcessNamespace: flag,
  automountServiceAccountToken: flag,
});

const templateMetadata = partly({ labels: mapOf(text), annotations: mapOf(text) });

/** Template of pods inside a workload. */
export const POD_TEMPLATE: StructuralSchema = partly({ metadata: templateMetadata, spec: POD_SPEC }, ['spec']);

/** Everything wrong with the spec of a pod at `path` that its schema can not tell. */
export function checkPodSpec(spec: JsonObject, path: FieldPath): FieldProblem[] {
  const containers = objectsOf(spec.containers);
  const volumeNames = objectsOf(spec.volumes).map(({ name }) => name);
  return [
    ...(containers.length === 0 ? [requiredValue([...path, 'containers'])] : []),
    ...checkContainers(containers, [...path, 'containers'], volumeNames),
    ...checkContainers(objectsOf(spec.initContainers), [...path, 'initContainers'], volumeNames),
    ...checkNames(objectsOf(spec.volumes), [...path, 'volumes']),
  ];
}

/** Everything wrong with the template of a workload at `path`, whose selector must select it. */
export function checkPodTemplate(template: JsonObject, path: FieldPath): FieldProblem[] {
  const labels = toJsonObject(toJsonObject(template.metadata).labels);
  return [...checkLabels(labels, [...path.map(String), 'metadata', 'labels']), ...checkPodSpec(toJsonObject(template.spec), [...path, 'spec'])];
}

function checkContainers(containers: readonly JsonObject[], path: FieldPath, volumeNames: readonly unknown[]): FieldProblem[] {
  return [
    ...checkNames(containers, path),
    ...containers.flatMap((container, i) => [
      ...(typeof container.image === 'string' && container.image.trim() !== '' ? [] : [requiredValue([...path, i, 'image'])]),
      ...checkMounts(container, [...path, i], volumeNames),
      ...checkResources(toJsonObject(container.resources), [...path, i, 'resources']),
    ]),
  ];
}

function checkNames(items: readonly JsonObject[], path: FieldPath): FieldProblem[] {
  const seen = new Set<string>();
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

function checkMounts(container: JsonObject, path: FieldPath, volumeNames: readonly unknown[]): FieldProblem[] {
  return objectsOf(container.volumeMounts).flatMap(({ name }, i) => {
    const at = [...path, 'volumeMounts', i, 'name'];
    return volumeNames.includes(name) ? [] : [problemNotFound(at, name)];
  });
}

function problemNotFound(path: FieldPath, value: unknown): FieldProblem {
  return { ...invalidValue(path, value, ''), reason: 'FieldValueNotFound', body: `Not found: ${JSON.stringify(value)}` };
}

const QUANTITY = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[KMGTPE]i|[numkMGTPE]|[eE][+-]?\d+)?$/;
const QUANTITY_RULE = `quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'`;

function checkResources(resources: JsonObject, path: FieldPath): FieldProblem[] {
  return ['limits', 'requests'].flatMap((list) =>
    Object.entries(toJsonObject(resources[list])).flatMap(([name, quantity]) => {
      const at = [...path, list, name];
      if (!QUANTITY.test(String(quantity))) return [invalidValue(at, quantity, QUANTITY_RULE)];
      return String(quantity).startsWith('-') ? [invalidValue(at, quantity, 'must be greater than or equal to 0')] : [];
    }),
  );
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

function objectsOf(list: unknown): readonly JsonObject[] {
  return Array.isArray(list) ? list.filter(isJsonObject) : [];
}
