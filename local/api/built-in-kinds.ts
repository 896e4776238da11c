import type { ApiObject } from './api-object';
import { AGE, crdColumn, field, INVOLVED_OBJECT, keyCount, LAST_SEEN, NAME, POD_COLUMNS, WORKLOAD_READY } from './columns';
import { checkCrd, completeCrd, markCrdDeleted } from './crd';
import { type FieldProblem, invalidValue } from './field-problem';
import { type JsonObject, jsonEqual, toJsonObject } from './json';
import { compileWhenUsed } from './object-schema';
import { checkPodChange, checkPodSpec, checkPodTemplate } from './pods/pod-checks';
import { POD_SPEC, POD_TEMPLATE } from './pods/pod-schema';
import type { NameForm, ResourceKind } from './resource-kind';
import type { StructuralSchema } from './structural-schema';

/** Kinds that every cluster has. Workloads are stored and never run: the embedded cluster has no controllers for them. */
export function builtInKinds(): readonly ResourceKind[] {
  return [...coreKinds(), ...workloadKinds(), ...policyKinds(), ...accessKinds(), crdKind()];
}

function coreKinds(): ResourceKind[] {
  return [
    kind('', 'v1', 'Namespace', 'namespaces', {
      shortNames: ['ns'],
      countsGenerations: false,
      namespaced: false,
      hasStatus: true,
      nameForm: 'label',
      selectableFields: [['status', 'phase']],
      columns: [NAME, field('Status', '.status.phase'), AGE],
      complete: completeNamespace,
      markDeleted: (namespace) => ({ ...namespace, status: { phase: 'Terminating' } }),
    }),
    kind('', 'v1', 'Pod', 'pods', {
      shortNames: ['po'],
      categories: ['all'],
      hasStatus: true,
      selectableFields: [['spec', 'nodeName'], ['spec', 'restartPolicy'], ['spec', 'schedulerName'], ['spec', 'serviceAccountName'], ['status', 'phase'], ['status', 'podIP']],
      columns: POD_COLUMNS,
      schema: { spec: POD_SPEC },
      required: ['spec'],
      complete: (pod) => ({ ...pod, status: { phase: 'Pending' } }),
      check: checkPod,
      graceSeconds: podGraceSeconds,
    }),
    kind('', 'v1', 'Node', 'nodes', {
      shortNames: ['no'],
      countsGenerations: false,
      namespaced: false,
      hasStatus: true,
      columns: [NAME, { name: 'Status', type: 'string', value: nodeStatus }, AGE, field('Internal-IP', '.status.addresses[?(@.type=="InternalIP")].address', 1)],
    }),
    kind('', 'v1', 'Event', 'events', {
      shortNames: ['ev'],
      countsGenerations: false,
      selectableFields: ['kind', 'namespace', 'name', 'uid', 'apiVersion', 'fieldPath'].map((name) => ['involvedObject', name]).concat([['reason'], ['type'], ['reportingComponent'], ['source', 'component']]),
      columns: [LAST_SEEN, field('Type', '.type'), field('Reason', '.reason'), INVOLVED_OBJECT, field('Source', '.source.component', 1), field('Message', '.message'), field('Count', '.count', 1), { ...NAME, priority: 1 }],
    }),
    kind('', 'v1', 'ConfigMap', 'configmaps', { shortNames: ['cm'], countsGenerations: false, columns: [NAME, keyCount('Data', ['data']), AGE], schema: { data: textMap } }),
    kind('', 'v1', 'Secret', 'secrets', {
      countsGenerations: false,
      selectableFields: [['type']],
      columns: [NAME, field('Type', '.type'), keyCount('Data', ['data']), AGE],
      schema: { data: textMap, stringData: textMap, type: { type: 'string', default: 'Opaque' } },
      read: readSecret,
    }),
    kind('', 'v1', 'Service', 'services', { shortNames: ['svc'], countsGenerations: false, categories: ['all'], hasStatus: true, columns: [NAME, field('Type', '.spec.type'), field('Cluster-IP', '.spec.clusterIP'), AGE], schema: { spec: serviceSpec } }),
    kind('', 'v1', 'ServiceAccount', 'serviceaccounts', { shortNames: ['sa'], countsGenerations: false }),
    kind('', 'v1', 'PersistentVolumeClaim', 'persistentvolumeclaims', { shortNames: ['pvc'], countsGenerations: false, hasStatus: true, columns: [NAME, field('Status', '.status.phase'), AGE] }),
    kind('', 'v1', 'ResourceQuota', 'resourcequotas', { shortNames: ['quota'], countsGenerations: false, hasStatus: true }),
    kind('', 'v1', 'LimitRange', 'limitranges', { shortNames: ['limits'], countsGenerations: false }),
    kind('coordination.k8s.io', 'v1', 'Lease', 'leases', { countsGenerations: false, columns: [NAME, field('Holder', '.spec.holderIdentity'), AGE] }),
  ];
}

