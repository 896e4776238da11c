import { type ContainerResources, type IConfigMap } from 'cdk8s-plus-28';
import { renderResources } from './container-resources';
import { checkImage, defaultImage } from './images';
import { DATA_KEY_SENTENCE, isDataKey } from './kube-syntax';
import { type Problems } from './problems';
import { type Container, type PodSpec, type PodTemplateSpec } from './schema/kubernetes';
import { EnvVar, EXECUTOR_CONTAINER, Port } from './schema/names';
import { isRecord } from './schema/validation';

/** The executor container that runs the tasks of a sandbox. */
export interface ExecutorOptions {
  /**
   * Image of the executor.
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
   * Name of the container whose files tasks see, and as whose user they run.
   *
   * @default - the first container of the template
   */
  readonly mainContainer?: string;

  /**
   * Resources of the executor container. Tasks run inside these limits, so size them for the tasks. CPU or memory that is given
   * replaces both its request and its limit.
   *
   * @default - 50m CPU and 64Mi requested, limited to 500m and 256Mi
   */
  readonly resources?: ContainerResources;

  /**
   * Public key that requests to the executor must be signed for.
   *
   * Give the operator the private key too (`--executor-signing-key-file`), or it cannot reach the executor.
   *
   * @default - requests are not authenticated: whoever reaches the pod's port 5758 can run commands in it
   * @see shared/reference/executor.md rules 25 to 27
   */
  readonly authPublicKey?: ExecutorPublicKey;
}

/** Where the public key of the operator is kept. */
export interface ExecutorPublicKey {
  /** ConfigMap in the namespace of the pods. */
  readonly configMap: IConfigMap;

  /**
   * Key of the ConfigMap whose value is an Ed25519 public key in PEM.
   *
   * @default 'public.pem'
   */
  readonly key?: string;
}

const OPTIONS: Readonly<Record<keyof ExecutorOptions, true>> = {
  image: true,
  imagePullPolicy: true,
  mainContainer: true,
  resources: true,
  authPublicKey: true,
};

/** Where the executor keeps its records; it is the executor's own default. */
const DATA_DIR = '/var/lib/sandbox/tasks';
const DATA_VOLUME = 'sandbox-tasks';
const KEY_DIR = '/etc/sandbox/executor-key';
const KEY_VOLUME = 'sandbox-executor-key';

/** Checks the `executor` prop as the user wrote it. */
export function isExecutorOptions(problems: Problems, options: unknown): options is ExecutorOptions {
  if (!problems.checkKeys('executor', options, Object.keys(OPTIONS))) {
    return false;
  }
  checkImage(problems, 'executor', options);
  const { mainContainer } = options;
  if (mainContainer !== undefined && (typeof mainContainer !== 'string' || mainContainer === '')) {
    problems.add('executor.mainContainer', 'text', mainContainer);
  }
  return true;
}

/** The template with the executor beside its containers; the template as it is, with a problem, when that cannot be. */
export function withExecutor(problems: Problems, template: PodTemplateSpec, options: ExecutorOptions): PodTemplateSpec {
  const containers = template.spec?.containers;
  if (!Array.isArray(containers)) {
    return template;
  }
  const { mainContainer = containers[0]?.name, ...executor } = options;
  const main = containers.find((container: Container) => isRecord(container) && container.name === mainContainer);
  if (main === undefined) {
    problems.add('executor.mainContainer', 'the name of a container of the template', mainContainer);
    return template;
  }
  const { initContainers, volumes: ownVolumes, hostPID } = template.spec ?? {};
  if (hasNamed([...containers, ...listOf(initContainers)], EXECUTOR_CONTAINER)) {
    problems.add('executor', `a template without a container named '${EXECUTOR_CONTAINER}'`, EXECUTOR_CONTAINER, 'leave executor out, or rename the container');
    return template;
  }
  for (const name of [DATA_VOLUME, KEY_VOLUME].filter((reserved) => hasNamed(ownVolumes, reserved))) {
    problems.add('executor', `a template without a volume named '${name}'`, name, 'rename the volume');
  }
  if (hostPID === true) {
    problems.add('executor', 'a template without hostPID', true, 'Kubernetes allows no shared process namespace beside it');
  }
  const marked = containers.map((container: Container) => (container === main ? withMarker(container) : container));
  const spec: PodSpec = {
    ...template.spec,
    // The executor finds the main container's processes and enters its root directory.
    shareProcessNamespace: true,
    containers: [...marked, executorContainer(problems, main.name, executor)],
    volumes: [...listOf(ownVolumes), ...volumes(problems, executor.authPublicKey)],
  };
  return { ...template, spec };
}

