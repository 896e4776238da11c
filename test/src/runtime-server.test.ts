import { Size } from 'cdk8s';
import { Cpu, Secret } from 'cdk8s-plus-28';
import { readConfig } from '../../server/config/read-config';
import { LogLevel, SandboxRuntime, ServerAuth, type ServerOptions } from '../../src';
import { planPod } from '../../server/sandboxes/pod-plan';
import { SERVER_ACCESS, SERVER_CLUSTER_ACCESS } from '../../src/schema/access';
import type { CreateSandboxRequest } from '../../src/schema/lifecycle-request';
import { EXECUTOR_CONTAINER } from '../../src/schema/names';
import { type Manifest, manifestOf, objectsOf, problemsOf } from '../support/synth';

const NAME = 'opensandbox-server';
const BARE = { installCrds: false, roles: false, networkPolicy: false, metrics: false } as const;

const isOfServer = ({ metadata }: Manifest) => metadata.name.endsWith(NAME);
/** Objects of the server alone. */
const serverOf = (server: Partial<ServerOptions> = {}, more: object = {}) =>
  objectsOf((chart) => {
    const auth = ServerAuth.apiKeys(Secret.fromSecretName(chart, 'keys', 'api-keys'));
    new SandboxRuntime(chart, 'runtime', { ...BARE, namespace: 'system', ...more, server: { auth, ...server } });
  }).filter(isOfServer);
const kindsOf = (objects: Manifest[]) => objects.map(({ kind, metadata }) => `${kind} ${metadata.namespace ?? '-'}`);
const configOf = (objects: Manifest[]) => (objects.find(({ kind }) => kind === 'ConfigMap') as unknown as { data: Record<string, string> }).data['config.toml'] ?? '';

test('renders the server with its defaults', () => {
  expect(
    manifestOf((chart) => {
      new SandboxRuntime(chart, 'runtime', { ...BARE, server: { auth: ServerAuth.apiKeys(Secret.fromSecretName(chart, 'keys', 'api-keys')) } });
    }),
  ).toMatchSnapshot();
});

test('renders the server with everything set', () => {
  const objects = objectsOf((chart) => {
    new SandboxRuntime(chart, 'runtime', {
      ...BARE,
      namespace: 'system',
      watchNamespaces: ['boxes'],
      server: {
        auth: ServerAuth.none(),
        executorAccessToken: { secret: Secret.fromSecretName(chart, 'token', 'execd-token') },
        sandboxNamespace: 'boxes',
        image: 'registry.local/server:1',
        imagePullPolicy: 'Always',
        replicas: 1,
        resources: { cpu: { limit: Cpu.units(2) }, memory: { limit: Size.gibibytes(1) } },
        logLevel: LogLevel.DEBUG,
        config: { kubernetes: { sandbox_create_timeout_seconds: 20 }, runtime: { execd_image: 'registry.local/executor:1' }, storage: { allowed_host_paths: ['/data'] } },
        service: { type: 'NodePort', port: 80, nodePort: 30080, annotations: { a: 'b' } },
        ingress: { hosts: ['sandboxes.example.com'], className: 'nginx', tlsSecret: Secret.fromSecretName(chart, 'tls', 'certificate'), annotations: { 'nginx.ingress.kubernetes.io/proxy-buffering': 'off' } },
      },
    });
  });
  expect(objects.filter(isOfServer)).toMatchSnapshot();
});

test('gives the server its own account and exactly its rights, in the namespace of the sandboxes, and beyond it the list of nodes where it looks at them (L48)', () => {
  const objects = serverOf({ sandboxNamespace: 'boxes' }, { clusterWide: true });
  const ofCluster = ['ClusterRole -', 'ClusterRoleBinding -'];
  expect(kindsOf(objects)).toEqual(['ServiceAccount system', 'Role boxes', 'RoleBinding boxes', ...ofCluster, 'ConfigMap system', 'Deployment system', 'Service system', 'PodDisruptionBudget system']);
  expect(objects.find(({ kind }) => kind === 'Role')).toMatchObject({ rules: SERVER_ACCESS });
  // Another server of the cluster has another name for its own.
  expect(objects.find(({ kind }) => kind === 'ClusterRole')).toMatchObject({ metadata: { name: `system-${NAME}` }, rules: SERVER_CLUSTER_ACCESS });
  expect(SERVER_CLUSTER_ACCESS).toEqual([{ apiGroups: [''], resources: ['nodes'], verbs: ['list'] }]);
  expect(kindsOf(serverOf({ config: { kubernetes: { platform_check: false } } })).filter((kind) => ofCluster.includes(kind))).toEqual([]);
  expect(JSON.stringify(SERVER_ACCESS)).not.toMatch(/\*|"secrets".*"(get|list|watch)"/);
});

