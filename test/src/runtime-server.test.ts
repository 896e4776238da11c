import { Size } from 'cdk8s';
import { Cpu, Secret } from 'cdk8s-plus-28';
import { readConfig } from '../../server/config/read-config';
import { LogLevel, SandboxRuntime, ServerAuth, type ServerOptions } from '../../src';
import { SERVER_ACCESS } from '../../src/schema/access';
import { type Manifest, manifestOf, objectsOf, problemsOf } from '../support/synth';

const NAME = 'opensandbox-server';
const BARE = { installCrds: false, roles: false, networkPolicy: false, metrics: false } as const;

/** Objects of the server alone. */
const serverOf = (server: Partial<ServerOptions> = {}, more: object = {}) =>
  objectsOf((chart) => {
    const auth = ServerAuth.apiKeys(Secret.fromSecretName(chart, 'keys', 'api-keys'));
    new SandboxRuntime(chart, 'runtime', { ...BARE, namespace: 'system', ...more, server: { auth, ...server } });
  }).filter(({ metadata }) => metadata.name === NAME);
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
  expect(objects.filter(({ metadata }) => metadata.name === NAME)).toMatchSnapshot();
});

test('gives the server its own account and exactly its rights, in the namespace of the sandboxes alone (L48)', () => {
  const objects = serverOf({ sandboxNamespace: 'boxes' }, { clusterWide: true });
  expect(kindsOf(objects)).toEqual(['ServiceAccount system', 'Role boxes', 'RoleBinding boxes', 'ConfigMap system', 'Deployment system', 'Service system', 'PodDisruptionBudget system']);
  expect(objects.find(({ kind }) => kind === 'Role')).toMatchObject({ rules: SERVER_ACCESS });
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
    config: { server: { api_key: 's3cret', prot: 1 }, kubernetes: { sandbox_create_timeout_seconds: 0 } },
    service: { type: 'External', nodePort: 30080 },
    ingress: { hosts: ['not a host'] },
  };
  const problems = problemsOf((chart) => new SandboxRuntime(chart, 'runtime', { ...BARE, namespace: 'system', server: server as unknown as ServerOptions }));
  expect(problems).toEqual(
    [
      'server.auth: expected a ServerAuth, got nothing; write ServerAuth.apiKeys(secret), or ServerAuth.none() to serve anybody',
      'server.replicas: expected a whole number, 0 or more, got -1',
      "server.logLevel: expected a LogLevel, got 'loud'",
      'server.config.server.api_key: expected nothing here, got a string; put it into a Secret and name that in auth',
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
