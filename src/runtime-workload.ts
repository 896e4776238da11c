import { type ContainerResources, type ISecret } from 'cdk8s-plus-28';
import { renderResources } from './container-resources';
import { checkImage, defaultImage } from './images';
import { DATA_KEY_SENTENCE, isDataKey } from './kube-syntax';
import { isLogLevel, LogLevel } from './log-level';
import { type Problems } from './problems';
import { EnvVar, Port, SIGNING_SECRET, SIGNING_SECRET_KEY } from './schema/names';
import { operatorSettings } from './schema/operator-settings';
import { isRecord } from './schema/validation';

/** The operator's Deployment. */
export interface ControllerOptions {
  /**
   * Image of the operator.
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
   * Number of operator pods, 0 or more. One of them acts; another takes over at once when it stops, and within 20 s when it dies. Two or more
   * are spread over nodes and get a PodDisruptionBudget.
   *
   * @default - 2, or 1 without leader election
   * @throws SYNTH_INVALID when it is above 1 without leader election
   */
  readonly replicas?: number;

  /**
   * Whether the operator acts only while it holds the lease.
   *
   * @default true
   */
  readonly leaderElection?: boolean;

  /**
   * Resources of the operator. CPU or memory that is given replaces both its request and its limit. The heap follows the limit of memory.
   *
   * @default - 100m CPU and 128Mi requested, limited to 1 CPU and 512Mi
   */
  readonly resources?: ContainerResources;

  /**
   * How much the operator logs.
   *
   * @default LogLevel.INFO
   * @throws SYNTH_INVALID when a number is out of its range
   */
  readonly logLevel?: LogLevel;

  /**
   * Private key of your own that signs requests to executors; the operator then has no right to any Secret.
   *
   * @default - the operator makes a key and keeps it in a Secret of its namespace, the only one that it may read
   */
  readonly signingKey?: SigningKey;
}

/** Where the private key of the operator is kept. */
export interface SigningKey {
  /** Secret in the namespace of the operator. */
  readonly secret: ISecret;

  /**
   * Key of the Secret whose value is an Ed25519 private key in PEM.
   *
   * @default 'private.pem'
   */
  readonly key?: string;
}

/** What the Deployment needs to know beside its options. */
export interface WorkloadContext {
  /** Name of the Deployment's ServiceAccount. */
  readonly serviceAccountName: string;
  /** Labels that select the pods. */
  readonly labels: Readonly<Record<string, string>>;
  /** Namespaces to work in; empty means all. */
  readonly namespaces: readonly string[];
  /** Whether metrics are served. */
  readonly metrics: boolean;
}

const OPTIONS: Readonly<Record<keyof ControllerOptions, true>> = {
  image: true,
  imagePullPolicy: true,
  replicas: true,
  leaderElection: true,
  resources: true,
  logLevel: true,
  signingKey: true,
};
/**
 * The heap may take three quarters of the memory limit; the rest is for buffers, code and stacks. Small semi-spaces save about 20 MB: with a pool
 * and a batch of 1,000 the operator has 129 MB resident instead of 152, and is no slower.
 */
const HEAP_OPTIONS = '--max-old-space-size-percentage=75 --max-semi-space-size=2';
const KEY_DIR = '/etc/sandbox/signing-key';
const KEY_VOLUME = 'signing-key';

/** Checks the `controller` prop of a SandboxRuntime. */
export function checkController(problems: Problems, options: unknown): void {
  if (!problems.checkKeys('controller', options, Object.keys(OPTIONS))) {
    return;
  }
  const { replicas = 0, leaderElection = true, logLevel, signingKey } = options;
  if (!Number.isInteger(replicas) || Number(replicas) < 0) {
    problems.add('controller.replicas', 'a whole number, 0 or more', replicas);
  } else if (Number(replicas) > 1 && leaderElection === false) {
    problems.add('controller.replicas', 'at most 1 without leader election', replicas, 'leave leaderElection on');
  }
  checkImage(problems, 'controller', options);
  if (typeof leaderElection !== 'boolean') {
    problems.add('controller.leaderElection', 'true or false', leaderElection);
  }
  if (logLevel !== undefined && !isLogLevel(logLevel)) {
    problems.add('controller.logLevel', 'a LogLevel, by number from 1 to 999', logLevel instanceof LogLevel ? logLevel.flag : logLevel);
  }
  if (signingKey !== undefined && problems.checkKeys('controller.signingKey', signingKey, ['secret', 'key'])) {
    const { secret, key } = signingKey as Partial<SigningKey>;
    if (typeof secret?.name !== 'string') {
      problems.add('controller.signingKey.secret', 'a Secret', secret);
    }
    if (key !== undefined && !isDataKey(key)) {
      problems.add('controller.signingKey.key', DATA_KEY_SENTENCE, key);
    }
  }
}

