import { POD_FIELDS } from '../../../src/pod-fields';
import { podTemplate, quantity } from '../../../src/schema/pod-template';
import { parse } from '../../../src/schema/validation';
import type { ApiClient } from '../../support/api-client';
import { inParallel, until } from '../../support/waiting';
import type { CorpusServer } from './server';

const PODS = '/api/v1/namespaces/default/pods?dryRun=All&fieldValidation=Ignore';
const AT_ONCE = 16;

function podWith(container: object): object {
  return podOf({}, container);
}

function podOf(spec: object, container: object = {}): object {
  return { spec: { containers: [{ name: 'main', image: 'busybox', ...container }], ...spec } };
}

function withTerms(nodeSelectorTerms: unknown): object {
  return podOf({ affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } } } });
}

function inPod(...fields: readonly string[]) {
  return Object.fromEntries(fields.map((field) => [field, (value: unknown) => podOf({ [field]: value })]));
}

function inContainer(...fields: readonly string[]) {
  return Object.fromEntries(fields.map((field) => [field, (value: unknown) => podWith({ [field]: value })]));
}

/** A pod with every field that our check names, and values that are wrong for some of them. */
const FIELDS: Readonly<Record<string, (value: unknown) => object>> = {
  metadata: (metadata) => ({ ...podWith({}), metadata }),
  labels: (labels) => ({ ...podWith({}), metadata: { labels } }),
  label: (label) => ({ ...podWith({}), metadata: { labels: { label } } }),
  annotations: (annotations) => ({ ...podWith({}), metadata: { annotations } }),
  annotation: (annotation) => ({ ...podWith({}), metadata: { annotations: { annotation } } }),
  finalizers: (finalizers) => ({ ...podWith({}), metadata: { finalizers } }),
  spec: (spec) => ({ spec }),
  containers: (containers) => ({ spec: { containers } }),
  container: (container) => ({ spec: { containers: [container] } }),
  ...inPod('initContainers', 'affinity', 'nodeSelector', 'restartPolicy', 'terminationGracePeriodSeconds', 'shareProcessNamespace', 'volumes'),
  'initContainers[0]': (container) => podOf({ initContainers: [container] }),
  'volumes[0].name': (name) => podOf({ volumes: [{ name, emptyDir: {} }] }),
  'nodeSelector.disk': (disk) => podOf({ nodeSelector: { disk } }),
  'affinity.nodeAffinity': (nodeAffinity) => podOf({ affinity: { nodeAffinity } }),
  'affinity.nodeAffinity.required': (required) => podOf({ affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: required } } }),
  nodeSelectorTerms: (nodeSelectorTerms) => withTerms(nodeSelectorTerms),
  'nodeSelectorTerms[0]': (term) => withTerms([term]),
  'nodeSelectorTerms[0].matchFields': (matchFields) => withTerms([{ matchFields }]),
  matchExpressions: (matchExpressions) => withTerms([{ matchExpressions }]),
  'matchExpressions[0]': (expression) => withTerms([{ matchExpressions: [expression] }]),
  'matchExpressions[0].key': (key) => withTerms([{ matchExpressions: [{ key, operator: 'Exists' }] }]),
  'matchExpressions[0].operator': (operator) => withTerms([{ matchExpressions: [{ key: 'a', operator, values: ['a'] }] }]),
  'matchExpressions[0].values': (values) => withTerms([{ matchExpressions: [{ key: 'a', operator: 'In', values }] }]),
  'matchExpressions[0].values[0]': (value) => withTerms([{ matchExpressions: [{ key: 'a', operator: 'In', values: [value] }] }]),
  ...inContainer('name', 'image', 'command', 'args', 'workingDir', 'env', 'ports', 'resources', 'volumeMounts'),
  'command[1]': (word) => podWith({ command: ['a', word] }),
  'args[0]': (word) => podWith({ args: [word] }),
  'env[0]': (item) => podWith({ env: [item] }),
  'env[0].name': (name) => podWith({ env: [{ name, value: 'a' }] }),
  'env[0].value': (value) => podWith({ env: [{ name: 'a', value }] }),
  'ports[0].containerPort': (containerPort) => podWith({ ports: [{ containerPort }] }),
  'resources.limits': (limits) => podWith({ resources: { limits } }),
  'resources.limits.memory': (memory) => podWith({ resources: { limits: { memory } } }),
  'volumeMounts[0].name': (name) => podOf({ volumes: [{ name: 'a', emptyDir: {} }] }, { volumeMounts: [{ name, mountPath: '/a' }] }),
  'volumeMounts[0].mountPath': (mountPath) => podOf({ volumes: [{ name: 'a', emptyDir: {} }] }, { volumeMounts: [{ name: 'a', mountPath }] }),
};
const VALUES = [
  ...[undefined, null, true, false, 0, 1, -1, 1.5, 65535, 65536, 2147483648, 1e21, '', ' ', 'a', 'A', 'a.b', 'a_b', '-a', 'a-', '1', 'ü', '\0', 'x'.repeat(63), 'x'.repeat(64)],
  ...['Always', 'always', 'In', 'NotIn', 'Exists', 'DoesNotExist', 'Gt', 'Lt', [], [null], ['a'], [1], [{}], {}, { a: null }, { a: 'b' }, { a: 1 }, { name: 'a', image: 'b' }, { image: 'b' }, { name: 'a' }, { name: 1, image: 'b' }],
];

