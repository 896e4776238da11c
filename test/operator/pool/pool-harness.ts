import { ApiError } from '../../../operator/kube/api-error';
import { PODS } from '../../../operator/kube/resource-types';
import type { Pod, PodStatus, PodTemplateSpec } from '../../../src/schema/kubernetes';
import type { PoolCondition, PoolSpec, PoolStatus } from '../../../src/schema/pool';
import { handMadeTemplate } from '../../support/hand-made-pods';
import { ManualClock, untilWith } from '../../support/manual-clock';
import { type OperatorInProcess, type OperatorInProcessOptions, pathOf, startOperator } from '../../support/operator-in-process';
import { refusePods } from '../../support/refuse-pods';

/** Part of the spec of a pool. */
export const capacity = (bufferMin: number, bufferMax: number, poolMin: number, poolMax: number): Pick<PoolSpec, 'capacitySpec'> => ({
  capacitySpec: { bufferMin, bufferMax, poolMin, poolMax },
});

/** A template that differs from others by its color. */
export const colored = (color: string): PodTemplateSpec => ({ ...handMadeTemplate(), metadata: { labels: { color } } });

/** Pods in the order of their UIDs, to be compared. */
export const uidsOf = (pods: readonly Pod[]): string[] => pods.map(({ metadata }) => metadata.uid ?? '').sort();

/** Status of a pod whose image cannot be pulled. */
export const PULL: PodStatus = { phase: 'Pending', containerStatuses: [{ name: 'main', state: { waiting: { reason: 'ErrImagePull', message: 'no such image' } } }] };
/** Status of a pod that no node takes. */
export const NO_NODE: PodStatus = { phase: 'Pending', conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: '0/3 nodes are available' }] };

/** Pods that came and went. */
export interface PodChanges {
  readonly created: number;
  readonly deleted: number;
}

/** An operator with a pool named `warm`, whose time the test moves on. */
export class PoolHarness {
  private constructor(
    readonly clock: ManualClock,
    readonly operator: OperatorInProcess,
  ) {}

  static async start(options: Pick<OperatorInProcessOptions, 'acting'> = {}): Promise<PoolHarness> {
    const clock = new ManualClock();
    return new PoolHarness(clock, await startOperator({ ...options, clock }));
  }

  async stop(): Promise<void> {
    let stopped = false;
    const stopping = this.operator.stop().then(() => (stopped = true));
    await this.until(() => expect(stopped).toBe(true)); // what is still to be sent has a time limit
    await stopping;
  }

  /** Waits, while time moves on. */
  until<T>(look: () => T | Promise<T>): Promise<T> {
    return untilWith(this.clock, look);
  }

  untilStatus(status: object): Promise<void> {
    return this.until(async () => expect(await this.status()).toMatchObject(status));
  }

  untilPods(count: number): Promise<void> {
    return this.until(async () => expect(await this.operator.pods()).toHaveLength(count));
  }

  /** Waits for a status while pods become Ready as they come. */
  untilReady(status: object): Promise<void> {
    return this.until(async () => {
      await this.operator.makeReady();
      expect(await this.status()).toMatchObject(status);
    });
  }

  async status(): Promise<PoolStatus | undefined> {
    return (await this.operator.pool('warm')).status;
  }

  /** Why the pool does not grow, as it says itself. */
  async block(): Promise<PoolCondition | undefined> {
    return (await this.status())?.conditions?.find(({ type }) => type === 'ScaleBlocked');
  }

  async podsOfColor(color: string): Promise<Pod[]> {
    return (await this.operator.pods()).filter(({ metadata }) => metadata.labels?.['color'] === color);
  }

  async setStatus(pods: readonly Pod[], status: PodStatus): Promise<void> {
    for (const { metadata } of pods) await this.operator.patch(`${pathOf('pods', metadata.name)}/status`, { status });
  }

  edit(spec: object): Promise<void> {
    return this.operator.patch(pathOf('pools', 'warm'), { spec });
  }

  /** Lets time pass, with a look of every controller at each second, and returns what came and went in it. */
  async changesWithin(seconds: number): Promise<PodChanges> {
    const count = this.countChanges();
    for (let second = 0; second < seconds; second += 1) await this.clock.advance(1000);
    return count();
  }

  /** Counts from now on what comes and goes; creates that are refused count too. */
  countChanges(): () => PodChanges {
    const { api } = this.operator.manager;
    const [create, remove] = [jest.spyOn(api, 'create'), jest.spyOn(api, 'delete')];
    const counts = () => [create.mock.calls, remove.mock.calls].map((calls) => calls.filter(([type]) => type === PODS).length);
    const [created = 0, deleted = 0] = counts();
    return () => {
      const [createdNow = 0, deletedNow = 0] = counts();
      return { created: createdNow - created, deleted: deletedNow - deleted };
    };
  }

  /** Makes the API server refuse pods until the returned function is called. */
  refusePods(refusal = new ApiError(403, 'Forbidden', 'denied by a policy')): () => void {
    return refusePods(this.operator.manager.api, refusal);
  }
}
