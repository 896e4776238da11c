import type { ContainerStatus, PodStatus } from '../../src/schema/kubernetes';

/** A pod that runs, as its node sees it. */
export class RunningPod {
  private readonly containers = new Map<string, ContainerStatus>();
  /** Why it is not Ready although its containers run. */
  private readonly hindrances = new Set<string>();
  private readonly startTime: string;
  private readiness: { readonly ready: boolean; readonly since: string };

  /**
   * @param now time of day, RFC 3339 in whole seconds
   * @param newID an ID for a container, never the same
   */
  constructor(
    readonly ip: string,
    names: readonly string[],
    private readonly now: () => string,
    private readonly newID: () => string,
  ) {
    this.startTime = now();
    for (const name of names) this.start(name);
    this.readiness = { ready: true, since: this.startTime };
  }

  /** It is not Ready for this reason until {@link relieve} is called with it. */
  hinder(why: string): void {
    this.hindrances.add(why);
  }

  relieve(why: string): void {
    this.hindrances.delete(why);
  }

  /** A container ends; false when it does not run. */
  stop(name: string): boolean {
    const container = this.containers.get(name);
    if (container?.state?.running === undefined) return false;
    this.containers.set(name, { ...container, ready: false, state: { terminated: { exitCode: 143, reason: 'Error' } } });
    return true;
  }

  /** A container starts, under another ID than ever before. */
  start(name: string): void {
    const restartCount = (this.containers.get(name)?.restartCount ?? -1) + 1;
    this.containers.set(name, { name, ready: true, restartCount, containerID: `simulated://${this.newID()}`, state: { running: { startedAt: this.now() } } });
  }

  /** What the node tells of it. */
  status(): PodStatus {
    const containerStatuses = [...this.containers.values()];
    const ready = this.hindrances.size === 0 && containerStatuses.every((container) => container.ready);
    if (ready !== this.readiness.ready) this.readiness = { ready, since: this.now() };
    const condition = { type: 'Ready', status: ready ? 'True' : 'False', lastTransitionTime: this.readiness.since };
    return { phase: 'Running', podIP: this.ip, startTime: this.startTime, conditions: [condition], containerStatuses };
  }
}
