import { isConflict, isNotFound } from '../../operator/kube/api-error';
import { Backoff } from '../../src/program/backoff';
import type { Clock } from '../../src/program/clock';
import type { Logger } from '../../src/program/log';
import type { Pod } from '../../src/schema/kubernetes';
import type { PodApi } from './pod-api';

/** Name by which a pod asks for this scheduler; it is also what the API server fills in. */
const SCHEDULER_NAME = 'default-scheduler';

export interface SchedulerProps {
  readonly api: Pick<PodApi, 'bind'>;
  readonly clock: Clock;
  readonly log: Logger;
  /** Ends all attempts. */
  readonly signal: AbortSignal;
}

/**
 * Gives each pending pod to the node with the fewest pods, unless it asks for another scheduler.
 *
 * Resources, selectors, affinities and taints are not looked at: all nodes are this one machine.
 */
export class Scheduler {
  private readonly nodeByUid = new Map<string, string>();
  private readonly podCountByNode: Map<string, number>;

  /** @param nodeNames at least one */
  constructor(
    nodeNames: readonly string[],
    private readonly props: SchedulerProps,
  ) {
    this.podCountByNode = new Map(nodeNames.map((name) => [name, 0]));
  }

  /** Takes note of the state of a pod, bound or not. */
  observe(pod: Pod): void {
    if (this.nodeByUid.has(uidOf(pod)) || pod.metadata.deletionTimestamp !== undefined) return;
    const boundTo = pod.spec?.nodeName ?? '';
    if (boundTo === '' && (pod.spec?.schedulerName ?? SCHEDULER_NAME) !== SCHEDULER_NAME) return;
    const nodeName = boundTo === '' ? this.leastUsedNode() : boundTo;
    this.count(nodeName, 1);
    this.nodeByUid.set(uidOf(pod), nodeName);
    if (boundTo === '') void this.bind(pod, nodeName);
  }

  /** Takes note that a pod is no longer in the API. */
  observeGone(pod: Pod): void {
    const nodeName = this.nodeByUid.get(uidOf(pod));
    if (nodeName === undefined) return;
    this.nodeByUid.delete(uidOf(pod));
    this.count(nodeName, -1);
  }

  /** Binds the pod; after a failure again, since no event would bring the pod back here. */
  private async bind(pod: Pod, nodeName: string): Promise<void> {
    const { api, clock, log, signal } = this.props;
    const backoff = new Backoff();
    while (this.nodeByUid.has(uidOf(pod)) && !signal.aborted) {
      try {
        await api.bind(pod, nodeName);
        return;
      } catch (error) {
        // It is gone, or an attempt of unknown outcome had bound it.
        if (isNotFound(error) || isConflict(error)) return;
        log.warn({ err: error, pod: pod.metadata.name }, 'pod not bound');
        await clock.sleep(backoff.next(''), signal);
      }
    }
  }

  /** A pod may name a node that is none: that is no node for others. */
  private count(nodeName: string, change: number): void {
    const count = this.podCountByNode.get(nodeName);
    if (count !== undefined) this.podCountByNode.set(nodeName, count + change);
  }

  private leastUsedNode(): string {
    const [least] = [...this.podCountByNode].sort(([, a], [, b]) => a - b);
    return least?.[0] ?? '';
  }
}

function uidOf(pod: Pod): string {
  return pod.metadata.uid ?? '';
}
