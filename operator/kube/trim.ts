import type { ContainerStatus, KubeObject, ObjectMeta, Pod, PodSpec, PodStatus } from '../../src/schema/kubernetes';
import { Annotation } from '../../src/schema/names';

/** Conditions of a pod that somebody reads. */
const POD_CONDITIONS = ['Ready', 'PodScheduled'];

/** An object without what only servers read. Annotations stay, kubectl's copy of what was applied too: they share one limit (R132). */
export function trimObject<T extends KubeObject>(object: T): T {
  const { managedFields: _managedFields, ...metadata } = object.metadata as ObjectMeta & { readonly managedFields?: unknown };
  return { ...object, metadata };
}

/** A pod cut down to what ledger and controllers read: a whole one costs several times the memory. */
export function trimPod(pod: Pod): Pod {
  const { managedFields: _managedFields, annotations = {}, ...metadata } = pod.metadata as ObjectMeta & { readonly managedFields?: unknown };
  const restartRecord = annotations[Annotation.restartRecord];
  return {
    metadata: restartRecord === undefined ? metadata : { ...metadata, annotations: { [Annotation.restartRecord]: restartRecord } },
    ...trimPodSpec(pod.spec),
    ...(pod.status === undefined ? {} : { status: trimPodStatus(pod.status, pod.spec?.activeDeadlineSeconds !== undefined) }),
  };
}

function trimPodSpec({ nodeName, activeDeadlineSeconds }: PodSpec = {}): Pick<Pod, 'spec'> {
  const spec = withoutUndefined<PodSpec>({ nodeName, activeDeadlineSeconds });
  return Object.keys(spec).length === 0 ? {} : { spec };
}

function trimPodStatus(status: PodStatus, hasDeadline: boolean): PodStatus {
  const { phase, podIP, reason, message, startTime, conditions, containerStatuses, initContainerStatuses } = status;
  return withoutUndefined<PodStatus>({
    phase,
    podIP,
    reason,
    message,
    // The life of a pod counts from its start; only one that has an end is asked for it.
    startTime: hasDeadline ? startTime : undefined,
    conditions: conditions
      ?.filter(({ type }) => POD_CONDITIONS.includes(type))
      .map(({ type, status: value, reason: why, message: text, lastTransitionTime }) =>
        withoutUndefined({ type, status: value, reason: why, message: text, lastTransitionTime }),
      ),
    containerStatuses: containerStatuses?.map(trimContainerStatus),
    initContainerStatuses: initContainerStatuses?.map(trimContainerStatus),
  });
}

function trimContainerStatus({ name, ready, restartCount, containerID, state }: ContainerStatus): ContainerStatus {
  return withoutUndefined<ContainerStatus>({
    name,
    ready,
    restartCount,
    containerID,
    // A container that runs needs no words; one that does not may need the reason in a condition.
    state: state?.running === undefined ? state : { running: {} },
  });
}

/** Undefined members would cost memory in every pod. */
function withoutUndefined<O extends object>(object: O): O {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as O;
}
