import type { Clock } from '../../src/program/clock';
import type { Pod } from '../../src/schema/kubernetes';
import { EXECUTOR_CONTAINER } from '../../src/schema/names';
import type { ApiHost } from './api-host';
import type { StoredChange } from './checks/evidence';
import type { SimulatedExecutors } from './executors';
import { NAMESPACE, podPath } from './paths';
import type { Random } from './random';
import { RunningPod } from './running-pod';

/** What images do: `good` runs, `slow` takes half a minute to be Ready, `broken` never starts, `fragile` ends by itself while there are faults. */
export const IMAGES = ['good', 'slow', 'broken', 'fragile'] as const;
export type Image = (typeof IMAGES)[number];

const NODE_COUNT = 3;
/** Time after which the pods of a silent node are called not Ready, and after which they are removed, in ms. */
const NOT_READY_AFTER_MS = 40_000;
const REMOVED_AFTER_MS = 100_000;
/** How often a pod gets the address of one that has gone just now. */
const REUSE_SHARE = 0.7;
/** Time until a container that has ended runs again, in ms. */
const RESTART_MS = { least: 100, most: 3_000 };

/** Scheduler, kubelets and the keeper of lost nodes, in one: they make pods run, and end those that are deleted. */
export class SimulatedNodes {
  /** Whether pods with a fragile image end by themselves. */
  areFaultsOn = true;
  private readonly lost = new Set<string>();
  private nodeCount = NODE_COUNT;
  private nodes = Array.from({ length: NODE_COUNT }, (_, index) => `node-${index}`);
  private addresses = 0;
  /** Addresses of pods that are gone, the last one at the end. */
  private readonly freeAddresses: string[] = [];
  /** Pods whose containers have started, by UID. */
  private readonly running = new Map<string, RunningPod>();
  /** UIDs of pods whose end has begun. */
  private readonly ending = new Set<string>();
  /** UIDs of pods whose start has begun. */
  private readonly brought = new Set<string>();

  constructor(
    private readonly clock: Clock,
    private readonly random: Random,
    private readonly api: ApiHost,
    private readonly executors: SimulatedExecutors,
  ) {
    api.onChange((change) => this.observe(change));
  }

  /** Names of the nodes that live. */
  get names(): readonly string[] {
    return this.nodes;
  }

  /** The node has lost its power: its processes are dead, and nobody tells of its pods until they are given up. Another takes its place. */
  lose(node: string): void {
    if (!this.nodes.includes(node)) return;
    this.lost.add(node);
    this.nodes = [...this.nodes.filter((name) => name !== node), `node-${this.nodeCount++}`];
    for (const pod of this.podsOn(node)) this.executors.remove(pod.metadata.uid ?? '');
    this.clock.setTimer(NOT_READY_AFTER_MS, () => {
      for (const pod of this.podsOn(node)) if (pod.metadata.deletionTimestamp === undefined) this.giveUp(pod);
    });
    this.clock.setTimer(REMOVED_AFTER_MS, () => {
      for (const pod of this.podsOn(node)) this.remove(pod);
    });
  }

  /** Nobody has heard of the pod's node for a while. */
  private giveUp(pod: Pod): void {
    if (pod.status?.phase !== 'Running') return;
    this.setStatus(pod, { ...pod.status, conditions: [{ type: 'Ready', status: 'False', lastTransitionTime: this.time() }] });
  }

  /** A container of the pod ends and is not started again. */
  fail(pod: Pod, reason = 'Error'): void {
    if (this.isLost(pod) || pod.status?.phase !== 'Running') return;
    this.executors.remove(pod.metadata.uid ?? '');
    this.setStatus(pod, { ...pod.status, phase: 'Failed', reason, conditions: [{ type: 'Ready', status: 'False', lastTransitionTime: this.time() }] });
  }

  /** The pod is not Ready for a while. */
  shake(pod: Pod, forMs: number): void {
    const why = `shaken at ${this.clock.monotonicMs()}`;
    this.change(pod, (running) => running.hinder(why));
    this.clock.setTimer(forMs, () => this.change(pod, (running) => running.relieve(why)));
  }

  /** A container ends, and its node starts it again; false when it does not run. What its executor has started runs on. */
  restart(pod: Pod, container: string): boolean {
    if (!this.change(pod, (running) => running.stop(container))) return false;
    const downMs = this.random.between(RESTART_MS.least, RESTART_MS.most);
    if (container === EXECUTOR_CONTAINER) this.executors.restart(pod.metadata.uid ?? '', downMs);
    this.clock.setTimer(downMs, () => this.change(pod, (running) => running.start(container)));
    return true;
  }

  /** Changes a pod that runs on a node that lives, and tells of it; false when there is no such pod, or the change is none. */
  private change(pod: Pod, change: (running: RunningPod) => unknown): boolean {
    const current = this.current(pod);
    const running = this.running.get(pod.metadata.uid ?? '');
    if (running === undefined || current?.status?.phase !== 'Running' || this.isLost(current) || change(running) === false) return false;
    this.setStatus(current, running.status());
    return true;
  }

