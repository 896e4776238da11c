import type { Pod } from '../../src/schema/kubernetes';
import { Label } from '../../src/schema/names';
import { elasticPool, fixedPool } from '../support/pool-spec';
import { until } from '../support/waiting';
import type { Stage } from './stage';
import { POD_TEMPLATE, untilAvailable } from './warm-pool';

const GONE_WITHIN_MS = 600_000;

/** A pool whose pods are deleted when they come back. */
export class SparePool {
  private constructor(
    private readonly stage: Stage,
    readonly name: string,
  ) {}

  /** Makes an empty one. */
  static async create(stage: Stage, name: string): Promise<SparePool> {
    await stage.space.create('Pool', name, { ...elasticPool({ bufferMin: 0, bufferMax: 0, poolMin: 0, poolMax: 0 }, POD_TEMPLATE), recycleStrategy: { type: 'Delete' } });
    return new SparePool(stage, name);
  }

  /** Has exactly so many pods, all of them idle and Ready. */
  async fill(size: number): Promise<void> {
    await this.stage.space.patch('Pool', this.name, { spec: fixedPool(size, POD_TEMPLATE) });
    await untilAvailable(this.stage.space, this.name, size);
  }

  /** From now on it makes no pod for those that go. */
  async starve(): Promise<void> {
    const { poolMax } = (await this.stage.space.get('Pool', this.name)).spec.capacitySpec;
    await this.stage.space.patch('Pool', this.name, { spec: elasticPool({ bufferMin: 0, bufferMax: 0, poolMin: 0, poolMax }, POD_TEMPLATE) });
  }

  /** One of its pods; undefined when it has none. */
  sample(): Promise<Pod | undefined> {
    return samplePod(this.stage, `${Label.poolName}=${this.name}`);
  }

  /** Waits until the last of its pods is gone. */
  untilEmpty(): Promise<void> {
    return untilNoPods(this.stage, `${Label.poolName}=${this.name}`);
  }

  /** Deletes it with its pods. */
  async remove(): Promise<void> {
    await this.stage.space.delete('Pool', this.name);
    await this.untilEmpty();
  }
}

/** Waits until no pod that the controller has made carries a label. */
export function untilNoPods(stage: Stage, selector: string): Promise<void> {
  return until(async () => {
    if ((await samplePod(stage, selector)) !== undefined) throw new Error(`pods with ${selector}: expected none, got some`);
  }, GONE_WITHIN_MS);
}

/** A pod of the controller with a label; undefined when there is none. */
export async function samplePod({ api, space }: Stage, selector: string): Promise<Pod | undefined> {
  const { status, body } = await api.request<{ readonly items: readonly Pod[] }>('GET', `${space.path('Pod')}?limit=1&labelSelector=${encodeURIComponent(selector)}`);
  if (status !== 200) throw new Error(`pods with ${selector}: expected status 200, got ${status}: ${JSON.stringify(body)}`);
  return body.items[0];
}
