import { createHash } from 'node:crypto';
import { ApiObject } from 'cdk8s';
import { type Construct } from 'constructs';
import { accessTokenRef } from './access-token';
import { renderResources } from './container-resources';
import { defaultImage } from './images';
import { isLogLevel, LogLevel } from './log-level';
import { Problems } from './problems';
import { addRole } from './runtime-access';
import { SERVER_ACCESS, SERVER_CLUSTER_ACCESS } from './schema/access';
import { EnvVar, Port, SERVER_LABELS } from './schema/names';
import { isRecord } from './schema/validation';
import { ServerAuth, type ServerOptions } from './server-options';
import { renderToml } from './toml';

/** Name of the server's Deployment and of what belongs to it. */
const NAME = 'opensandbox-server';
const CONFIG_DIR = '/etc/opensandbox/config';
const CONFIG_FILE = 'config.toml';
const KEYS_DIR = '/etc/opensandbox/keys';
const EXECUTOR_TOKEN_DIR = '/etc/opensandbox/executor-token';
/** As those of the operator: the rest of the memory limit is for buffers, code and stacks. */
const HEAP_OPTIONS = '--max-old-space-size-percentage=75 --max-semi-space-size=2';
/** Time that requests under way have at the end, in seconds, and what the program needs beside it. */
const GRACE_SECONDS = 20;

/** Adds the objects of the lifecycle server. @returns its Deployment */
export function addServer(scope: Construct, options: ServerOptions, namespace: string): ApiObject {
  const sandboxes = options.sandboxNamespace ?? namespace;
  const add = (id: string, apiVersion: string, kind: string, content: object, annotations?: Readonly<Record<string, string>>) =>
    new ApiObject(scope, id, { apiVersion, kind, metadata: { name: NAME, namespace, labels: { ...SERVER_LABELS }, ...(annotations !== undefined && { annotations }) }, ...content });
  const config = renderConfig(options, sandboxes);
  add('ServiceAccount', 'v1', 'ServiceAccount', {});
  const subject = { kind: 'ServiceAccount', name: NAME, namespace };
  addRole(scope, 'Access', { name: NAME, namespace: sandboxes, rules: SERVER_ACCESS, subject });
  if (looksAtNodes(options)) addRole(scope, 'ClusterAccess', { name: `${namespace}-${NAME}`, rules: SERVER_CLUSTER_ACCESS, subject });
  add('Config', 'v1', 'ConfigMap', { data: { [CONFIG_FILE]: config } });
  const deployment = add('Resource', 'apps/v1', 'Deployment', { spec: renderServerDeployment(new Problems(), options, config) });
  const { type = 'ClusterIP', port = Port.server, nodePort, annotations } = options.service ?? {};
  const ports = [{ name: 'http', port, targetPort: 'http', protocol: 'TCP', ...(nodePort !== undefined && { nodePort }) }, ...(type === 'ClusterIP' ? [metricsPort()] : [])];
  add('Service', 'v1', 'Service', { spec: { type, selector: { ...SERVER_LABELS }, ports } }, annotations);
  if (replicasOf(options) > 1) {
    add('DisruptionBudget', 'policy/v1', 'PodDisruptionBudget', { spec: { maxUnavailable: 1, selector: { matchLabels: { ...SERVER_LABELS } } } });
  }
  if (isRecord(options.ingress)) {
    add('Ingress', 'networking.k8s.io/v1', 'Ingress', { spec: renderIngress(options.ingress, port) }, options.ingress.annotations);
  }
  return deployment;
}

