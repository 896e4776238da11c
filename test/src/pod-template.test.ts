import { type Chart, Lazy } from 'cdk8s';
import { Deployment, EnvValue, k8s, Pod } from 'cdk8s-plus-28';
import { runInNewContext } from 'node:vm';
import { BatchSandboxFleet, type ExecutorOptions, PodTemplate } from '../../src';
import { objectsOf, problemsOf } from '../support/synth';

const fleetOf = (template: PodTemplate, executor?: ExecutorOptions) => (chart: Chart) =>
  new BatchSandboxFleet(chart, 'fleet', { template, executor });

const container = { name: 'main', image: 'busybox' };

afterEach(() => jest.restoreAllMocks());

test('takes a pod spec with every field of Kubernetes, known to us or not', () => {
  jest.spyOn(console, 'warn').mockImplementation();
  const spec = { containers: [container], runtimeClassName: 'gvisor', ofTomorrow: { a: [1, { b: true }] } };
  const [batch] = objectsOf((chart) => fleetOf(PodTemplate.fromSpec(spec))(chart));
  expect(batch?.spec.template).toEqual({ spec });
});

test('takes objects of another realm, such as a template that was read in a vm', () => {
  const spec = runInNewContext(`({ containers: [${JSON.stringify(container)}] })`) as object;
  const [batch] = objectsOf((chart) => fleetOf(PodTemplate.fromSpec(spec))(chart));
  expect(batch?.spec.template).toEqual({ spec: { containers: [container] } });
});

test('takes imported types with their quantities, and lazy values', () => {
  const spec: k8s.PodSpec = { containers: [{ ...container, resources: { limits: { cpu: k8s.Quantity.fromNumber(2) } } }] };
  const [batch] = objectsOf((chart) => fleetOf(PodTemplate.fromSpec({ ...spec, nodeName: Lazy.any({ produce: () => 'node-1' }) }))(chart));
  expect(batch?.spec.template).toEqual({ spec: { containers: [{ ...container, resources: { limits: { cpu: 2 } } }], nodeName: 'node-1' } });
});

test('leaves out empty labels and annotations, but no other empty object', () => {
  const template = { metadata: { labels: {}, annotations: {} }, spec: { containers: [container], volumes: [{ name: 'a', emptyDir: {} }] } };
  const [batch] = objectsOf((chart) => fleetOf(PodTemplate.fromTemplate(template))(chart));
  expect(batch?.spec.template).toEqual({ spec: template.spec });
});

test('makes a template of a cdk8s-plus pod, which is no object of its own any more', () => {
  const objects = objectsOf((chart) => {
    const pod = new Pod(chart, 'pod', { metadata: { labels: { app: 'web' } }, containers: [{ image: 'busybox' }] });
    fleetOf(PodTemplate.fromPod(pod))(chart);
    pod.addContainer({ name: 'late', image: 'busybox', envVariables: { A: EnvValue.fromValue('1') } });
  });
  expect(objects.map(({ kind }) => kind)).toEqual(['BatchSandbox']);
  expect(objects[0]?.spec.template).toMatchObject({
    metadata: { labels: { app: 'web' } },
    spec: { containers: [{ name: 'main' }, { name: 'late', env: [{ name: 'A', value: '1' }] }] },
  });
});

test('makes a template of the pods of a cdk8s-plus workload', () => {
  const objects = objectsOf((chart) => fleetOf(PodTemplate.fromPod(new Deployment(chart, 'app', { containers: [{ image: 'busybox' }] })), {})(chart));
  expect(objects.map(({ kind }) => kind)).toEqual(['BatchSandbox']);
  expect(objects[0]?.spec.template).toMatchObject({ spec: { containers: [{ image: 'busybox' }, { name: 'task-executor' }] } });
});

test('adds the executor without changing the object that the user wrote', () => {
  const spec = Object.freeze({ containers: Object.freeze([Object.freeze(container)]) });
  const [batch] = objectsOf((chart) => fleetOf(PodTemplate.fromSpec(spec), {})(chart));
  expect(batch?.spec.template).toMatchObject({ spec: { shareProcessNamespace: true, containers: [container, { name: 'task-executor' }] } });
});

class Custom {}

const name = 'a DNS label (at most 63 of a-z, 0-9 and -, beginning and ending with a letter or digit)';

