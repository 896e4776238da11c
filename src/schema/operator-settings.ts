import { EnvVar, Port } from './names';
import { defineSettings, type SettingsOf } from './settings';

/** Accepted because existing manifests carry it; it changes nothing. */
const withoutEffect = (flag: string, kind: 'string' | 'boolean') =>
  ({ flag, kind, description: 'Accepted for existing manifests, without effect.' }) as const;

/**
 * Settings of the operator.
 *
 * @see shared/reference/resources.md section 5.1
 */
export const operatorSettings = defineSettings(
  'operator',
  {
    kubeconfig: { flag: 'kubeconfig', kind: 'string', description: 'Kubeconfig file; absent means the service account of the pod.' },
    namespaces: { flag: 'namespaces', kind: 'list', default: '', description: 'Namespaces to work in, comma-separated; empty means all.' },
    podNamespace: { env: EnvVar.podNamespace, kind: 'string', description: 'Namespace of the operator itself: of its lease, and of the profiles for poolRef "*".' },
    leaderElect: { flag: 'leader-elect', kind: 'boolean', default: 'false', description: 'Act only while holding the lease; without it run one replica only.' },
    healthAddress: {
      flag: 'health-probe-bind-address',
      kind: 'addressOrOff',
      default: `:${Port.operatorHealth}`,
      description: 'Where /healthz and /readyz answer; 0 is off.',
    },
    metricsAddress: { flag: 'metrics-bind-address', kind: 'addressOrOff', default: '0', description: 'Where /metrics answers; 0 is off.' },
    metricsSecure: {
      flag: 'metrics-secure',
      kind: 'boolean',
      default: 'true',
      description: 'Metrics over HTTPS with access review; only false works yet when metrics are on.',
    },
    concurrency: {
      flag: 'concurrency',
      kind: 'counts',
      default: 'batchsandbox=32;pool=16',
      description: 'Objects of each kind reconciled at once.',
    },
    kubeClientQps: {
      flag: 'kube-client-qps',
      kind: 'integer',
      default: '0',
      description: 'API requests a second in the long run; 0 is no limit of our own, the API server then sets the pace.',
    },
    kubeClientBurst: { flag: 'kube-client-burst', kind: 'integer', default: '200', min: 1, description: 'API requests that may go out at once.' },
    expectationTimeout: {
      flag: 'expectation-timeout',
      kind: 'duration',
      default: '5m',
      min: 1,
      description: 'Longest wait until an own create or delete is seen: everything is listed anew at least so often, and every 10 minutes.',
    },
    taskStopTimeout: {
      flag: 'task-stop-timeout',
      kind: 'duration',
      default: '30s',
      description: 'Longest wait for the tasks of a sandbox to stop before its pod is deleted anyway.',
    },
    importLegacyAllocations: {
      flag: 'import-legacy-allocations',
      kind: 'boolean',
      default: 'false',
      description: 'Take over the pods that the alloc-status annotation names, of batches that an operator before this one has served.',
    },
    recyclePodConcurrency: { env: EnvVar.recyclePodConcurrency, kind: 'integer', default: '64', min: 1, description: 'Returned pods restarted at once.' },
    signingKeyFile: {
      flag: 'executor-signing-key-file',
      kind: 'string',
      description: 'Ed25519 private key (PEM) that signs requests to executors; with two keys, the second is for pods from before the first.',
    },
    signingSecret: {
      flag: 'executor-signing-secret',
      kind: 'string',
      default: '',
      description: 'Secret in the namespace of the operator that holds such keys; the operator fills it if it is empty. Neither this nor a file means unsigned.',
    },
    logLevel: { flag: 'zap-log-level', kind: 'logLevel', default: 'info', description: 'debug, info, warn, error, or a number (1 is debug).' },
    zapDevel: withoutEffect('zap-devel', 'boolean'),
    zapEncoder: withoutEffect('zap-encoder', 'string'),
    zapStacktraceLevel: withoutEffect('zap-stacktrace-level', 'string'),
    zapTimeEncoding: withoutEffect('zap-time-encoding', 'string'),
  },
  (values) => [
    ...(values.metricsAddress !== undefined && values.metricsSecure
      ? [
          '--metrics-secure: expected false, since metrics are served by plain HTTP only, got true; ' +
            'add --metrics-secure=false, or --metrics-bind-address=0 to serve none',
        ]
      : []),
    ...(values.signingSecret !== '' && values.signingKeyFile !== undefined
      ? [`--executor-signing-secret: expected nothing beside --executor-signing-key-file, got '${values.signingSecret}'; leave one of the two out`]
      : []),
    ...(values.signingSecret !== '' && values.podNamespace === undefined
      ? [`${EnvVar.podNamespace}: expected the namespace of the Secret of --executor-signing-secret, got nothing`]
      : []),
    ...(values.leaderElect && values.podNamespace === undefined
      ? [`${EnvVar.podNamespace}: expected the namespace of the lease, since --leader-elect is on, got nothing`]
      : []),
  ],
);

/** Values of the operator's settings. */
export type OperatorSettings = SettingsOf<(typeof operatorSettings)['table']>;
