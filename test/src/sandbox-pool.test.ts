import { Duration, JsonPatch, Size } from 'cdk8s';
import { Cpu, Secret } from 'cdk8s-plus-28';
import { PodCount, PodTemplate, RecycleStrategy, SandboxPool, type SandboxPoolProps } from '../../src';
import { manifestOf, objectsOf, pod, problemsOf } from '../support/synth';

const minimal: SandboxPoolProps = { template: pod, bufferMin: 2, poolMax: 10 };

/** Props as a user without types may write them. */
const untyped = (props: unknown) => props as SandboxPoolProps;

const problemsWith = (props: unknown) => problemsOf((chart) => new SandboxPool(chart, 'warm', untyped(props)));

test('renders a pool with its defaults written out', () => {
  expect(manifestOf((chart) => new SandboxPool(chart, 'warm', minimal))).toMatchSnapshot();
});

test('renders a pool with everything set', () => {
  const manifest = manifestOf(
    (chart) =>
      new SandboxPool(chart, 'warm', {
        metadata: { name: 'python', labels: { team: 'research' }, annotations: { note: 'of the team' } },
        template: PodTemplate.fromTemplate({
          metadata: { labels: { size: 'small' }, annotations: {} },
          spec: {
            runtimeClassName: 'gvisor',
            containers: [
              { name: 'init-helper', image: 'busybox' },
              { name: 'python', image: 'python:3.13', env: [{ name: 'A', value: '1' }] },
            ],
            volumes: [{ name: 'scratch', emptyDir: {} }],
          },
        }),
        executor: {
          image: 'registry.local/executor:1',
          imagePullPolicy: 'Always',
          mainContainer: 'python',
          accessToken: { secret: Secret.fromSecretName(chart, 'token', 'execd-token'), key: 'current' },
          resources: { cpu: { limit: Cpu.units(2) }, memory: { request: Size.mebibytes(128), limit: Size.gibibytes(1) } },
        },
        bufferMin: 2,
        bufferMax: 4,
        poolMin: 3,
        poolMax: 10,
        scaleMaxUnavailable: PodCount.percent(50),
        updateMaxUnavailable: PodCount.of(1),
        minRemainingLifetime: Duration.minutes(5),
        recycleStrategy: RecycleStrategy.NOOP,
      }),
    { namespace: 'team-a' },
  );
  expect(manifest).toMatchSnapshot();
});

