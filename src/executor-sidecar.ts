import { type ContainerResources } from 'cdk8s-plus-28';
import { type AccessToken, accessTokenRef, checkAccessToken } from './access-token';
import { renderResources } from './container-resources';
import { checkImage, defaultImage } from './images';
import { type Problems } from './problems';
import { completeExecutor, EXECUTOR_DATA_VOLUME } from './schema/executor-pod';
import { executorSettings } from './schema/executor-settings';
import { type Container, type PodSpec, type PodTemplateSpec } from './schema/kubernetes';
import { EXECUTOR_CONTAINER, Port } from './schema/names';
import { isRecord } from './schema/validation';

/**
 * The executor container that runs the tasks of a sandbox. The operator gives it the key that it knows the operator by.
 *
 * Tasks have files, user, environment and capabilities of the main container, but the executor container's seccomp and AppArmor
 * profile, resource limits (rlimits too) and umask. With `enterMainContainer: false` they run in the executor container altogether.
 */
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
   * Whether tasks run in the main container. That takes root, the capability SYS_PTRACE and a process namespace that the containers share.
   *
   * Without it they run in the executor container, as its user 65532, and see what its `image` holds: one of your own that is built
   * from that of the executor. Such a pod shares nothing, has no capability, and satisfies the Pod Security Standard `restricted`
   * when the template does.
   *
   * @default true
   */
  readonly enterMainContainer?: boolean;

  /**
   * Resources of the executor container. Tasks run inside these limits, so size them for the tasks. CPU or memory that is given
   * replaces both its request and its limit.
   *
   * @default - 50m CPU and 64Mi requested, limited to 500m and 256Mi
   */
  readonly resources?: ContainerResources;

  /**
   * Token that the executor asks of whoever wants commands and files of the sandbox, on port 44772. What runs in the main container cannot read it; a
   * task in the executor's own container could, so it is refused beside `enterMainContainer: false`.
   *
   * @default - everybody who reaches the port may ask
   */
  readonly accessToken?: AccessToken;
}

const OPTIONS: Readonly<Record<keyof ExecutorOptions, true>> = {
  image: true,
  imagePullPolicy: true,
  mainContainer: true,
  enterMainContainer: true,
  resources: true,
  accessToken: true,
};

/** Checks the `executor` prop as the user wrote it. */
export function isExecutorOptions(problems: Problems, options: unknown): options is ExecutorOptions {
  if (!problems.checkKeys('executor', options, Object.keys(OPTIONS))) {
    return false;
  }
  checkImage(problems, 'executor', options);
  checkAccessToken(problems, 'executor.accessToken', options.accessToken);
  const { mainContainer, enterMainContainer, accessToken } = options;
  if (mainContainer !== undefined && (typeof mainContainer !== 'string' || mainContainer === '')) {
    problems.add('executor.mainContainer', 'text', mainContainer);
  }
  if (enterMainContainer !== undefined && typeof enterMainContainer !== 'boolean') {
    problems.add('executor.enterMainContainer', 'true or false', enterMainContainer);
  } else if (enterMainContainer === false && mainContainer !== undefined) {
    problems.add('executor.mainContainer', 'nothing beside enterMainContainer: false', mainContainer);
  }
  if (enterMainContainer === false && accessToken !== undefined) {
    problems.addKind('executor.accessToken', 'nothing beside enterMainContainer: false', accessToken, 'tasks beside the executor, as its user, could read it');
  }
  return true;
}

