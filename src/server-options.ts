import { type ContainerResources, type ISecret } from 'cdk8s-plus-28';
import { type AccessToken, checkAccessToken } from './access-token';
import { checkImage } from './images';
import { DATA_KEY_SENTENCE, DNS_LABEL_SENTENCE, isDataKey, isDnsLabel, isDnsSubdomain } from './kube-syntax';
import { isLogLevel, LogLevel } from './log-level';
import { type Problems } from './problems';
import { serverConfig } from './schema/server-config';
import { isRecord, parseStrict } from './schema/validation';

/** Who may call the lifecycle server. */
export class ServerAuth {
  /**
   * Callers with one of the API keys of a Secret in the namespace of the server: one a line, all good at the same time. A change of the Secret
   * is in force within about a minute, without a restart.
   *
   * @param key of the Secret, `api-keys` when left out
   */
  static apiKeys(secret: ISecret, key?: string): ServerAuth {
    return new ServerAuth(secret, key ?? 'api-keys');
  }

  /** Anybody who reaches the server. Whoever does can have sandboxes, and enter those of others. */
  static none(): ServerAuth {
    return new ServerAuth(undefined, '');
  }

  private constructor(
    /** Secret with the keys; undefined when nobody is asked for one. */
    readonly secret: ISecret | undefined,
    /** Key of the Secret. */
    readonly key: string,
  ) {}
}

/** How the lifecycle server is reached in the cluster. */
export interface ServerServiceOptions {
  /**
   * Type of the Service: ClusterIP, NodePort or LoadBalancer.
   *
   * @default 'ClusterIP'
   */
  readonly type?: string;

  /**
   * Port of the Service.
   *
   * @default 8080
   */
  readonly port?: number;

  /**
   * Port of the nodes, 30000 to 32767; only with type NodePort.
   *
   * @default - the cluster chooses one
   */
  readonly nodePort?: number;

  /**
   * Annotations of the Service, such as those of a cloud's load balancer.
   *
   * @default - none
   */
  readonly annotations?: Readonly<Record<string, string>>;
}

/** How the lifecycle server is reached from outside. */
export interface ServerIngressOptions {
  /** Host names, at least 1. */
  readonly hosts: string[];

  /**
   * Ingress class.
   *
   * @default - that of the cluster
   */
  readonly className?: string;

  /**
   * Secret with the certificate of the hosts.
   *
   * @default - plain HTTP
   */
  readonly tlsSecret?: ISecret;

  /**
   * Annotations. For command streams through the proxy, switch buffering off and read time-outs long, as your controller calls them.
   *
   * @default - none
   */
  readonly annotations?: Readonly<Record<string, string>>;
}

/** The lifecycle server, which the public OpenSandbox SDKs call. */
export interface ServerOptions {
  /** Who may call it. */
  readonly auth: ServerAuth;

  /**
   * Token that executors ask of whoever wants commands and files. The server tells it to callers who may have the sandbox, and sends it itself in what it
   * passes on. Sandboxes without a pool get it by this; pools get it by the same in their `executor`.
   *
   * @default - executors of sandboxes without a pool ask nobody, and no token is told
   */
  readonly executorAccessToken?: AccessToken;

  /**
   * Namespace of its sandboxes and pools; the operator must serve it.
   *
   * @default - the namespace of the runtime
   * @throws SYNTH_INVALID when it is no DNS label
   */
  readonly sandboxNamespace?: string;

  /**
   * Image of the server.
   *
   * @default - the image of this package's version
   */
  readonly image?: string;

  /**
   * When the image is pulled.
   *
   * @default 'IfNotPresent'
   */
  readonly imagePullPolicy?: string;

  /**
   * Number of server pods, 0 or more; they share no state. Two or more are spread over nodes and get a PodDisruptionBudget.
   *
   * @default 2
   */
  readonly replicas?: number;

  /**
   * Resources of the server. CPU or memory that is given replaces both its request and its limit.
   *
   * @default - 100m CPU and 128Mi requested, limited to 1 CPU and 512Mi
   */
  readonly resources?: ContainerResources;

  /**
   * How much the server logs.
   *
   * @default LogLevel.INFO
   */
  readonly logLevel?: LogLevel;

  /**
   * Further configuration by section and key, as docs/settings.md lists them. No secret may be in it, since it is rendered as a ConfigMap.
   *
   * @default - the defaults of the server
   * @throws SYNTH_INVALID for a key that there is not, or a value that the server refuses
   */
  readonly config?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;

  /**
   * The Service.
   *
   * @default - type ClusterIP, port 8080
   */
  readonly service?: ServerServiceOptions;

  /**
   * An Ingress.
   *
   * @default - none
   */
  readonly ingress?: ServerIngressOptions;
}

