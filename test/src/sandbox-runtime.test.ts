import { Size } from 'cdk8s';
import { Cpu, Secret } from 'cdk8s-plus-28';
import { LogLevel, type PoolAssignmentOptions, PoolBalance, PoolPredicate, SandboxCrds, SandboxRuntime, type SandboxRuntimeProps } from '../../src';
import { BUILT_IN_PROFILE, readProfile } from '../../operator/assign/profile';
import { OPERATOR_ACCESS } from '../../src/schema/access';
import { loadSettings } from '../../src/program/load-settings';
import { operatorSettings } from '../../src/schema/operator-settings';
import { type Manifest, manifestOf, objectsOf, problemsOf } from '../support/synth';

const runtime = (props: SandboxRuntimeProps = {}) => objectsOf((chart) => new SandboxRuntime(chart, 'runtime', { installCrds: false, ...props }));

const kindsOf = (objects: Manifest[]) => objects.map(({ kind, metadata }) => `${kind} ${metadata.namespace ?? '-'}/${metadata.name}`);

const argsOf = (objects: Manifest[]): string[] => {
  const deployment = objects.find(({ kind }) => kind === 'Deployment');
  return (deployment as unknown as { spec: { template: { spec: { containers: { args: string[] }[] } } } }).spec.template.spec.containers[0]?.args ?? [];
};

test('renders the operator with its defaults', () => {
  expect(manifestOf((chart) => new SandboxRuntime(chart, 'runtime', { installCrds: false }))).toMatchSnapshot();
});

test('renders the operator with everything set', () => {
  const manifest = manifestOf((chart) => {
    new SandboxRuntime(chart, 'runtime', {
      namespace: 'sandboxes',
      createNamespace: true,
      installCrds: false,
      clusterWide: true,
      metrics: false,
      networkPolicy: false,
      roles: false,
      poolAssignment: { predicates: [PoolPredicate.IMAGE], labelKeys: ['tier', 'example.com/team'], balance: PoolBalance.MOST_ALLOCATED },
      controller: {
        image: 'registry.local/operator:1',
        imagePullPolicy: 'Always',
        replicas: 3,
        leaderElection: true,
        resources: { cpu: { request: Cpu.millis(250) }, memory: { limit: Size.gibibytes(1) } },
        logLevel: LogLevel.DEBUG,
        signingKey: { secret: Secret.fromSecretName(chart, 'key', 'operator-key'), key: 'ed25519.pem' },
      },
    });
  });
  expect(manifest).toMatchSnapshot();
});

test('has the CRDs unless they are left out', () => {
  const crds = ['CustomResourceDefinition -/batchsandboxes.sandbox.opensandbox.io', 'CustomResourceDefinition -/pools.sandbox.opensandbox.io'];
  expect(kindsOf(runtime({ installCrds: true }))).toEqual(expect.arrayContaining(crds));
  expect(kindsOf(runtime({ installCrds: false }))).not.toEqual(expect.arrayContaining([crds[0]]));
  expect(kindsOf(objectsOf((chart) => new SandboxCrds(chart, 'crds'), { namespace: 'team-a' }))).toEqual(crds);
});

test('gives the operator a Role in each namespace that it serves, and nothing beyond', () => {
  const objects = runtime({ namespace: 'system', watchNamespaces: ['team-b', 'team-a', 'team-b'] });
  expect(kindsOf(objects).filter((kind) => kind.startsWith('Role '))).toEqual([
    'Role system/opensandbox-signing',
    'Role system/opensandbox-leader-election',
    'Role team-a/opensandbox-manager',
    'Role team-b/opensandbox-manager',
  ]);
  expect(argsOf(objects)).toContain('--namespaces=team-a,team-b');
  const manager = objects.find(({ kind, metadata }) => kind === 'Role' && metadata.namespace === 'team-a');
  expect(manager).toMatchObject({ rules: OPERATOR_ACCESS.served });
});