/** The template with the executor beside its containers; the template as it is, with a problem, when that cannot be. */
export function withExecutor(problems: Problems, template: PodTemplateSpec, options: ExecutorOptions): PodTemplateSpec {
  const containers = template.spec?.containers;
  if (!Array.isArray(containers)) {
    return template;
  }
  const { mainContainer = containers[0]?.name, enterMainContainer = true, ...executor } = options;
  const main = containers.find((container: Container) => isRecord(container) && container.name === mainContainer);
  if (main === undefined && enterMainContainer) {
    problems.add('executor.mainContainer', 'the name of a container of the template', mainContainer);
    return template;
  }
  const { initContainers, volumes: ownVolumes, hostPID } = template.spec ?? {};
  if (hasNamed([...containers, ...listOf(initContainers)], EXECUTOR_CONTAINER)) {
    problems.add('executor', `a template without a container named '${EXECUTOR_CONTAINER}'`, EXECUTOR_CONTAINER, 'leave executor out, or rename the container');
    return template;
  }
  if (hasNamed(ownVolumes, EXECUTOR_DATA_VOLUME)) {
    problems.add('executor', `a template without a volume named '${EXECUTOR_DATA_VOLUME}'`, EXECUTOR_DATA_VOLUME, 'rename the volume');
  }
  if (hostPID === true && enterMainContainer) {
    problems.add('executor', 'a template without hostPID', true, 'Kubernetes allows no shared process namespace beside it');
  }
  const role = main !== undefined && enterMainContainer ? besideMain(main.name, executor.accessToken) : STANDING_ALONE;
  const spec = {
    ...template.spec,
    ...role.pod,
    containers: [...containers, { ...executorContainer(problems, executor), ...role.container }],
  };
  return { ...template, spec: completeExecutor(spec) };
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

const SIDECAR_MODE = executorSettings.table.sidecarMode.env;

/** What an executor needs of its pod, and how it is run. */
interface ExecutorRole {
  readonly pod: PodSpec;
  readonly container: Pick<Container, 'env' | 'securityContext'>;
}

/** In sidecar mode. */
const besideMain = (mainContainer: string, accessToken: AccessToken | undefined): ExecutorRole => ({
  // The executor finds the main container's processes and enters its root directory.
  pod: { shareProcessNamespace: true },
  container: {
    env: [
      { name: SIDECAR_MODE, value: 'true' },
      { name: executorSettings.table.mainContainerName.env, value: mainContainer },
      ...(accessToken === undefined ? [] : [{ name: executorSettings.table.accessToken.env, valueFrom: { secretKeyRef: accessTokenRef(accessToken) } }]),
    ],
    securityContext: {
      // Root with the default capabilities and SYS_PTRACE is what entering the main container takes; a task runs as its user.
      runAsNonRoot: false,
      runAsUser: 0,
      // All that it writes is in the volume of its records.
      readOnlyRootFilesystem: true,
      capabilities: { add: ['SYS_PTRACE'] },
    },
  },
});

/** In host mode: everything that the Pod Security Standard `restricted` asks for. Its files are those of its tasks, which may write them. */
const STANDING_ALONE: ExecutorRole = {
  pod: {},
  container: {
    env: [{ name: SIDECAR_MODE, value: 'false' }], // also where the template has its containers share their processes
    securityContext: {
      runAsNonRoot: true,
      runAsUser: 65532,
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      seccompProfile: { type: 'RuntimeDefault' },
    },
  },
};

function executorContainer(problems: Problems, options: ExecutorOptions): Container {
  return {
    name: EXECUTOR_CONTAINER,
    image: options.image ?? defaultImage('sandbox-executor'),
    imagePullPolicy: options.imagePullPolicy ?? 'IfNotPresent',
    ports: [{ name: 'executor', containerPort: Port.executor, protocol: 'TCP' }],
    resources: renderResources(problems, 'executor.resources', options.resources, {
      requests: { cpu: '50m', memory: '64Mi' },
      limits: { cpu: '500m', memory: '256Mi' },
    }),
    // Often only until it has started: probes of a hundred idle sandboxes are a load for their node. It has started when it listens: an
    // executor that is not healthy, since it cannot read a record, is repaired by a reset and not by a restart.
    startupProbe: { tcpSocket: { port: Port.executor }, periodSeconds: 1, failureThreshold: 60 },
    readinessProbe: { httpGet: { path: '/health', port: Port.executor }, timeoutSeconds: 5, periodSeconds: 10 }, // late when tasks have the processors
  };
}

function hasNamed(items: unknown, wanted: string): boolean {
  return listOf(items).some((item) => isRecord(item) && item.name === wanted);
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}