/** Number of operator pods. */
export function replicasOf({ replicas, leaderElection }: ControllerOptions): number {
  return replicas ?? (leaderElection === false ? 1 : 2);
}

/** The `spec` of the operator's Deployment. */
export function renderDeployment(problems: Problems, options: ControllerOptions, context: WorkloadContext): object {
  const replicas = replicasOf(options);
  const signingKey = isRecord(options.signingKey) ? options.signingKey : undefined;
  const keyFile = signingKey?.key ?? SIGNING_SECRET_KEY;
  const spread = { maxSkew: 1, topologyKey: 'kubernetes.io/hostname', whenUnsatisfiable: 'ScheduleAnyway', labelSelector: { matchLabels: context.labels } };
  return {
    replicas,
    selector: { matchLabels: context.labels },
    template: {
      metadata: { labels: context.labels },
      spec: {
        serviceAccountName: context.serviceAccountName,
        terminationGracePeriodSeconds: 10,
        securityContext: { runAsNonRoot: true, runAsUser: 65532, seccompProfile: { type: 'RuntimeDefault' } },
        topologySpreadConstraints: replicas > 1 ? [spread] : undefined,
        containers: [
          {
            name: 'manager',
            image: options.image ?? defaultImage('sandbox-operator'),
            imagePullPolicy: options.imagePullPolicy ?? 'IfNotPresent',
            args: renderArgs(options, context, signingKey === undefined ? undefined : `${KEY_DIR}/${keyFile}`),
            env: [
              { name: EnvVar.podNamespace, valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } } },
              { name: 'NODE_OPTIONS', value: HEAP_OPTIONS },
            ],
            ports: [
              { name: 'health', containerPort: Port.operatorHealth, protocol: 'TCP' },
              ...(context.metrics ? [{ name: 'metrics', containerPort: Port.operatorMetrics, protocol: 'TCP' }] : []),
            ],
            // A pass over ten thousand pods may hold the event loop for a second.
            livenessProbe: { ...probe('/healthz'), initialDelaySeconds: 15, periodSeconds: 20, timeoutSeconds: 5 },
            // Ready is told soon: a rolling update waits for it, and the start takes about a second.
            readinessProbe: { ...probe('/readyz'), periodSeconds: 2, timeoutSeconds: 5 },
            resources: renderResources(problems, 'controller.resources', options.resources, {
              requests: { cpu: '100m', memory: '128Mi' },
              limits: { cpu: '1', memory: '512Mi' },
            }),
            securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
            volumeMounts: signingKey === undefined ? undefined : [{ name: KEY_VOLUME, mountPath: KEY_DIR, readOnly: true }],
          },
        ],
        volumes:
          signingKey === undefined
            ? undefined
            : [{ name: KEY_VOLUME, secret: { secretName: signingKey.secret?.name, items: [{ key: keyFile, path: keyFile }] } }],
      },
    },
  };
}

function probe(path: string): object {
  return { httpGet: { path, port: 'health' } };
}

function renderArgs(options: ControllerOptions, context: WorkloadContext, keyFile: string | undefined): string[] {
  const { table } = operatorSettings;
  return [
    `--${table.leaderElect.flag}=${options.leaderElection ?? true}`,
    `--${table.healthAddress.flag}=:${Port.operatorHealth}`,
    ...(context.metrics
      ? [`--${table.metricsAddress.flag}=:${Port.operatorMetrics}`, `--${table.metricsSecure.flag}=false`]
      : [`--${table.metricsAddress.flag}=0`]),
    ...(context.namespaces.length === 0 ? [] : [`--${table.namespaces.flag}=${context.namespaces.join(',')}`]),
    `--${table.logLevel.flag}=${isLogLevel(options.logLevel) ? options.logLevel.flag : LogLevel.INFO.flag}`,
    keyFile === undefined ? `--${table.signingSecret.flag}=${SIGNING_SECRET}` : `--${table.signingKeyFile.flag}=${keyFile}`,
  ];
}