test('writes a configuration that the server takes, without a secret in it', () => {
  const config = configOf(serverOf({ config: { ingress: { mode: 'gateway', gateway: { address: 'gw.example', route: { mode: 'header' } } }, storage: { allowed_host_paths: ['/a "b"'] } }, logLevel: LogLevel.WARN }));
  expect(readConfig(config)).toMatchObject({
    ok: true,
    warnings: [],
    config: {
      server: { host: '0.0.0.0', port: 8080, api_key_file: '/etc/opensandbox/keys/api-keys' },
      log: { level: 'WARN' },
      kubernetes: { namespace: 'system' },
      ingress: { mode: 'gateway', gateway: { address: 'gw.example' } },
      storage: { allowed_host_paths: ['/a "b"'] },
    },
  });
});

test('tells the server the token of executors by a file, and those of sandboxes without a pool by the Secret (L7)', () => {
  const chartOf = (more: Partial<ServerOptions>) =>
    objectsOf((chart) => {
      const executorAccessToken = { secret: Secret.fromSecretName(chart, 'token', 'execd-token'), key: 'current' };
      new SandboxRuntime(chart, 'runtime', { ...BARE, namespace: 'system', server: { auth: ServerAuth.none(), executorAccessToken, ...more } });
    });
  const objects = chartOf({ config: { runtime: { execd_image: 'registry.local/executor:1' } } });
  const read = readConfig(configOf(objects));
  if (!read.ok) throw new Error(read.problems.join());
  const { runtime } = read.config;
  expect([read.warnings, runtime]).toMatchObject([[], { execd_image: 'registry.local/executor:1', execd_access_token_file: '/etc/opensandbox/executor-token/current' }]);
  const request = { image: { uri: 'python' }, entrypoint: ['true'], secureAccess: false } as unknown as CreateSandboxRequest;
  const executor = planPod(request, { config: read.config, version: '1' }).spec?.containers?.find(({ name }) => name === EXECUTOR_CONTAINER);
  expect(executor?.env).toEqual([{ name: 'EXECD_ACCESS_TOKEN', valueFrom: { secretKeyRef: { name: 'execd-token', key: 'current' } } }]);
});

test('rolls the pods when the configuration changes', () => {
  const checksumOf = (objects: Manifest[]) => JSON.stringify(objects.find(({ kind }) => kind === 'Deployment')).match(/"checksum\/config":"(\w+)"/)?.[1];
  const [one, same, other] = [serverOf(), serverOf(), serverOf({ config: { kubernetes: { sandbox_create_timeout_seconds: 20 } } })].map(checksumOf);
  expect(one).toMatch(/^[0-9a-f]{16}$/);
  expect([same === one, other === one]).toEqual([true, false]);
});

test('refuses each wrong prop', () => {
  const server = {
    sandboxNamespace: 'elsewhere',
    replicas: -1,
    logLevel: 'loud',
    executorAccessToken: 's3cret',
    config: { server: { api_key: 's3cret', prot: 1 }, runtime: { execd_access_token_file: '/t' }, kubernetes: { sandbox_create_timeout_seconds: 0 } },
    service: { type: 'External', nodePort: 30080 },
    ingress: { hosts: ['not a host'] },
  };
  const problems = problemsOf((chart) => new SandboxRuntime(chart, 'runtime', { ...BARE, namespace: 'system', server: server as unknown as ServerOptions }));
  expect(problems).toEqual(
    [
      'server.auth: expected a ServerAuth, got nothing; write ServerAuth.apiKeys(secret), or ServerAuth.none() to serve anybody',
      'server.replicas: expected a whole number, 0 or more, got -1',
      "server.logLevel: expected a LogLevel, got 'loud'",
      'server.executorAccessToken: expected an AccessToken, got a string; write { secret: Secret.fromSecretName(…) }',
      'server.config.server.api_key: expected nothing here, got a string; put it into a Secret and name that in auth',
      'server.config.runtime.execd_access_token_file: expected nothing here, got a string; name the Secret in executorAccessToken',
      'server.config.kubernetes.sandbox_create_timeout_seconds: expected a whole number from 1 to 2147483, got 0',
      expect.stringMatching(/^SandboxRuntime 'web\/runtime': server\.config\.server: expected one of the fields .*, got 'prot'/) as string,
      "server.service.type: expected one of ClusterIP, NodePort, LoadBalancer, got 'External'",
      'server.service.nodePort: expected nothing beside another type than NodePort, got 30080',
      "server.ingress.hosts[0]: expected a host name, got 'not a host'",
      "server.sandboxNamespace: expected a namespace that the operator serves (system), got 'elsewhere'; add it to watchNamespaces",
    ].map((problem) => (typeof problem === 'string' ? `SandboxRuntime 'web/runtime': ${problem}` : problem)),
  );
  expect(problems.join()).not.toContain('s3cret');
});
