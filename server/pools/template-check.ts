import { type Problem, showValue } from '../../src/schema/errors';
import { podTemplate } from '../../src/schema/pod-template';
import { isRecord, parse } from '../../src/schema/validation';

/** Lists of containers of a pod. */
const CONTAINER_LISTS = ['containers', 'initContainers', 'ephemeralContainers'] as const;
/** The one capability that may be added, by a pod that shares its processes: the executor needs it. */
const EXECUTOR_CAPABILITY = 'SYS_PTRACE';
/** Front of the annotations that older Kubernetes reads profiles from. */
const PROFILE_ANNOTATIONS = ['container.apparmor.security.beta.kubernetes.io/', 'seccomp.security.alpha.kubernetes.io/', 'container.seccomp.security.alpha.kubernetes.io/'];

/** What is wrong with the template of a pool, as far as it can be told before any pod is made: its structure (L35). */
export function structureProblems(template: unknown): Problem[] {
  const parsed = parse(podTemplate, template);
  return parsed.ok ? [] : parsed.problems.map((problem) => ({ ...problem, path: problem.path === '' ? 'template' : `template.${problem.path}` }));
}

/**
 * What in a template reaches beyond its pod: privileges, the node, its files and addresses, and accounts of the cluster (L34). Whoever has the
 * API key could otherwise have any node.
 */
export function privilegeProblems(template: unknown): Problem[] {
  const spec = recordOf(recordOf(template).spec);
  const annotations = Object.entries(recordOf(recordOf(recordOf(template).metadata).annotations));
  const shares = spec.shareProcessNamespace === true;
  return [
    ...(['hostNetwork', 'hostPID', 'hostIPC'] as const).filter((field) => spec[field] === true).map((field) => refused(`spec.${field}`, 'false', true)),
    ...(['serviceAccountName', 'serviceAccount'] as const).filter((field) => isNamed(spec[field])).map((field) => refused(`spec.${field}`, 'no account of the cluster', spec[field])),
    ...(isNamed(spec.nodeName) ? [refused('spec.nodeName', 'no node by name', spec.nodeName)] : []),
    ...profileProblems('spec.securityContext', recordOf(spec.securityContext)),
    ...listOf(recordOf(spec.securityContext).sysctls).map((_, index) => refused(`spec.securityContext.sysctls[${index}]`, 'none', 'a setting of the kernel')),
    ...listOf(spec.volumes).flatMap((volume, index) => (recordOf(volume).hostPath === undefined ? [] : [refused(`spec.volumes[${index}].hostPath`, 'no path of the node', recordOf(recordOf(volume).hostPath).path)])),
    ...annotations
      .filter(([key, value]) => PROFILE_ANNOTATIONS.some((front) => key.startsWith(front)) && value === 'unconfined')
      .map(([key]) => refused(`metadata.annotations['${key}']`, 'a profile', 'unconfined')),
    ...CONTAINER_LISTS.flatMap((list) => listOf(spec[list]).flatMap((container, index) => containerProblems(`spec.${list}[${index}]`, recordOf(container), shares))),
  ];
}

function containerProblems(path: string, container: Readonly<Record<string, unknown>>, shares: boolean): Problem[] {
  const context = recordOf(container.securityContext);
  const added = listOf(recordOf(context.capabilities).add);
  const at = `${path}.securityContext`;
  return [
    ...(context.privileged === true ? [refused(`${at}.privileged`, 'false', true)] : []),
    ...(context.procMount === undefined || context.procMount === 'Default' ? [] : [refused(`${at}.procMount`, "'Default'", context.procMount)]),
    ...added.filter((name) => !(shares && name === EXECUTOR_CAPABILITY)).map((name) => refused(`${at}.capabilities.add`, `none, but ${EXECUTOR_CAPABILITY} beside shareProcessNamespace`, name)),
    ...profileProblems(at, context),
    ...listOf(container.ports).flatMap((port, index) => (isPort(recordOf(port).hostPort) ? [refused(`${path}.ports[${index}].hostPort`, 'no port of the node', recordOf(port).hostPort)] : [])),
  ];
}

function profileProblems(path: string, context: Readonly<Record<string, unknown>>): Problem[] {
  const unconfined = (['seccompProfile', 'appArmorProfile'] as const).filter((field) => recordOf(context[field]).type === 'Unconfined');
  return [
    ...unconfined.map((field) => refused(`${path}.${field}.type`, 'a profile', 'Unconfined')),
    ...(recordOf(context.windowsOptions).hostProcess === true ? [refused(`${path}.windowsOptions.hostProcess`, 'false', true)] : []),
  ];
}

function refused(path: string, expected: string, got: unknown): Problem {
  return { path: `template.${path}`, expected: `${expected} (pools.allow_privileged is off)`, got: showValue(got) };
}

const isNamed = (value: unknown): boolean => value !== undefined && value !== null && value !== '' && value !== 'default';
const isPort = (value: unknown): boolean => value !== undefined && value !== null && value !== 0;
const recordOf = (value: unknown): Readonly<Record<string, unknown>> => (isRecord(value) ? value : {});
const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? (value as unknown[]) : []);
