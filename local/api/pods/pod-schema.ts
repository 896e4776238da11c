import type { StructuralSchema } from '../structural-schema';

/** An object of which only some fields are known; the rest passes, as the version of a real cluster would decide about it. */
function partly(properties: Readonly<Record<string, StructuralSchema>>, required: readonly string[] = []): StructuralSchema {
  return { type: 'object', properties, required, 'x-kubernetes-preserve-unknown-fields': true };
}

const text: StructuralSchema = { type: 'string' };
const flag: StructuralSchema = { type: 'boolean' };
const seconds: StructuralSchema = { type: 'integer', minimum: 0 };
const listOf = (items: StructuralSchema): StructuralSchema => ({ type: 'array', items });
const mapOf = (additionalProperties: StructuralSchema): StructuralSchema => ({ type: 'object', additionalProperties });
const intOrText: StructuralSchema = { 'x-kubernetes-int-or-string': true };

const count: StructuralSchema = { type: 'integer', minimum: 0 };
/** A user or a group of Linux. */
const id: StructuralSchema = { type: 'integer', minimum: 0, maximum: 2_147_483_647 };
const securityContext = { runAsUser: id, runAsGroup: id, runAsNonRoot: flag };

const probe = partly({ initialDelaySeconds: count, timeoutSeconds: count, periodSeconds: count, successThreshold: count, failureThreshold: count });

const container = partly({
  name: text,
  image: text,
  command: listOf(text),
  args: listOf(text),
  workingDir: text,
  env: listOf(partly({ name: text, value: text }, ['name'])),
  ports: listOf(partly({ containerPort: { type: 'integer', minimum: 1, maximum: 65535 }, hostPort: { type: 'integer', minimum: 0, maximum: 65535 }, name: text, protocol: { type: 'string', enum: ['TCP', 'UDP', 'SCTP'], default: 'TCP' } }, ['containerPort'])),
  resources: { ...partly({ limits: mapOf(intOrText), requests: mapOf(intOrText) }), default: {} },
  volumeMounts: listOf(partly({ name: text, mountPath: text }, ['name', 'mountPath'])),
  imagePullPolicy: { type: 'string', enum: ['Always', 'IfNotPresent', 'Never'], default: 'IfNotPresent' },
  terminationMessagePath: { type: 'string', default: '/dev/termination-log' },
  terminationMessagePolicy: { type: 'string', enum: ['File', 'FallbackToLogsOnError'], default: 'File' },
  readinessProbe: probe,
  livenessProbe: probe,
  startupProbe: probe,
  stdin: flag,
  tty: flag,
  securityContext: partly({ ...securityContext, privileged: flag, allowPrivilegeEscalation: flag, readOnlyRootFilesystem: flag }),
});

const toleration = partly({ operator: { type: 'string', enum: ['Equal', 'Exists'] }, effect: { type: 'string', enum: ['NoSchedule', 'PreferNoSchedule', 'NoExecute'] }, tolerationSeconds: { type: 'integer' } });

/** Spec of a pod, with the defaults of a real API server. */
export const POD_SPEC: StructuralSchema = partly({
  containers: listOf(container),
  initContainers: listOf(container),
  volumes: listOf(partly({ name: text }, ['name'])),
  restartPolicy: { type: 'string', enum: ['Always', 'OnFailure', 'Never'], default: 'Always' },
  terminationGracePeriodSeconds: { ...seconds, default: 30 },
  activeDeadlineSeconds: { type: 'integer', minimum: 1 },
  dnsPolicy: { type: 'string', enum: ['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None'], default: 'ClusterFirst' },
  schedulerName: { type: 'string', default: 'default-scheduler' },
  securityContext: { ...partly({ ...securityContext, fsGroup: id, supplementalGroups: listOf(id) }), default: {} },
  enableServiceLinks: { type: 'boolean', default: true },
  tolerations: listOf(toleration),
  nodeSelector: mapOf(text),
  nodeName: text,
  serviceAccountName: text,
  hostname: text,
  subdomain: text,
  hostNetwork: flag,
  hostPID: flag,
  hostIPC: flag,
  shareProcessNamespace: flag,
  automountServiceAccountToken: flag,
});

const templateMetadata = partly({ labels: mapOf(text), annotations: mapOf(text) });

/** Template of pods inside a workload. */
export const POD_TEMPLATE: StructuralSchema = partly({ metadata: templateMetadata, spec: POD_SPEC }, ['spec']);