test.each<[string, SandboxRuntimeProps]>([
  ['defaults', {}],
  ['all namespaces', { clusterWide: true }],
  ['a level by number', { controller: { logLevel: LogLevel.verbosity(3) } }],
  ['no metrics, no leader election', { metrics: false, controller: { leaderElection: false, logLevel: LogLevel.WARN } }],
])('passes flags that the operator accepts: %s', (_, props) => {
  expect(loadSettings(operatorSettings, argsOf(runtime(props)), { POD_NAMESPACE: 'system' })).toMatchObject({ ok: true });
});

test('has a second operator pod and a disruption budget, unless there is no leader election', () => {
  const replicasIn = (objects: Manifest[]) => objects.find(({ kind }) => kind === 'Deployment')?.spec.replicas;
  const budgetsIn = (objects: Manifest[]) => objects.filter(({ kind }) => kind === 'PodDisruptionBudget').length;
  const [byDefault, alone] = [runtime(), runtime({ controller: { leaderElection: false } })];
  expect([replicasIn(byDefault), budgetsIn(byDefault)]).toEqual([2, 1]);
  expect([replicasIn(alone), budgetsIn(alone)]).toEqual([1, 0]);
});

test('lets only namespaces that may read metrics reach the operator, and nobody when there are none', () => {
  const ingressOf = (props: SandboxRuntimeProps) => runtime(props).find(({ kind }) => kind === 'NetworkPolicy')?.spec.ingress;
  const from = [{ namespaceSelector: { matchLabels: { metrics: 'enabled' } } }];
  expect(ingressOf({})).toEqual([{ from, ports: [{ port: 8443, protocol: 'TCP' }] }]);
  expect(ingressOf({ metrics: false })).toEqual([]);
});

test("may touch one Secret, which is rendered empty, and none beside a user's own key", () => {
  const rulesIn = (objects: Manifest[]) => JSON.stringify(objects.filter(({ kind }) => kind === 'Role' || kind === 'ClusterRole'));
  const byDefault = runtime();
  expect(byDefault.find(({ kind }) => kind === 'Secret')).toEqual({
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'Opaque',
    metadata: { name: 'opensandbox-executor-signing-key', namespace: 'opensandbox-system', labels: expect.any(Object) },
  });
  expect(rulesIn(byDefault)).toContain('secrets');
  const withKey = objectsOf((chart) => {
    const secret = Secret.fromSecretName(chart, 'key', 'mine');
    new SandboxRuntime(chart, 'runtime', { controller: { signingKey: { secret } } });
  });
  expect(withKey.filter(({ kind }) => kind === 'Secret')).toEqual([]);
  expect(rulesIn(withKey)).not.toContain('secrets');
});

test.each<[PoolAssignmentOptions, object]>([
  [{}, BUILT_IN_PROFILE],
  [{ predicates: [], balance: PoolBalance.MOST_ALLOCATED }, { ...BUILT_IN_PROFILE, predicates: [], strategy: 'MostAllocated' }],
  [{ labelKeys: ['tier', 'a/b'] }, { ...BUILT_IN_PROFILE, predicates: ['image', 'resource', 'nodeselector', 'labelselector'], labelKeys: ['tier', 'a/b'] }],
])('says with %j how pools are chosen, as the operator reads it (R77)', (poolAssignment, profile) => {
  const configMaps = runtime({ namespace: 'system', poolAssignment }).filter(({ kind }) => kind === 'ConfigMap') as unknown as { data: Record<string, string> }[];
  expect(configMaps).toMatchObject([{ metadata: { name: 'pool-assign-profiles', namespace: 'system' } }]);
  expect(readProfile(configMaps[0]?.data.profiles)).toEqual({ profile, problems: [], skipped: [] });
});

test('says nothing about it without the prop', () => {
  expect(kindsOf(runtime()).filter((kind) => kind.startsWith('ConfigMap '))).toEqual([]);
});