test.each<[string, object, string[]]>([
  ['a pod without containers', { containers: [] }, ['template.spec.containers: expected a list of at least 1 item, got a list of 0 items']],
  ['a container without a name', { containers: [{ image: 'busybox' }] }, [`template.spec.containers[0].name: expected ${name}, got nothing`]],
  ['a container without an image', { containers: [{ name: 'main' }] }, ['template.spec.containers[0].image: expected the name of an image, got nothing']],
  [
    'two containers of one name',
    { initContainers: [container], containers: [container] },
    ["template.spec.containers[0].name: expected a name that no other container of the pod has, got 'main'"],
  ],
  [
    'quantities that are none',
    { containers: [{ ...container, resources: { requests: { memory: '1GB' }, limits: { cpu: -1 } } }] },
    [
      "template.spec.containers[0].resources.requests.memory: expected a quantity such as 2, '500m' or '1.5Gi', got '1GB'",
      "template.spec.containers[0].resources.limits.cpu: expected a quantity such as 2, '500m' or '1.5Gi', got -1",
    ],
  ],
  ['a function', { containers: [container], nodeName: () => 'node-1' }, ['template.spec.nodeName: expected plain data, got a function']],
  [
    'an instance of a class',
    { containers: [container], affinity: new Custom() },
    ["template.spec.affinity: expected plain data, got 'an instance of Custom'"],
  ],
  [
    'a key that cdk8s cannot write',
    { containers: [container], nodeSelector: { constructor: 'x' } },
    ["template.spec.nodeSelector: expected no key 'constructor' (cdk8s takes it for the class of the object), got 'constructor'"],
  ],
  ['a number that JSON does not know', { containers: [container], priority: NaN }, ['template.spec.priority: expected a finite number, got NaN']],
])('refuses %s', (_, spec, problems) => {
  expect(problemsOf(fleetOf(PodTemplate.fromSpec(spec)))).toEqual(problems.map((problem) => `BatchSandboxFleet 'web/fleet': ${problem}`));
});

test('refuses a whole manifest in place of a template', () => {
  const manifest = { apiVersion: 'v1', kind: 'Pod', spec: { containers: [container] } };
  expect(problemsOf(fleetOf(PodTemplate.fromTemplate(manifest)))).toEqual([
    "BatchSandboxFleet 'web/fleet': template: expected one of 'metadata', 'spec', got 'apiVersion'",
    "BatchSandboxFleet 'web/fleet': template: expected one of 'metadata', 'spec', got 'kind'",
  ]);
});

test('refuses a second executor', () => {
  const spec = { containers: [container, { name: 'task-executor', image: 'mine' }] };
  expect(problemsOf(fleetOf(PodTemplate.fromSpec(spec), {}))).toEqual([
    "BatchSandboxFleet 'web/fleet': executor: expected a template without a container named 'task-executor', got 'task-executor'; " +
      'leave executor out, or rename the container',
  ]);
});

test('refuses an executor in a pod that cannot take it', () => {
  const spec = {
    containers: [container],
    volumes: [{ name: 'sandbox-tasks', emptyDir: {} }],
    hostPID: true,
  };
  expect(problemsOf(fleetOf(PodTemplate.fromSpec(spec), {}))).toEqual([
    "BatchSandboxFleet 'web/fleet': executor: expected a template without a volume named 'sandbox-tasks', got 'sandbox-tasks'; rename the volume",
    "BatchSandboxFleet 'web/fleet': executor: expected a template without hostPID, got true; Kubernetes allows no shared process namespace beside it",
  ]);
  const withInit = { containers: [container], initContainers: [{ name: 'task-executor', image: 'mine' }] };
  expect(problemsOf(fleetOf(PodTemplate.fromSpec(withInit), {}))).toEqual([
    expect.stringContaining("executor: expected a template without a container named 'task-executor'"),
  ]);
});

test('reports what is no pod at synth, not before', () => {
  expect(problemsOf(fleetOf(PodTemplate.fromPod(undefined as unknown as Pod)))).toEqual([
    expect.stringContaining("BatchSandboxFleet 'web/fleet': template: expected a pod that renders, got"),
  ]);
});

test('an executor that does not enter the main container shares nothing with it, and has no rights', () => {
  const [batch] = objectsOf(fleetOf(PodTemplate.fromSpec({ containers: [container], hostPID: true }), { enterMainContainer: false, image: 'mine' }));
  const { spec } = batch?.spec.template as { readonly spec: { readonly containers: readonly object[] } };
  const [main, executor] = spec.containers;
  expect(spec).toEqual({ containers: [main, executor], hostPID: true, volumes: [{ name: 'sandbox-tasks', emptyDir: {} }] });
  expect(main).toEqual(container);
  expect(executor).toMatchObject({
    name: 'task-executor',
    image: 'mine',
    env: [{ name: 'ENABLE_SIDECAR_MODE', value: 'false' }],
    volumeMounts: [{ name: 'sandbox-tasks', mountPath: '/var/lib/sandbox' }],
  });
  expect((executor as { readonly securityContext: unknown }).securityContext).toEqual({
    runAsNonRoot: true,
    runAsUser: 65532,
    allowPrivilegeEscalation: false,
    capabilities: { drop: ['ALL'] },
    seccompProfile: { type: 'RuntimeDefault' },
  });
});

test('refuses a main container for an executor that enters none, and what is neither yes nor no', () => {
  const template = PodTemplate.fromSpec({ containers: [container] });
  expect(problemsOf(fleetOf(template, { enterMainContainer: false, mainContainer: 'main' }))).toEqual([
    "BatchSandboxFleet 'web/fleet': executor.mainContainer: expected nothing beside enterMainContainer: false, got 'main'",
  ]);
  expect(problemsOf(fleetOf(template, { enterMainContainer: 'no' as unknown as boolean }))).toEqual([
    "BatchSandboxFleet 'web/fleet': executor.enterMainContainer: expected true or false, got 'no'",
  ]);
});
