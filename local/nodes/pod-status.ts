import { isDeepStrictEqual } from 'node:util';
import type { Container, ContainerStatus, Pod, PodStatus } from '../../src/schema/kubernetes';

/** State of one container, as Kubernetes writes it. */
export type ContainerState =
  | { readonly waiting: { readonly reason: string; readonly message?: string } }
  | { readonly running: { readonly startedAt: string } }
  | {
      readonly terminated: {
        readonly exitCode: number;
        readonly signal?: number;
        readonly reason: string;
        readonly message?: string;
        readonly startedAt: string;
        readonly finishedAt: string;
      };
    };

/** What is known of one container of a pod. */
export interface ObservedContainer {
  readonly container: Container;
  readonly state: ContainerState;
  readonly lastState?: ContainerState;
  /** True once its startup probe has passed, or while it runs without one. */
  readonly started: boolean;
  readonly ready: boolean;
  readonly restartCount: number;
  readonly containerID?: string;
}

/** What is known of a pod on its node. */
export interface ObservedPod {
  readonly pod: Pod;
  readonly address: string;
  readonly hostAddress: string;
  /** When the node took the pod. */
  readonly startedAt: Date;
  readonly initContainers: readonly ObservedContainer[];
  readonly containers: readonly ObservedContainer[];
  /** True once every init container has succeeded. */
  readonly initialized: boolean;
  /** True once its `activeDeadlineSeconds` were over and its containers have ended for it. */
  readonly deadlineExceeded: boolean;
}

type Condition = NonNullable<PodStatus['conditions']>[number];

/** RFC 3339 in whole seconds, as Kubernetes writes times. */
export function toTime(date: Date): string {
  return `${date.toISOString().slice(0, 19)}Z`;
}

/**
 * Status to write for a pod. Conditions that did not change keep their time.
 *
 * @param previous conditions written last
 */
export function toPodStatus(observed: ObservedPod, previous: readonly Condition[], now: Date) {
  const phase = toPhase(observed);
  const allReady = observed.containers.every(({ ready }) => ready);
  const unready = observed.containers.filter(({ ready }) => !ready).map(({ container }) => container.name);
  const whyNotReady =
    phase === 'Succeeded'
      ? { reason: 'PodCompleted' }
      : { reason: 'ContainersNotReady', message: `containers with unready status: [${unready.join(' ')}]` };
  const wanted: Condition[] = [
    toCondition('PodScheduled', true),
    toCondition('Initialized', observed.initialized, { reason: 'ContainersNotInitialized' }),
    toCondition('ContainersReady', allReady, whyNotReady),
    toCondition('Ready', allReady, whyNotReady),
  ];
  return {
    phase,
    ...(observed.deadlineExceeded && { reason: 'DeadlineExceeded', message: 'Pod was active on the node longer than the specified deadline' }),
    hostIP: observed.hostAddress,
    podIP: observed.address,
    podIPs: [{ ip: observed.address }],
    startTime: toTime(observed.startedAt),
    conditions: wanted.map((condition) => withTime(condition, previous, now)),
    containerStatuses: observed.containers.map(toContainerStatus),
    ...(observed.initContainers.length > 0 && { initContainerStatuses: observed.initContainers.map(toContainerStatus) }),
  };
}

function toPhase({ pod, initContainers, containers, initialized, deadlineExceeded }: ObservedPod): NonNullable<PodStatus['phase']> {
  if (deadlineExceeded) return 'Failed';
  const policy = pod.spec?.restartPolicy ?? 'Always';
  const failed = (observed: ObservedContainer) => 'terminated' in observed.state && observed.state.terminated.exitCode !== 0;
  // A container whose restart waits for its turn is terminated too, but its pod has not ended.
  const endedForGood = (observed: ObservedContainer) =>
    'terminated' in observed.state && (policy === 'Never' || (policy === 'OnFailure' && !failed(observed)));
  if (!initialized) return policy === 'Never' && initContainers.some(failed) ? 'Failed' : 'Pending';
  if (containers.every(endedForGood)) return containers.some(failed) ? 'Failed' : 'Succeeded';
  const started = containers.some(({ state, restartCount }) => !('waiting' in state) || restartCount > 0);
  return started ? 'Running' : 'Pending';
}

function toCondition(type: string, holds: boolean, whyNot: { readonly reason?: string; readonly message?: string } = {}): Condition {
  return holds ? { type, status: 'True' } : { type, status: 'False', ...whyNot };
}

function withTime(condition: Condition, previous: readonly Condition[], now: Date): Condition {
  const old = previous.find(({ type }) => type === condition.type);
  const unchanged = old?.status === condition.status ? old.lastTransitionTime : undefined;
  return { ...condition, lastTransitionTime: unchanged ?? toTime(now) };
}

function toContainerStatus({ container, state, lastState, started, ready, restartCount, containerID }: ObservedContainer): ContainerStatus {
  const status = {
    name: container.name,
    image: container.image ?? '',
    imageID: '',
    state,
    lastState: lastState ?? {},
    ready,
    started,
    restartCount,
  };
  return containerID === undefined ? status : { ...status, containerID };
}

/** True when writing `next` would change nothing. */
export function isSameStatus(previous: unknown, next: unknown): boolean {
  return isDeepStrictEqual(previous, next);
}