const OPTIONS: Readonly<Record<keyof ServerOptions, true>> = {
  auth: true,
  executorAccessToken: true,
  sandboxNamespace: true,
  image: true,
  imagePullPolicy: true,
  replicas: true,
  resources: true,
  logLevel: true,
  config: true,
  service: true,
  ingress: true,
};
const SERVICE_TYPES = ['ClusterIP', 'NodePort', 'LoadBalancer'] as const;
const NODE_PORTS = { min: 30_000, max: 32_767 } as const;
/** Keys that the construct sets itself, and keys that hold secrets: section -> key -> what to do instead. */
const TAKEN: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  server: {
    host: 'the construct sets it',
    port: 'service.port is the one that callers use',
    metrics_port: 'the construct sets it',
    api_key: 'put it into a Secret and name that in auth',
    api_key_file: 'name the Secret in auth',
  },
  runtime: {
    execd_access_token_file: 'name the Secret in executorAccessToken',
    execd_access_token_secret: 'name the Secret in executorAccessToken',
    execd_access_token_key: 'name the Secret in executorAccessToken',
  },
  kubernetes: { namespace: 'set sandboxNamespace', kubeconfig_path: 'the server uses its ServiceAccount' },
  log: { level: 'set logLevel' },
  ingress: { secure_access: 'its keys are secrets: set OPENSANDBOX_SECURE_ACCESS_KEYS in the Deployment from a Secret' },
};

/** Checks the `server` prop of a SandboxRuntime. */
export function checkServer(problems: Problems, options: unknown): void {
  if (!problems.checkKeys('server', options, Object.keys(OPTIONS))) {
    return;
  }
  const { auth, sandboxNamespace, replicas = 0, logLevel } = options;
  if (!(auth instanceof ServerAuth)) {
    problems.addKind('server.auth', 'a ServerAuth', auth, 'write ServerAuth.apiKeys(secret), or ServerAuth.none() to serve anybody');
  } else if (auth.secret !== undefined && !isDataKey(auth.key)) {
    problems.add('server.auth.key', DATA_KEY_SENTENCE, auth.key);
  }
  if (sandboxNamespace !== undefined && !isDnsLabel(sandboxNamespace)) {
    problems.add('server.sandboxNamespace', DNS_LABEL_SENTENCE, sandboxNamespace);
  }
  if (!Number.isInteger(replicas) || Number(replicas) < 0) {
    problems.add('server.replicas', 'a whole number, 0 or more', replicas);
  }
  if (logLevel !== undefined && !isLogLevel(logLevel)) {
    problems.add('server.logLevel', 'a LogLevel', logLevel instanceof LogLevel ? logLevel.flag : logLevel);
  }
  checkAccessToken(problems, 'server.executorAccessToken', options.executorAccessToken);
  checkImage(problems, 'server', options);
  checkConfig(problems, options.config);
  checkService(problems, options.service);
  checkIngress(problems, options.ingress);
}

function checkConfig(problems: Problems, config: unknown): void {
  if (config === undefined) {
    return;
  }
  if (!isRecord(config) || !Object.values(config).every(isRecord)) {
    problems.addKind('server.config', 'an object of sections', config);
    return;
  }
  for (const [section, keys] of Object.entries(TAKEN)) {
    for (const [key, fix] of Object.entries(keys)) {
      if (isRecord(config[section]) && config[section][key] !== undefined) {
        problems.addKind(`server.config.${section}.${key}`, 'nothing here', config[section][key], fix);
      }
    }
  }
  const complete = Object.fromEntries(Object.keys(serverConfig.shape).map((name) => [name, config[name] ?? (OPTIONAL_SECTIONS.has(name) ? undefined : {})]));
  const parsed = parseStrict(serverConfig, { ...config, ...complete });
  if (!parsed.ok) {
    problems.addAll(parsed.problems.map((problem) => ({ ...problem, path: problem.path === '' ? 'server.config' : `server.config.${problem.path}` })));
  }
}

/** Sections that are not opened: absent or as they are. */
const OPTIONAL_SECTIONS = new Set(['store', 'otel', 'docker', 'agent_sandbox', 'tenants']);

function checkService(problems: Problems, service: unknown): void {
  if (service === undefined || !problems.checkKeys('server.service', service, ['type', 'port', 'nodePort', 'annotations'])) {
    return;
  }
  const { type = 'ClusterIP', port = 8080, nodePort } = service;
  if (!SERVICE_TYPES.some((known) => known === type)) {
    problems.add('server.service.type', `one of ${SERVICE_TYPES.join(', ')}`, type);
  }
  if (!isBetween(port, 1, 65_535)) {
    problems.add('server.service.port', 'a whole number from 1 to 65535', port);
  }
  if (nodePort !== undefined && type !== 'NodePort') {
    problems.add('server.service.nodePort', 'nothing beside another type than NodePort', nodePort);
  } else if (nodePort !== undefined && !isBetween(nodePort, NODE_PORTS.min, NODE_PORTS.max)) {
    problems.add('server.service.nodePort', `a whole number from ${NODE_PORTS.min} to ${NODE_PORTS.max}`, nodePort);
  }
}

function checkIngress(problems: Problems, ingress: unknown): void {
  if (ingress === undefined || !problems.checkKeys('server.ingress', ingress, ['hosts', 'className', 'tlsSecret', 'annotations'])) {
    return;
  }
  const hosts: unknown = ingress.hosts;
  if (!Array.isArray(hosts) || hosts.length === 0) {
    problems.add('server.ingress.hosts', 'a list of at least 1 host name', hosts);
    return;
  }
  for (const [index, host] of hosts.entries()) {
    if (!isDnsSubdomain(typeof host === 'string' ? host.replace(/^\*\./, '') : host)) {
      problems.add(`server.ingress.hosts[${index}]`, 'a host name', host);
    }
  }
}

function isBetween(value: unknown, min: number, max: number): boolean {
  return Number.isInteger(value) && Number(value) >= min && Number(value) <= max;
}