/** What we refuse on purpose although Kubernetes takes it: a mistake in all likelihood, which it mends in silence. */
const STRICTER: Readonly<Record<string, readonly unknown[]>> = {
  restartPolicy: [''], // Always
  terminationGracePeriodSeconds: [-1], // 1 s
  // An empty word.
  command: [[null]],
  args: [[null]],
  'command[1]': [undefined, null],
  'args[0]': [undefined, null],
};

/** Whether our check of pod templates refuses what real Kubernetes refuses, and knows its fields. */
export function describePodTemplates(server: CorpusServer): void {
  const accepts = (template: object) => isAccepted(server().client, template);

  // A pod needs the service account that a controller makes for each namespace.
  beforeAll(() => until(async () => expect(await accepts(podWith({}))).toBe(true)));

  test('takes the same quantities as Kubernetes, but for those without a digit, which it reads as 0', async () => {
    const right = ['0', '1', '+1', '-0', '1.5', '.5', '5.', ' 1 ', '500m', '1k', '1M', '1Gi', '1.5Gi', '1e3', '1E3', '1e+3', '1e-3', '1E', '1n', '1u', 0, 2, 1.5, 1e-3];
    const wrong = ['', ' ', '1 Gi', '1K', '1ki', '1gi', '1GiB', '1.5.5', '1e', '1e1.5', '1m5', '0x10', '1,5', '-1', '-1m', '١', -1, true, [], {}];
    const withoutDigit = ['.', '+', 'Gi', '.k', 'm', 'E'];
    const amounts = [...right, ...wrong, ...withoutDigit];
    const accepted = await inParallel(amounts, AT_ONCE, (memory) => accepts(podWith({ resources: { requests: { memory } } })));
    expect(amounts.filter((_, index) => accepted[index])).toEqual([...right, ...withoutDigit]);
    expect(amounts.filter((amount) => quantity().safeParse(amount).success)).toEqual(right);
  });

  test.each(Object.keys(FIELDS))('refuses for %s only what Kubernetes refuses too', async (field) => {
    const refused = VALUES.filter((value) => !parse(podTemplate, JSON.parse(JSON.stringify(FIELDS[field]?.(value) ?? {}))).ok);
    const accepted = await inParallel(refused, AT_ONCE, (value) => accepts(FIELDS[field]?.(value) ?? {}));
    expect(refused.filter((_, index) => accepted[index])).toEqual(STRICTER[field] ?? []);
    expect(refused).not.toEqual([]);
  });

  test('knows every field that a pod template of this Kubernetes has', async () => {
    interface Schema {
      readonly $ref?: string;
      readonly allOf?: readonly Schema[];
      readonly items?: Schema;
      readonly properties?: Readonly<Record<string, Schema>>;
    }
    const { body } = await server().client.request<{ readonly components: { readonly schemas: Readonly<Record<string, Schema>> } }>('GET', '/openapi/v3/api/v1');
    const { schemas } = body.components;
    const missing: string[] = [];
    const seen = new Set<string>();
    const visit = (schema: Schema | undefined, path: string): void => {
      const ref = schema?.$ref ?? schema?.allOf?.[0]?.$ref ?? schema?.items?.$ref ?? schema?.items?.allOf?.[0]?.$ref;
      const type = ref?.split('/').pop();
      if (type === undefined || seen.has(type)) return;
      seen.add(type);
      const known = POD_FIELDS[type.split('.').pop() ?? '']?.split(' ').map((field) => field.replace(/:.*/, ''));
      for (const [name, field] of Object.entries(schemas[type]?.properties ?? {})) {
        if (known?.includes(name) !== true) missing.push(`${path}.${name}`);
        visit(field, `${path}.${name}`);
      }
    };
    visit({ $ref: 'io.k8s.api.core.v1.PodTemplateSpec' }, 'template');
    expect(seen.size).toBeGreaterThan(90);
    expect(missing).toEqual([]);
  });
}

/** Whether the API server takes a template as the pod that it describes. */
async function isAccepted(client: ApiClient, template: object): Promise<boolean> {
  const { metadata, ...rest } = template as { readonly metadata?: unknown };
  const isOfFields = typeof metadata === 'object' && metadata !== null && !Array.isArray(metadata);
  const pod = { apiVersion: 'v1', kind: 'Pod', ...rest, metadata: isOfFields ? { ...metadata, name: 'pod' } : (metadata ?? { name: 'pod' }) };
  const { status, body } = await client.request('POST', PODS, pod);
  if (![201, 400, 422].includes(status)) throw new Error(`POST pods: expected a verdict, got status ${status}: ${JSON.stringify(body)}`);
  return status === 201;
}
