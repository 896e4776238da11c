import type { Problem } from '../../src/schema/errors';
import { EXECUTOR_CONTAINER } from '../../src/schema/names';
import { isGiven, listOf, recordOf, refused } from './refused';

/** The one capability that may be added, by the executor of a pod that shares its processes: it enters the others. */
const EXECUTOR_CAPABILITY = 'SYS_PTRACE';
/** Types of SELinux that keep a container in its bounds. @see https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline */
const SELINUX_TYPES: readonly unknown[] = ['container_t', 'container_init_t', 'container_kvm_t', 'container_engine_t'];
/** What the kubelet does for a container: probes, and handlers of its life. */
const PROBES = ['livenessProbe', 'readinessProbe', 'startupProbe'] as const;
const HANDLERS = ['postStart', 'preStop'] as const;
/** Actions of them that may name a host. */
const CALLS = ['httpGet', 'tcpSocket'] as const;

type Fields = Readonly<Record<string, unknown>>;

/**
 * What in a container reaches beyond its pod (L34).
 *
 * @param path of the container in the template
 * @param shares whether the containers of the pod share their processes
 */
export function containerProblems(path: string, container: Fields, shares: boolean): Problem[] {
  const context = recordOf(container.securityContext);
  const at = `${path}.securityContext`;
  const mayTrace = shares && container.name === EXECUTOR_CONTAINER;
  return [
    ...(context.privileged === true ? [refused(`${at}.privileged`, 'false', true)] : []),
    ...(isGiven(context.procMount) && context.procMount !== 'Default' ? [refused(`${at}.procMount`, "'Default'", context.procMount)] : []),
    ...listOf(recordOf(context.capabilities).add)
      .filter((name) => !(mayTrace && name === EXECUTOR_CAPABILITY))
      .map((name) => refused(`${at}.capabilities.add`, `none, but ${EXECUTOR_CAPABILITY} for the container '${EXECUTOR_CONTAINER}' beside shareProcessNamespace`, name)),
    ...profileProblems(at, context),
    ...secretProblems(path, container),
    ...listOf(container.ports).flatMap((port, index) => (isGiven(recordOf(port).hostPort) ? [refused(`${path}.ports[${index}].hostPort`, 'no port of the node', recordOf(port).hostPort)] : [])),
    ...PROBES.flatMap((probe) => hostProblems(`${path}.${probe}`, recordOf(container[probe]))),
    ...HANDLERS.flatMap((handler) => hostProblems(`${path}.lifecycle.${handler}`, recordOf(recordOf(container.lifecycle)[handler]))),
  ];
}

/** What a security context, of a pod or of a container, takes off that the node puts around them. */
export function profileProblems(path: string, context: Fields): Problem[] {
  const { type, user, role } = recordOf(context.seLinuxOptions);
  const unconfined = (['seccompProfile', 'appArmorProfile'] as const).filter((field) => recordOf(context[field]).type === 'Unconfined');
  return [
    ...unconfined.map((field) => refused(`${path}.${field}.type`, 'a profile', 'Unconfined')),
    ...(isGiven(type) && !SELINUX_TYPES.includes(type) ? [refused(`${path}.seLinuxOptions.type`, `one of ${SELINUX_TYPES.join(', ')}`, type)] : []),
    ...Object.entries({ user, role }).flatMap(([field, value]) => (isGiven(value) ? [refused(`${path}.seLinuxOptions.${field}`, 'none', value)] : [])),
    ...(recordOf(context.windowsOptions).hostProcess === true ? [refused(`${path}.windowsOptions.hostProcess`, 'false', true)] : []),
  ];
}

/** The kubelet reads them for the pod, by its own rights. */
function secretProblems(path: string, { env, envFrom }: Fields): Problem[] {
  const found = [
    ...listOf(env).map((variable, index) => [`env[${index}].valueFrom.secretKeyRef`, recordOf(recordOf(variable).valueFrom).secretKeyRef] as const),
    ...listOf(envFrom).map((source, index) => [`envFrom[${index}].secretRef`, recordOf(source).secretRef] as const),
  ];
  return found.flatMap(([field, reference]) => (isGiven(reference) ? [refused(`${path}.${field}`, 'no Secret', reference)] : []));
}

/** The kubelet calls from the node, so that a host of its own lets a template ask whatever the node reaches. */
function hostProblems(path: string, action: Fields): Problem[] {
  return CALLS.flatMap((call) => {
    const { host } = recordOf(action[call]);
    return isGiven(host) ? [refused(`${path}.${call}.host`, 'nothing, which is the pod', host)] : [];
  });
}