  private observe({ plural, type, object }: StoredChange): void {
    if (plural !== 'pods') return;
    const pod = object as Pod;
    const uid = pod.metadata.uid ?? '';
    if (type === 'DELETED') {
      this.executors.remove(uid);
      this.ending.delete(uid);
      const ip = this.running.get(uid)?.ip;
      if (ip !== undefined) this.freeAddresses.push(ip);
      this.running.delete(uid);
    } else if (pod.metadata.deletionTimestamp !== undefined) {
      if (!this.ending.has(uid)) this.end(pod);
    } else if (type === 'ADDED') {
      if (pod.spec?.nodeName === undefined) this.clock.setTimer(this.random.between(1, 50), () => this.schedule(pod));
    } else if (pod.spec?.nodeName !== undefined && pod.status?.phase === 'Pending' && pod.status.conditions?.every(({ type: name }) => name === 'PodScheduled') === true) {
      this.bring(pod);
    }
  }

  private schedule(pod: Pod): void {
    if (!this.isThere(pod)) return;
    const target = { apiVersion: 'v1', kind: 'Node', name: this.random.pick(this.nodes) };
    void this.api.request('scheduler', 'POST', `${podPath(pod.metadata.name)}/binding`, { apiVersion: 'v1', kind: 'Binding', metadata: { name: pod.metadata.name }, target });
  }

  /** Pulls the image and starts the containers. */
  private bring(pod: Pod): void {
    const uid = pod.metadata.uid ?? '';
    if (this.brought.has(uid)) return;
    this.brought.add(uid);
    const [container] = pod.spec?.containers ?? [];
    const image = IMAGES.find((name) => container?.image?.startsWith(name) === true) ?? 'good';
    if (image === 'broken') {
      const waiting = { reason: 'ImagePullBackOff', message: 'no such image' };
      this.clock.setTimer(this.random.between(50, 2_000), () => {
        this.setStatus(pod, { phase: 'Pending', containerStatuses: [{ name: container?.name ?? '', ready: false, restartCount: 0, state: { waiting } }] });
      });
      return;
    }
    const startMs = image === 'slow' ? this.random.between(10_000, 40_000) : this.random.between(20, 1_500);
    this.clock.setTimer(startMs, () => this.run(pod, image));
  }

  private run(pod: Pod, image: Image): void {
    if (!this.isThere(pod) || this.isLost(pod)) return;
    const { uid = '' } = pod.metadata;
    const { containers = [], activeDeadlineSeconds } = pod.spec ?? {};
    const running = new RunningPod(this.takeAddress(), containers.map(({ name }) => name), () => this.time(), () => this.random.text(12, '0123456789abcdef'));
    this.running.set(uid, running);
    if (containers.some(({ name }) => name === EXECUTOR_CONTAINER)) this.executors.add(uid, running.ip);
    const notYet = this.random.chance(0.3);
    if (notYet) running.hinder('starting');
    this.setStatus(pod, running.status());
    if (notYet) this.clock.setTimer(this.random.between(100, 3_000), () => this.change(pod, () => running.relieve('starting')));
    if (activeDeadlineSeconds !== undefined) this.clock.setTimer(activeDeadlineSeconds * 1000, () => this.failIfThere(pod, 'DeadlineExceeded'));
    if (image !== 'fragile') return;
    this.clock.setTimer(this.random.between(5_000, 60_000), () => {
      if (this.areFaultsOn) this.failIfThere(pod, 'Error');
    });
  }

  private failIfThere(pod: Pod, reason: string): void {
    const current = this.current(pod);
    if (current !== undefined) this.fail(current, reason);
  }

  /** Often that of a pod that has gone just now, as nodes do it: who still asks there asks another pod (R116). */
  private takeAddress(): string {
    const free = this.random.chance(REUSE_SHARE) ? this.freeAddresses.pop() : undefined;
    if (free !== undefined) return free;
    const number = this.addresses++;
    return `10.${number >> 16}.${(number >> 8) & 255}.${number & 255}`;
  }

  /** Ends a pod that is being deleted; a lost node does not. */
  private end(pod: Pod): void {
    if (this.isLost(pod)) return;
    this.ending.add(pod.metadata.uid ?? '');
    const graceMs = (pod.metadata.deletionGracePeriodSeconds ?? 0) * 1000;
    const endMs = this.random.chance(0.2) ? graceMs : this.random.between(20, Math.max(21, Math.min(2_000, graceMs)));
    this.clock.setTimer(endMs, () => {
      const current = this.current(pod);
      if (current === undefined || this.isLost(current)) return;
      this.executors.remove(pod.metadata.uid ?? '');
      this.remove(current);
    });
  }

  private remove({ metadata: { name, uid } }: Pod): void {
    void this.api.request('kubelet', 'DELETE', podPath(name), { gracePeriodSeconds: 0, preconditions: { uid } });
  }

  private setStatus(pod: Pod, status: NonNullable<Pod['status']>): void {
    if (!this.isThere(pod)) return;
    void this.api.request('kubelet', 'PATCH', `${podPath(pod.metadata.name)}/status`, { metadata: { uid: pod.metadata.uid }, status });
  }

  private podsOn(node: string): readonly Pod[] {
    return this.api.list<Pod>('pods').filter(({ spec }) => spec?.nodeName === node);
  }

  private isLost(pod: Pod): boolean {
    return this.lost.has(this.current(pod)?.spec?.nodeName ?? '');
  }

  private isThere(pod: Pod): boolean {
    return this.current(pod) !== undefined;
  }

  /** The pod as it is now; undefined when it is gone, even if another has its name. */
  private current({ metadata: { name, uid } }: Pod): Pod | undefined {
    const pod = this.api.get<Pod>('pods', `${NAMESPACE}/${name}`);
    return pod?.metadata.uid === uid ? pod : undefined;
  }

  private time(): string {
    return `${this.clock.now().toISOString().slice(0, 19)}Z`;
  }
}
