import { executorSettings } from '../../src/schema/executor-settings';
import { imageName } from '../../src/schema/image-names';
import type { Container, PodTemplateSpec } from '../../src/schema/kubernetes';
import type { CreateSandboxRequest, VolumeRequest } from '../../src/schema/lifecycle-request';
import { EXECUTOR_CONTAINER, Port } from '../../src/schema/names';
import { runtimeClassOf, type ServerConfig } from '../../src/schema/server-config';

/** Name of the container that runs the entrypoint. */
export const SANDBOX_CONTAINER = 'sandbox';
/** Key of a limit that stands for a whole device. */
const GPU = { short: 'gpu', full: 'nvidia.com/gpu' } as const;
const EXECUTOR_RESOURCES = { requests: { cpu: '50m', memory: '64Mi' }, limits: { cpu: '500m', memory: '256Mi' } } as const;

/** What a pod is planned from beside the request. */
export interface PodPlanContext {
  readonly config: ServerConfig;
  /** Version of this package: that of the executor image by default. */
  readonly version: string;
  /** Template that pods begin with. @default - an empty one */
  readonly base?: PodTemplateSpec;
  /** Secret for the registry. @default - none */
  readonly pullSecret?: string;
}

/**
 * The pod of a sandbox without a pool: its own container, and the executor beside it, which runs the commands that SDKs send.
 *
 * Metadata of callers is not copied to it (L11), and it gets no account of the cluster (L12).
 *
 * @see docs/adr/0021-lifecycle-server.md
 */
export function planPod(request: CreateSandboxRequest, context: PodPlanContext): PodTemplateSpec {
  const { config, base, pullSecret } = context;
  const runtimeClassName = runtimeClassOf(config);
  const spec = base?.spec ?? {};
  const baseMain = spec.containers?.find(({ name }) => name === SANDBOX_CONTAINER);
  const others = (spec.containers ?? []).filter(({ name }) => name !== SANDBOX_CONTAINER && name !== EXECUTOR_CONTAINER);
  const volumes = (request.volumes ?? []).map(planVolume);
  return {
    ...base,
    spec: {
      automountServiceAccountToken: false,
      ...spec,
      shareProcessNamespace: true,
      ...(runtimeClassName !== undefined && { runtimeClassName }),
      ...(request.platform !== undefined && {
        nodeSelector: { ...(spec.nodeSelector as object | undefined), 'kubernetes.io/os': request.platform.os, 'kubernetes.io/arch': request.platform.arch },
      }),
      ...(pullSecret !== undefined && { imagePullSecrets: [...listOf(spec.imagePullSecrets), { name: pullSecret }] }),
      ...(volumes.length + listOf(spec.volumes).length > 0 && { volumes: [...listOf(spec.volumes), ...volumes] }),
      containers: [mainContainer(request, config, baseMain), ...others, executorContainer(context)],
    },
  };
}

function mainContainer(request: CreateSandboxRequest, config: ServerConfig, base: Container | undefined): Container {
  const limits = withGpu(request.resourceLimits ?? {});
  const requests = request.resourceRequests === undefined ? limits : withGpu(request.resourceRequests);
  const mounts = (request.volumes ?? []).map(({ name, mountPath, readOnly, subPath }) => ({ name, mountPath, readOnly, ...(subPath !== undefined && { subPath }) }));
  const variables = Object.entries(request.env ?? {}).map(([name, value]) => ({ name, value: value ?? '' }));
  return {
    ...base,
    name: SANDBOX_CONTAINER,
    image: request.image?.uri ?? '',
    imagePullPolicy: config.kubernetes.image_pull_policy,
    command: request.entrypoint,
    env: [...(base?.env ?? []), ...variables],
    resources: { limits, requests },
    ...(mounts.length + listOf(base?.volumeMounts).length > 0 && { volumeMounts: [...listOf(base?.volumeMounts), ...mounts] }),
  };
}

/** As the constructs render it; the operator completes it with keys and mode. */
function executorContainer({ config, version }: PodPlanContext): Container {
  const { limits, requests } = config.kubernetes.execd_init_resources ?? {};
  const { execd_access_token_secret: secret, execd_access_token_key: key } = config.runtime;
  return {
    name: EXECUTOR_CONTAINER,
    image: config.runtime.execd_image ?? imageName('sandbox-executor', version),
    imagePullPolicy: config.kubernetes.image_pull_policy,
    ...(secret !== undefined && { env: [{ name: executorSettings.table.accessToken.env, valueFrom: { secretKeyRef: { name: secret, key } } }] }),
    ports: [
      { name: 'executor', containerPort: Port.executor, protocol: 'TCP' },
      { name: 'execd', containerPort: Port.execd, protocol: 'TCP' },
    ],
    resources: { requests: requests ?? EXECUTOR_RESOURCES.requests, limits: limits ?? EXECUTOR_RESOURCES.limits },
    // Root with the default capabilities and SYS_PTRACE is what entering the container of the sandbox takes.
    securityContext: { runAsNonRoot: false, runAsUser: 0, readOnlyRootFilesystem: true, capabilities: { add: ['SYS_PTRACE'] } },
    startupProbe: { tcpSocket: { port: Port.executor }, periodSeconds: 1, failureThreshold: 60 },
    readinessProbe: { httpGet: { path: '/health', port: Port.executor }, timeoutSeconds: 5, periodSeconds: 10 },
  };
}

function planVolume({ name, host, pvc, readOnly }: VolumeRequest): object {
  if (host !== undefined) return { name, hostPath: { path: host.path } };
  return { name, persistentVolumeClaim: { claimName: pvc?.claimName ?? '', readOnly } };
}

function withGpu(amounts: Readonly<Record<string, string | number>>): Record<string, string> {
  return Object.fromEntries(Object.entries(amounts).map(([key, amount]) => [key === GPU.short ? GPU.full : key, String(amount)]));
}

function listOf(value: unknown): readonly object[] {
  return Array.isArray(value) ? (value as object[]) : [];
}