function workloadKinds(): ResourceKind[] {
  const scale = { spec: ['spec', 'replicas'], status: ['status', 'replicas'] };
  const replicated = { hasStatus: true, categories: ['all'], scale, columns: [NAME, WORKLOAD_READY, AGE], schema: { spec: workloadSpec({ replicas: { type: 'integer', minimum: 0, default: 1 } }) }, check: checkWorkload };
  return [
    kind('apps', 'v1', 'Deployment', 'deployments', { ...replicated, shortNames: ['deploy'] }),
    kind('apps', 'v1', 'ReplicaSet', 'replicasets', { ...replicated, shortNames: ['rs'] }),
    kind('apps', 'v1', 'StatefulSet', 'statefulsets', { ...replicated, shortNames: ['sts'] }),
    kind('apps', 'v1', 'DaemonSet', 'daemonsets', { hasStatus: true, categories: ['all'], shortNames: ['ds'], schema: { spec: workloadSpec({}) }, check: checkWorkload }),
    kind('batch', 'v1', 'Job', 'jobs', { hasStatus: true, categories: ['all'], schema: { spec: workloadSpec({}) }, check: checkJob }),
    kind('batch', 'v1', 'CronJob', 'cronjobs', { hasStatus: true, categories: ['all'], shortNames: ['cj'] }),
  ];
}

function policyKinds(): ResourceKind[] {
  return [
    kind('policy', 'v1', 'PodDisruptionBudget', 'poddisruptionbudgets', { shortNames: ['pdb'], hasStatus: true }),
    kind('networking.k8s.io', 'v1', 'NetworkPolicy', 'networkpolicies', { shortNames: ['netpol'] }),
    kind('networking.k8s.io', 'v1', 'Ingress', 'ingresses', { shortNames: ['ing'], hasStatus: true }),
    kind('scheduling.k8s.io', 'v1', 'PriorityClass', 'priorityclasses', { shortNames: ['pc'], namespaced: false }),
    kind('autoscaling', 'v2', 'HorizontalPodAutoscaler', 'horizontalpodautoscalers', { shortNames: ['hpa'], countsGenerations: false, hasStatus: true, categories: ['all'] }),
  ];
}

function accessKinds(): ResourceKind[] {
  const access = { nameForm: 'pathSegment' as const, countsGenerations: false };
  const roleRef = [NAME, { name: 'Role', type: 'string', value: roleRefText }, AGE];
  return [
    kind('rbac.authorization.k8s.io', 'v1', 'Role', 'roles', access),
    kind('rbac.authorization.k8s.io', 'v1', 'RoleBinding', 'rolebindings', { ...access, columns: roleRef, check: checkRoleRef }),
    kind('rbac.authorization.k8s.io', 'v1', 'ClusterRole', 'clusterroles', { ...access, namespaced: false }),
    kind('rbac.authorization.k8s.io', 'v1', 'ClusterRoleBinding', 'clusterrolebindings', { ...access, namespaced: false, columns: roleRef, check: checkRoleRef }),
  ];
}

function crdKind(): ResourceKind {
  return kind('apiextensions.k8s.io', 'v1', 'CustomResourceDefinition', 'customresourcedefinitions', {
    shortNames: ['crd', 'crds'],
    categories: ['api-extensions'],
    namespaced: false,
    hasStatus: true,
    columns: [NAME, crdColumn({ name: 'Created At', type: 'string', jsonPath: '.metadata.creationTimestamp' })],
    complete: completeCrd,
    check: checkCrd,
    markDeleted: markCrdDeleted,
  });
}

const textMap: StructuralSchema = { type: 'object', additionalProperties: { type: 'string' } };

const serviceSpec: StructuralSchema = {
  type: 'object',
  'x-kubernetes-preserve-unknown-fields': true,
  properties: {
    type: { type: 'string', enum: ['ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName'], default: 'ClusterIP' },
    sessionAffinity: { type: 'string', default: 'None' },
    ports: {
      type: 'array',
      items: {
        type: 'object',
        'x-kubernetes-preserve-unknown-fields': true,
        properties: { port: { type: 'integer', minimum: 1, maximum: 65535 }, protocol: { type: 'string', default: 'TCP' } },
        required: ['port'],
      },
    },
  },
};

function workloadSpec(properties: Readonly<Record<string, StructuralSchema>>): StructuralSchema {
  return { type: 'object', 'x-kubernetes-preserve-unknown-fields': true, properties: { ...properties, template: POD_TEMPLATE }, required: ['template'] };
}