test.each<[string, Record<string, unknown>, string[]]>([
  [
    'a wrong type',
    { ...minimal, bufferMin: '2' },
    ["SandboxPool 'web/warm': bufferMin: expected a whole number from 0 to 10000, got '2'"],
  ],
  ['a negative number', { ...minimal, poolMin: -1 }, ["SandboxPool 'web/warm': poolMin: expected a whole number from 0 to 10000, got -1"]],
  ['a fraction', { ...minimal, poolMax: 2.5 }, ["SandboxPool 'web/warm': poolMax: expected a whole number from 0 to 10000, got 2.5"]],
  [
    'a remaining lifetime that is no duration',
    { ...minimal, minRemainingLifetime: 60 },
    ["SandboxPool 'web/warm': minRemainingLifetime: expected a Duration, got 60; write Duration.minutes(5)"],
  ],
  [
    'a remaining lifetime of years',
    { ...minimal, minRemainingLifetime: Duration.days(366) },
    ["SandboxPool 'web/warm': minRemainingLifetime: expected a whole number from 0 to 31536000, got 31622400"],
  ],
  [
    'bufferMin above bufferMax',
    { ...minimal, bufferMin: 10, bufferMax: 4 },
    ["SandboxPool 'web/warm': bufferMin: expected at most bufferMax (4), got 10; lower bufferMin or raise bufferMax"],
  ],
  [
    'poolMin above poolMax',
    { ...minimal, poolMin: 11 },
    ["SandboxPool 'web/warm': poolMin: expected at most poolMax (10), got 11; lower poolMin or raise poolMax"],
  ],
  [
    'bufferMin above poolMax',
    { ...minimal, bufferMin: 11 },
    ["SandboxPool 'web/warm': bufferMin: expected at most poolMax (10), got 11; lower bufferMin or raise poolMax"],
  ],
  [
    'an unknown prop',
    { ...minimal, bufferMx: 3 },
    [
      "SandboxPool 'web/warm': expected one of 'metadata', 'template', 'bufferMin', 'bufferMax', 'poolMin', 'poolMax', 'scaleMaxUnavailable', " +
        "'updateMaxUnavailable', 'minRemainingLifetime', 'recycleStrategy', 'executor', got 'bufferMx'; did you mean 'bufferMax'?",
    ],
  ],
  [
    'a name that is no DNS label',
    { ...minimal, metadata: { name: 'My_Pool' } },
    [
      "SandboxPool 'web/warm': metadata.name: expected a DNS label (at most 63 of a-z, 0-9 and -, beginning and ending with a letter or digit), got 'My_Pool'",
    ],
  ],
  [
    'a name that is too long',
    { ...minimal, metadata: { name: 'a'.repeat(64) } },
    [
      `SandboxPool 'web/warm': metadata.name: expected a DNS label (at most 63 of a-z, 0-9 and -, beginning and ending with a letter or digit), got '${'a'.repeat(64)}'`,
    ],
  ],
  [
    'a label that Kubernetes refuses',
    { ...minimal, metadata: { labels: { team: 'a b' } } },
    ["SandboxPool 'web/warm': metadata.labels['team']: expected a label value (at most 63 letters, digits, -, _ and .), got 'a b'"],
  ],
  [
    'a template without the factory',
    { ...minimal, template: { containers: [] } },
    ["SandboxPool 'web/warm': template: expected a PodTemplate, got an object; write PodTemplate.fromSpec(…), .fromTemplate(…) or .fromPod(…)"],
  ],
  [
    'a number for a PodCount',
    { ...minimal, scaleMaxUnavailable: 5 },
    ["SandboxPool 'web/warm': scaleMaxUnavailable: expected a PodCount, got 5; write PodCount.of(5) or PodCount.percent(20)"],
  ],
  [
    'a percentage above 100',
    { ...minimal, updateMaxUnavailable: PodCount.percent(101) },
    ["SandboxPool 'web/warm': updateMaxUnavailable: expected a whole number of percent from 0 to 100, got 101"],
  ],
  [
    'an unknown way to recycle',
    { ...minimal, recycleStrategy: 'Burn' },
    ["SandboxPool 'web/warm': recycleStrategy: expected one of 'Delete', 'Restart', 'Noop', got 'Burn'"],
  ],
  [
    'an executor beside a container that is not there',
    { ...minimal, executor: { mainContainer: 'mian' } },
    ["SandboxPool 'web/warm': executor.mainContainer: expected the name of a container of the template, got 'mian'"],
  ],
  [
    'executor resources that no container can have',
    {
      ...minimal,
      executor: { resources: { cpu: { request: Cpu.millis(-5) }, memory: { request: Size.gibibytes(2), limit: Size.mebibytes(1) } } },
    },
    [
      "SandboxPool 'web/warm': executor.resources.cpu.request: expected an amount of 0 or more, got '-5m'",
      "SandboxPool 'web/warm': executor.resources.memory.request: expected at most the limit (1Mi), got '2Gi'",
    ],
  ],
  [
    'a request of CPU above its limit',
    { ...minimal, executor: { resources: { cpu: { request: Cpu.units(2), limit: Cpu.millis(1500) } } } },
    ["SandboxPool 'web/warm': executor.resources.cpu.request: expected at most the limit (1500m), got '2'"],
  ],
  [
    'a token of the executor that is no Secret, without showing it, and where tasks could read it',
    { ...minimal, executor: { enterMainContainer: false, accessToken: { secret: 's3cret', key: '.k' } } },
    [
      "SandboxPool 'web/warm': executor.accessToken.secret: expected a Secret, got a string; write Secret.fromSecretName(…), and make the Secret apart from the manifests",
      "SandboxPool 'web/warm': executor.accessToken.key: expected a key (letters, digits, -, _ and ., not beginning with a dot), got '.k'",
      "SandboxPool 'web/warm': executor.accessToken: expected nothing beside enterMainContainer: false, got an object; tasks beside the executor, as its user, could read it",
    ],
  ],
  [
    'executor options that Kubernetes refuses',
    { ...minimal, executor: { imagePullPolicy: 'Sometimes' } },
    ["SandboxPool 'web/warm': executor.imagePullPolicy: expected one of Always, IfNotPresent, Never, got 'Sometimes'"],
  ],
  [
    'executor resources as text',
    { ...minimal, executor: { resources: { memory: { limit: '1Gi' } } } },
    ["SandboxPool 'web/warm': executor.resources.memory.limit: expected a Size, got '1Gi'; write Size.mebibytes(256)"],
  ],
])('refuses %s', (_, props, problems) => {
  expect(problemsWith(props)).toEqual(problems);
});

test('reports a contradiction beside a wrong type elsewhere', () => {
  expect(problemsWith({ ...minimal, bufferMax: 1, recycleStrategy: 'Burn' })).toEqual([
    "SandboxPool 'web/warm': recycleStrategy: expected one of 'Delete', 'Restart', 'Noop', got 'Burn'",
    "SandboxPool 'web/warm': bufferMin: expected at most bufferMax (1), got 2; lower bufferMin or raise bufferMax",
  ]);
});

test('names each prop that is missing', () => {
  expect(problemsWith(undefined).map((problem) => /: (\w+): expected/.exec(problem)?.[1])).toEqual(['template', 'bufferMin', 'poolMax']);
});

test('keeps a field that nobody knows when it is set by JSON patch', () => {
  const [rendered] = objectsOf((chart) => {
    new SandboxPool(chart, 'warm', minimal).apiObject.addJsonPatch(JsonPatch.add('/spec/template/spec/ofTomorrow', { deep: [1] }));
  });
  expect(rendered?.spec.template).toMatchObject({ spec: { ofTomorrow: { deep: [1] } } });
});

test('derives a name from the path that stays the same and fits into a label', () => {
  const longId = 'a-very-long-identifier-of-a-pool-that-somebody-thought-was-a-good-idea';
  const names = objectsOf((chart) => {
    new SandboxPool(chart, 'warm', minimal);
    new SandboxPool(chart, longId, minimal);
  }).map(({ metadata }) => metadata.name);
  expect(names).toEqual(['web-warm-c8ad5846', 'a-very-long-identifier-of-a-pool-that-somebod-c87ed999']);
});