/** Whether the pod has an executor: ours, or one of its own on the executor's port. */
export function hasExecutor(template: PodTemplateSpec | undefined): boolean {
  return listOf(template?.spec?.containers)
    .filter(isRecord)
    .some(
      ({ name, ports }) =>
        name === EXECUTOR_CONTAINER || listOf(ports).some((port) => isRecord(port) && port.containerPort === Port.executor),
    );
}

function withMarker(container: Container): Container {
  const others = listOf(container.env).filter((variable) => !isRecord(variable) || variable.name !== EnvVar.mainContainer);
  return { ...container, env: [...(others as NonNullable<Container['env']>), { name: EnvVar.mainContainer, value: container.name }] };
}

function executorContainer(problems: Problems, mainContainer: string, options: ExecutorOptions): Container {
  const { authPublicKey } = options;
  return {
    name: EXECUTOR_CONTAINER,
    image: options.image ?? defaultImage('sandbox-executor'),
    imagePullPolicy: options.imagePullPolicy ?? 'IfNotPresent',
    ports: [{ name: 'executor', containerPort: Port.executor, protocol: 'TCP' }],
    env: [
      { name: 'ENABLE_SIDECAR_MODE', value: 'true' },
      { name: 'MAIN_CONTAINER_NAME', value: mainContainer },
      { name: EnvVar.podUid, valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.uid' } } },
      authPublicKey === undefined
        ? { name: 'ALLOW_UNAUTHENTICATED', value: 'true' }
        : { name: 'AUTH_PUBLIC_KEY_FILE', value: `${KEY_DIR}/${keyOf(authPublicKey)}` },
    ],
    resources: renderResources(problems, 'executor.resources', options.resources, {
      requests: { cpu: '50m', memory: '64Mi' },
      limits: { cpu: '500m', memory: '256Mi' },
    }),
    readinessProbe: { httpGet: { path: '/health', port: Port.executor }, periodSeconds: 2 },
    securityContext: {
      // Root, with SYS_CHROOT from the default set and SYS_PTRACE, is what entering the main container takes; a task runs as its user.
      runAsNonRoot: false,
      runAsUser: 0,
      capabilities: { add: ['SYS_PTRACE'] },
    },
    volumeMounts: [
      { name: DATA_VOLUME, mountPath: DATA_DIR },
      ...(authPublicKey === undefined ? [] : [{ name: KEY_VOLUME, mountPath: KEY_DIR, readOnly: true }]),
    ],
  };
}

function volumes(problems: Problems, authPublicKey: ExecutorPublicKey | undefined): unknown[] {
  const data = { name: DATA_VOLUME, emptyDir: {} };
  if (authPublicKey === undefined) {
    return [data];
  }
  if (!problems.checkKeys('executor.authPublicKey', authPublicKey, ['configMap', 'key']) || typeof authPublicKey.configMap?.name !== 'string') {
    problems.add('executor.authPublicKey.configMap', 'a ConfigMap', isRecord(authPublicKey) ? authPublicKey.configMap : authPublicKey);
    return [data];
  }
  const key = keyOf(authPublicKey);
  if (!isDataKey(key)) {
    problems.add('executor.authPublicKey.key', DATA_KEY_SENTENCE, key);
  }
  return [data, { name: KEY_VOLUME, configMap: { name: authPublicKey.configMap.name, items: [{ key, path: key }] } }];
}

function keyOf(authPublicKey: ExecutorPublicKey): string {
  return (isRecord(authPublicKey) ? authPublicKey.key : undefined) ?? 'public.pem';
}

function hasNamed(items: unknown, wanted: string): boolean {
  return listOf(items).some((item) => isRecord(item) && item.name === wanted);
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}
