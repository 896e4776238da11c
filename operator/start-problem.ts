import type { Pod } from '../src/schema/kubernetes';

/** Words for what keeps a pod from becoming Ready. */
export const START_PROBLEM_REASONS = ['ImagePull', 'Unschedulable', 'PodsFailing'] as const;

/** What keeps a pod from becoming Ready, in a word and in the words of whoever found it. */
export interface StartProblem {
  readonly reason: (typeof START_PROBLEM_REASONS)[number];
  readonly message: string;
}

/** Reasons for which a container waits, when the wait does not end by itself soon. */
const REASONS: ReadonlyMap<string, StartProblem['reason']> = new Map([
  ['ErrImagePull', 'ImagePull'],
  ['ImagePullBackOff', 'ImagePull'],
  ['InvalidImageName', 'ImagePull'],
  ['ErrImageNeverPull', 'ImagePull'],
  ['ImageInspectError', 'ImagePull'],
  ['CrashLoopBackOff', 'PodsFailing'],
  ['CreateContainerConfigError', 'PodsFailing'],
  ['CreateContainerError', 'PodsFailing'],
  ['RunContainerError', 'PodsFailing'],
]);

/** Reads what keeps a pod from becoming Ready; `undefined` when nothing is known to. */
export function startProblem({ status }: Pod): StartProblem | undefined {
  const scheduled = status?.conditions?.find(({ type }) => type === 'PodScheduled');
  if (scheduled?.status === 'False' && scheduled.reason === 'Unschedulable') {
    return { reason: 'Unschedulable', message: scheduled.message ?? 'no node takes it' };
  }
  const containers = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
  for (const { name, state } of containers) {
    const reason = REASONS.get(state?.waiting?.reason ?? '');
    if (reason !== undefined) return { reason, message: `container '${name}': ${state?.waiting?.message ?? state?.waiting?.reason ?? ''}` };
  }
  if (status?.phase !== 'Failed' && status?.phase !== 'Succeeded') return undefined;
  const ended = containers.find(({ state }) => (state?.terminated?.exitCode ?? 0) !== 0);
  const why = ended === undefined ? status.message ?? status.reason : `container '${ended.name}' ended with exit code ${ended.state?.terminated?.exitCode ?? 0}`;
  return { reason: 'PodsFailing', message: `it ended in phase ${status.phase}${why === undefined ? '' : `: ${why}`}` };
}