/** The `spec` of the server's Deployment. @param problems where wrong resources are told */
export function renderServerDeployment(problems: Problems, options: ServerOptions, config: string): object {
  const replicas = replicasOf(options);
  const { secret, key } = options.auth instanceof ServerAuth ? options.auth : ServerAuth.none();
  const spread = { maxSkew: 1, topologyKey: 'kubernetes.io/hostname', whenUnsatisfiable: 'ScheduleAnyway', labelSelector: { matchLabels: SERVER_LABELS } };
  const token = accessTokenRef(options.executorAccessToken);
  const files = [
    { name: 'config', mountPath: CONFIG_DIR, from: { configMap: { name: NAME } } },
    ...(secret === undefined ? [] : [{ name: 'keys', mountPath: KEYS_DIR, from: secretFile(secret.name, key) }]),
    ...(token === undefined ? [] : [{ name: 'executor-token', mountPath: EXECUTOR_TOKEN_DIR, from: secretFile(token.name, token.key) }]),
  ];
  return {
    replicas,
    selector: { matchLabels: SERVER_LABELS },
    template: {
      // A changed configuration rolls the pods.
      metadata: { labels: SERVER_LABELS, annotations: { 'checksum/config': createHash('sha256').update(config).digest('hex').slice(0, 16) } },
      spec: {
        serviceAccountName: NAME,
        terminationGracePeriodSeconds: GRACE_SECONDS,
        securityContext: { runAsNonRoot: true, runAsUser: 65532, seccompProfile: { type: 'RuntimeDefault' } },
        topologySpreadConstraints: replicas > 1 ? [spread] : undefined,
        containers: [
          {
            name: 'server',
            image: options.image ?? defaultImage('sandbox-server'),
            imagePullPolicy: options.imagePullPolicy ?? 'IfNotPresent',
            args: [`--config=${CONFIG_DIR}/${CONFIG_FILE}`],
            env: [
              { name: EnvVar.podNamespace, valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } } },
              { name: 'NODE_OPTIONS', value: HEAP_OPTIONS },
              ...(secret === undefined ? [{ name: 'OPENSANDBOX_INSECURE_SERVER', value: 'YES' }] : []),
            ],
            ports: [
              { name: 'http', containerPort: Port.server, protocol: 'TCP' },
              { name: 'metrics', containerPort: Port.serverMetrics, protocol: 'TCP' },
            ],
            livenessProbe: { httpGet: { path: '/livez', port: 'http' }, initialDelaySeconds: 15, periodSeconds: 20, timeoutSeconds: 5 },
            readinessProbe: { httpGet: { path: '/readyz', port: 'http' }, periodSeconds: 2, timeoutSeconds: 5 },
            resources: renderResources(problems, 'server.resources', options.resources, {
              requests: { cpu: '100m', memory: '128Mi' },
              limits: { cpu: '1', memory: '512Mi' },
            }),
            securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
            volumeMounts: files.map(({ name, mountPath }) => ({ name, mountPath, readOnly: true })),
          },
        ],
        volumes: files.map(({ name, from }) => ({ name, ...from })),
      },
    },
  };
}

/** The configuration file of the server, in TOML. */
export function renderConfig({ auth, executorAccessToken, config = {}, logLevel }: ServerOptions, sandboxNamespace: string): string {
  const given = isRecord(config) ? config : {};
  const level = isLogLevel(logLevel) ? logLevel.flag : LogLevel.INFO.flag;
  const keys = auth instanceof ServerAuth && auth.secret !== undefined ? { api_key_file: `${KEYS_DIR}/${auth.key}` } : {};
  const token = accessTokenRef(executorAccessToken);
  const tokenKeys = token && { execd_access_token_file: `${EXECUTOR_TOKEN_DIR}/${token.key}`, execd_access_token_secret: token.name, execd_access_token_key: token.key };
  const section = (name: string) => (isRecord(given[name]) ? given[name] : {});
  return renderToml({
    ...given,
    server: { ...section('server'), host: '0.0.0.0', port: Port.server, metrics_port: Port.serverMetrics, ...keys },
    ...(tokenKeys !== undefined && { runtime: { ...section('runtime'), ...tokenKeys } }),
    log: { ...section('log'), level: /^\d+$/.test(level) ? 'DEBUG' : level.toUpperCase() },
    kubernetes: { ...section('kubernetes'), namespace: sandboxNamespace },
  });
}

function renderIngress({ hosts, className, tlsSecret }: NonNullable<ServerOptions['ingress']>, port: number): object {
  const backend = { service: { name: NAME, port: { number: port } } };
  const names = Array.isArray(hosts) ? hosts : [];
  return {
    ingressClassName: className,
    tls: tlsSecret === undefined ? undefined : [{ hosts: names, secretName: tlsSecret.name }],
    rules: names.map((host) => ({ host, http: { paths: [{ path: '/', pathType: 'Prefix', backend }] } })),
  };
}

/** A volume of one key of a Secret. */
function secretFile(secretName: string, key: string): object {
  return { secret: { secretName, items: [{ key, path: key }] } };
}

function metricsPort(): object {
  return { name: 'metrics', port: Port.serverMetrics, targetPort: 'metrics', protocol: 'TCP' };
}

/** The right to it reaches beyond the namespace, so it is given only where it is used. */
function looksAtNodes({ config }: ServerOptions): boolean {
  return !isRecord(config) || !isRecord(config.kubernetes) || config.kubernetes.platform_check !== false;
}

function replicasOf({ replicas = 2 }: ServerOptions): number {
  return Number(replicas);
}