/** What a built-in kind may say beyond its names; the rest has the value most kinds have. */
interface KindTraits extends Partial<Pick<ResourceKind, 'shortNames' | 'categories' | 'namespaced' | 'hasStatus' | 'scale' | 'countsGenerations' | 'selectableFields' | 'columns' | 'read' | 'complete' | 'check' | 'markDeleted' | 'graceSeconds'>> {
  readonly nameForm?: NameForm;
  /** Schemas of the fields that are checked; all others pass. */
  readonly schema?: Readonly<Record<string, StructuralSchema>>;
  readonly required?: readonly string[];
}

function kind(group: string, version: string, name: string, plural: string, { schema = {}, required = [], ...traits }: KindTraits): ResourceKind {
  return {
    group,
    version,
    kind: name,
    listKind: `${name}List`,
    plural,
    singular: name.toLowerCase(),
    shortNames: [],
    categories: [],
    namespaced: true,
    custom: false,
    hasStatus: false,
    countsGenerations: true,
    nameForm: 'subdomain',
    selectableFields: [],
    columns: [NAME, AGE],
    schema: compileWhenUsed({ type: 'object', 'x-kubernetes-preserve-unknown-fields': true, properties: schema, required }),
    ...traits,
  };
}

function completeNamespace(namespace: JsonObject): JsonObject {
  const metadata = toJsonObject(namespace.metadata);
  const labels = { 'kubernetes.io/metadata.name': metadata.name, ...toJsonObject(metadata.labels) };
  return { ...namespace, metadata: { ...metadata, labels }, spec: { finalizers: ['kubernetes'] }, status: { phase: 'Active' } };
}

/** `stringData` is a convenience for writers: it is stored as `data`, in base64. What is no text stays where it is, for the schema to refuse. */
function readSecret(body: JsonObject): JsonObject {
  const { stringData, ...secret } = body;
  const entries = Object.entries(toJsonObject(stringData));
  if (!entries.every((entry): entry is [string, string] => typeof entry[1] === 'string')) return body;
  if (entries.length === 0) return secret;
  const encoded = entries.map(([key, text]) => [key, Buffer.from(text).toString('base64')]);
  return { ...secret, data: { ...toJsonObject(secret.data), ...Object.fromEntries(encoded) } };
}

function checkPod(pod: ApiObject, old: ApiObject | undefined): readonly FieldProblem[] {
  return old === undefined ? checkPodSpec(toJsonObject(pod.spec), ['spec']) : checkPodChange(pod, old);
}

/** A pod without a node, or one that has ended, has nothing to end. */
function podGraceSeconds({ spec, status }: ApiObject): number {
  const { nodeName, terminationGracePeriodSeconds } = toJsonObject(spec);
  const { phase } = toJsonObject(status);
  if (nodeName === undefined || nodeName === '' || phase === 'Succeeded' || phase === 'Failed') return 0;
  return typeof terminationGracePeriodSeconds === 'number' ? terminationGracePeriodSeconds : 30;
}

function checkWorkload({ spec }: ApiObject, old: ApiObject | undefined): readonly FieldProblem[] {
  const { selector, template } = toJsonObject(spec);
  const problems = checkPodTemplate(toJsonObject(template), ['spec', 'template']);
  if (old !== undefined && !jsonEqual(selector, toJsonObject(old.spec).selector)) problems.push(invalidValue(['spec', 'selector'], selector, 'field is immutable'));
  const labels = toJsonObject(toJsonObject(toJsonObject(template).metadata).labels);
  const isSelected = Object.entries(toJsonObject(toJsonObject(selector).matchLabels)).every(([key, value]) => labels[key] === value);
  if (!isSelected) problems.push(invalidValue(['spec', 'template', 'metadata', 'labels'], labels, '`selector` does not match template `labels`'));
  return problems;
}

function checkJob({ spec }: ApiObject): readonly FieldProblem[] {
  return checkPodTemplate(toJsonObject(toJsonObject(spec).template), ['spec', 'template']);
}

function checkRoleRef({ roleRef }: ApiObject, old: ApiObject | undefined): readonly FieldProblem[] {
  return old === undefined || jsonEqual(roleRef, old.roleRef) ? [] : [invalidValue(['roleRef'], roleRef, 'cannot change roleRef')];
}

function roleRefText({ roleRef }: ApiObject): string {
  const { kind: roleKind, name } = toJsonObject(roleRef);
  return `${String(roleKind)}/${String(name)}`;
}

function nodeStatus({ status, spec }: ApiObject): string {
  const conditions: unknown = toJsonObject(status).conditions;
  const ready = Array.isArray(conditions) ? conditions.map(toJsonObject).find(({ type }) => type === 'Ready') : undefined;
  const word = ready === undefined ? 'Unknown' : ready.status === 'True' ? 'Ready' : 'NotReady';
  return toJsonObject(spec).unschedulable === true ? `${word},SchedulingDisabled` : word;
}