test('gives two installations of one cluster objects of the cluster with different names', () => {
  const install = (namespace: string) => runtime({ namespace, clusterWide: true }).filter(({ metadata }) => metadata.namespace === undefined);
  const [one, two] = [kindsOf(install('one')), kindsOf(install('two'))];
  expect(one).toHaveLength(4);
  expect(one.filter((name) => two.includes(name))).toEqual([]);
});

test('puts no namespace on objects of the cluster', () => {
  const objects = objectsOf((chart) => new SandboxRuntime(chart, 'runtime', { createNamespace: true, clusterWide: true }), { namespace: 'system' });
  const ofCluster = /^(Namespace|CustomResourceDefinition|ClusterRole|ClusterRoleBinding) /;
  expect(kindsOf(objects).filter((kind) => ofCluster.test(kind) && !kind.includes(' -/'))).toEqual([]);
});

test('refuses each wrong prop', () => {
  const props = {
    namespace: 'No_Namespace',
    installCrds: 'yes',
    watchNamespaces: [],
    rolls: true,
    poolAssignment: { predicates: 'image', labelKeys: ['ok', 'not ok', 5], balance: 'Some', lables: 1 },
    controller: { replicas: 2, leaderElection: false, logLevel: 'loud', imagePullPolicy: 'Sometimes', signingKey: { key: '../a' }, resources: { cpu: { limit: '1' } } },
  };
  expect(problemsOf((chart) => new SandboxRuntime(chart, 'runtime', props as unknown as SandboxRuntimeProps))).toEqual(
    [
      "expected one of 'namespace', 'createNamespace', 'installCrds', 'watchNamespaces', 'clusterWide', 'controller', 'server', 'poolAssignment', 'metrics', 'networkPolicy', 'roles', got 'rolls'; did you mean 'roles'?",
      "installCrds: expected true or false, got 'yes'",
      "namespace: expected a DNS label (at most 63 of a-z, 0-9 and -, beginning and ending with a letter or digit), got 'No_Namespace'",
      'watchNamespaces: expected a list of at least 1 namespace, got a list of 0 items; set clusterWide for all namespaces',
      'controller.replicas: expected at most 1 without leader election, got 2; leave leaderElection on',
      "controller.imagePullPolicy: expected one of Always, IfNotPresent, Never, got 'Sometimes'",
      "controller.logLevel: expected a LogLevel, by number from 1 to 999, got 'loud'",
      'controller.signingKey.secret: expected a Secret, got nothing',
      "controller.signingKey.key: expected a key (letters, digits, -, _ and ., not beginning with a dot), got '../a'",
      "poolAssignment: expected one of 'predicates', 'labelKeys', 'balance', got 'lables'; did you mean 'labelKeys'?",
      "poolAssignment.predicates: expected a list, got 'image'",
      "poolAssignment.labelKeys[1]: expected the key of a label, got 'not ok'",
      "poolAssignment.labelKeys[2]: expected the key of a label, got 5",
      "poolAssignment.balance: expected one of 'LeastAllocated', 'MostAllocated', got 'Some'",
      "controller.resources.cpu.limit: expected a Cpu, got '1'; write Cpu.millis(500)",
    ].map((problem) => `SandboxRuntime 'web/runtime': ${problem}`),
  );
});

test.each([0, -1, 1.5, 1000, Number.NaN])('refuses the level %p', (verbosity) => {
  expect(problemsOf((chart) => new SandboxRuntime(chart, 'runtime', { controller: { logLevel: LogLevel.verbosity(verbosity) } }))).toEqual([
    `SandboxRuntime 'web/runtime': controller.logLevel: expected a LogLevel, by number from 1 to 999, got '${verbosity}'`,
  ]);
});

test('refuses a signing key that is no object at synth, not before', () => {
  const controller = { signingKey: null as unknown as undefined };
  expect(problemsOf((chart) => new SandboxRuntime(chart, 'runtime', { controller }))).toEqual([
    "SandboxRuntime 'web/runtime': controller.signingKey: expected an object, got null",
  ]);
});
