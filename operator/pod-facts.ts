import { Label } from '../src/schema/names';
import { type ContainerStatus, objectKey, type Pod, type PodStatus } from '../src/schema/kubernetes';
import { type StartProblem, startProblem } from './start-problem';

/** What the plans need to know of a pod, read once when it changes. */
export interface PodFacts {
  /** `<namespace>/<name>`. */
  readonly key: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** Address, or `''` while there is none. */
  readonly ip: string;
  /** It has a node or an address. */
  readonly placed: boolean;
  /** Not terminating and neither Failed nor Succeeded. */
  readonly live: boolean;
  readonly terminating: boolean;
  /** Live, phase Running, condition Ready. */
  readonly ready: boolean;
  /** Since when it is Ready, RFC 3339, or `''`. */
  readonly readySince: string;
  /** Since when it is not Ready any more, or not yet, RFC 3339, or `''`. */
  readonly unreadySince: string;
  readonly createdAt: string;
  readonly phase: NonNullable<PodStatus['phase']>;
  /** Restarts of the container that was restarted most often. */
  readonly restarts: number;
  /** Template revision it was made from; `''` outside a pool. */
  readonly revision: string;
  /** Somebody asked for its eviction. */
  readonly evict: boolean;
  /** UID of its controller owner, or `''`. */
  readonly ownerUID: string;
  /** When its life ends by `activeDeadlineSeconds`; `undefined` when it has no end, or has not started. */
  readonly deadline: PodDeadline | undefined;
  /** Why a container cannot run, when that is known to last; `undefined` when nothing is wrong. */
  readonly failing: PodFailure | undefined;
  /** What keeps it from becoming Ready, when that is known; always `undefined` for a Ready one. */
  readonly problem: StartProblem | undefined;
}

/** End of the life of a pod, as its node sees it. */
export interface PodDeadline {
  /** In ms since 1970. */
  readonly endsAt: number;
  /** From its start to its end, in ms. */
  readonly lifeMs: number;
}

/** A container that waits for something that does not pass by itself. */
export interface PodFailure {
  readonly reason: string;
  readonly message: string;
}

/** Waiting reasons that make a batch Failed (R92). */
const FAILING_REASONS = new Set(['CrashLoopBackOff', 'ImagePullBackOff', 'ErrImagePull', 'CreateContainerConfigError']);

/** Reads the facts of a pod as the API shows it. */
export function podFacts(pod: Pod): PodFacts {
  const { metadata, status } = pod;
  const terminating = metadata.deletionTimestamp !== undefined;
  const live = !terminating && status?.phase !== 'Failed' && status?.phase !== 'Succeeded';
  const readyCondition = status?.conditions?.find((condition) => condition.type === 'Ready');
  const ready = live && status?.phase === 'Running' && readyCondition?.status === 'True';
  const changedAt = readyCondition?.lastTransitionTime ?? '';
  const ip = status?.podIP ?? '';
  const containers = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
  return {
    key: objectKey(pod),
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    uid: metadata.uid ?? '',
    ip,
    placed: ip !== '' || pod.spec?.nodeName !== undefined,
    live,
    terminating,
    ready,
    readySince: ready ? changedAt : '',
    unreadySince: readyCondition?.status === 'False' ? changedAt : '',
    createdAt: metadata.creationTimestamp ?? '',
    phase: status?.phase ?? 'Pending',
    restarts: Math.max(0, ...containers.map(({ restartCount = 0 }) => restartCount)),
    revision: metadata.labels?.[Label.poolRevision] ?? '',
    evict: metadata.labels?.[Label.evict] !== undefined,
    ownerUID: metadata.ownerReferences?.find((owner) => owner.controller === true)?.uid ?? '',
    deadline: readDeadline(pod),
    failing: live ? findFailure(containers) : undefined,
    problem: ready ? undefined : startProblem(pod),
  };
}

/** Whether nothing that a plan reads has changed; most events of a pod change nothing of it. */
export function sameFacts(a: PodFacts, b: PodFacts): boolean {
  return (
    a.ip === b.ip &&
    a.placed === b.placed &&
    a.live === b.live &&
    a.terminating === b.terminating &&
    a.ready === b.ready &&
    a.readySince === b.readySince &&
    a.phase === b.phase &&
    a.restarts === b.restarts &&
    a.revision === b.revision &&
    a.evict === b.evict &&
    a.ownerUID === b.ownerUID &&
    a.deadline?.endsAt === b.deadline?.endsAt &&
    a.failing?.reason === b.failing?.reason &&
    a.failing?.message === b.failing?.message &&
    a.problem?.reason === b.problem?.reason // its words change with every try
  );
}

function readDeadline({ spec, status }: Pod): PodDeadline | undefined {
  const startedAt = Date.parse(status?.startTime ?? '');
  if (spec?.activeDeadlineSeconds === undefined || Number.isNaN(startedAt)) return undefined;
  const lifeMs = spec.activeDeadlineSeconds * 1000;
  return { endsAt: startedAt + lifeMs, lifeMs };
}

function findFailure(containers: readonly ContainerStatus[]): PodFailure | undefined {
  for (const container of containers) {
    const waiting = container.state?.waiting;
    if (waiting?.reason !== undefined && FAILING_REASONS.has(waiting.reason)) {
      return { reason: waiting.reason, message: `container '${container.name}': ${waiting.message ?? waiting.reason}` };
    }
  }
  return undefined;
}
