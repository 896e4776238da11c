import type { Problem } from '../../src/schema/errors';
import { OPERATOR_LABELS, SERVER_LABELS } from '../../src/schema/names';
import { podTemplate } from '../../src/schema/pod-template';
import { parse } from '../../src/schema/validation';
import { containerProblems, profileProblems } from './container-check';
import { isGiven, listOf, recordOf, refused } from './refused';
import { volumeProblems } from './volume-check';

/** Lists of containers of a pod. */
const CONTAINER_LISTS = ['containers', 'initContainers', 'ephemeralContainers'] as const;
/** Front of the annotations that older Kubernetes reads profiles from. */
const PROFILE_ANNOTATIONS = ['container.apparmor.security.beta.kubernetes.io/', 'seccomp.security.alpha.kubernetes.io/', 'container.seccomp.security.alpha.kubernetes.io/'];
/** Labels by which Services and policies find the pods of our programs: a pod with them would be sent what is theirs, such as API keys. */
const OUR_LABELS = [OPERATOR_LABELS, SERVER_LABELS].flatMap((labels) => Object.entries(labels));
/** Front of the priorities that put out other pods, those of the cluster among them. */
const SYSTEM_PRIORITY = 'system-';

/** What is wrong with the template of a pool, as far as it can be told before any pod is made: its structure (L35). */
export function structureProblems(template: unknown): Problem[] {
  const parsed = parse(podTemplate, template);
  return parsed.ok ? [] : parsed.problems.map((problem) => ({ ...problem, path: problem.path === '' ? 'template' : `template.${problem.path}` }));
}

/**
 * What in a template reaches beyond its pod: privileges, the node, its files and addresses, accounts of the cluster, Secrets, and what is sent to our
 * own programs (L34). Whoever has the API key could otherwise have any node, and the keys that lie in the namespace.
 *
 * @param runtimeClass the one that sandboxes run in; undefined leaves the choice to the template
 */
export function privilegeProblems(template: unknown, runtimeClass?: string): Problem[] {
  const spec = recordOf(recordOf(template).spec);
  const shares = spec.shareProcessNamespace === true;
  return [
    ...metadataProblems(recordOf(recordOf(template).metadata)),
    ...(['hostNetwork', 'hostPID', 'hostIPC'] as const).filter((field) => spec[field] === true).map((field) => refused(`spec.${field}`, 'false', true)),
    ...accountProblems(spec),
    ...(isGiven(spec.nodeName) ? [refused('spec.nodeName', 'no node by name', spec.nodeName)] : []),
    ...(String(spec.priorityClassName ?? '').startsWith(SYSTEM_PRIORITY) ? [refused('spec.priorityClassName', `no class '${SYSTEM_PRIORITY}…'`, spec.priorityClassName)] : []),
    ...(runtimeClass !== undefined && isGiven(spec.runtimeClassName) && spec.runtimeClassName !== runtimeClass
      ? [refused('spec.runtimeClassName', `'${runtimeClass}', as secure_runtime says, or nothing`, spec.runtimeClassName)]
      : []),
    ...profileProblems('spec.securityContext', recordOf(spec.securityContext)),
    ...listOf(recordOf(spec.securityContext).sysctls).map((_, index) => refused(`spec.securityContext.sysctls[${index}]`, 'none', 'a setting of the kernel')),
    ...listOf(spec.volumes).flatMap((volume, index) => volumeProblems(`spec.volumes[${index}]`, recordOf(volume))),
    ...CONTAINER_LISTS.flatMap((list) => listOf(spec[list]).flatMap((container, index) => containerProblems(`spec.${list}[${index}]`, recordOf(container), shares))),
  ];
}

/**
 * A template with what sandboxes without a pool have too, where it says nothing itself: no token of an account of the cluster (L12), and the runtime class of
 * `secure_runtime`.
 */
export function completeTemplate(template: Readonly<Record<string, unknown>>, runtimeClass?: string): Record<string, unknown> {
  const spec = recordOf(template.spec);
  const runtime = runtimeClass !== undefined && !isGiven(spec.runtimeClassName) ? { runtimeClassName: runtimeClass } : {};
  return { ...template, spec: { ...spec, automountServiceAccountToken: spec.automountServiceAccountToken ?? false, ...runtime } };
}

/** Every pod has an account, and may do with its token what the account may. */
function accountProblems(spec: Readonly<Record<string, unknown>>): Problem[] {
  const named = (['serviceAccountName', 'serviceAccount'] as const).filter((field) => isGiven(spec[field]) && spec[field] !== 'default');
  return [
    ...named.map((field) => refused(`spec.${field}`, 'no account of the cluster', spec[field])),
    ...(spec.automountServiceAccountToken === true ? [refused('spec.automountServiceAccountToken', 'false', true)] : []),
  ];
}

function metadataProblems({ labels, annotations, finalizers }: Readonly<Record<string, unknown>>): Problem[] {
  const given = recordOf(labels);
  return [
    ...OUR_LABELS.filter(([key, value]) => given[key] === value).map(([key, value]) => refused(`metadata.labels['${key}']`, 'no label of the operator or the server', value)),
    ...Object.entries(recordOf(annotations))
      .filter(([key, value]) => PROFILE_ANNOTATIONS.some((front) => key.startsWith(front)) && value === 'unconfined')
      .map(([key]) => refused(`metadata.annotations['${key}']`, 'a profile', 'unconfined')),
    // Pods with one stay until somebody takes it off.
    ...listOf(finalizers).map((finalizer, index) => refused(`metadata.finalizers[${index}]`, 'none', finalizer)),
  ];
}
