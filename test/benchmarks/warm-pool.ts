import type { PodTemplateSpec } from '../../src/schema/kubernetes';
import { fixedPool } from '../support/pool-spec';
import type { Space } from '../support/space';
import { until } from '../support/waiting';

/** What pods of benchmarks are made from: kwok runs no image. */
export const POD_TEMPLATE: PodTemplateSpec = { spec: { automountServiceAccountToken: false, containers: [{ name: 'main', image: 'none' }] } };
/** Longest time that a pool of any size takes to fill, in ms. */
const FILLED_WITHIN_MS = 600_000;

/** The pool `warm`, whose pods come back as they are. It only grows. */
export class WarmPool {
  readonly name = 'warm';
  private size = 0;

  constructor(private readonly space: Space) {}

  /** Has at least so many pods, all of them idle and Ready. */
  async have(size: number): Promise<void> {
    if (this.size === 0) await this.space.create('Pool', this.name, fixedPool(size, POD_TEMPLATE, { recycleStrategy: { type: 'Noop' } }));
    else if (size > this.size) await this.space.patch('Pool', this.name, { spec: fixedPool(size, POD_TEMPLATE) });
    this.size = Math.max(this.size, size);
    await this.untilIdle();
  }

  /** Waits until all its pods are idle and Ready. */
  untilIdle(): Promise<void> {
    return untilAvailable(this.space, this.name, this.size);
  }
}

/** Waits until a pool has so many pods that are idle and Ready. */
export function untilAvailable(space: Space, pool: string, wanted: number): Promise<void> {
  return until(async () => {
    const available = (await space.get('Pool', pool)).status?.available;
    if (available !== wanted) throw new Error(`pool '${pool}': expected ${wanted} pods available, got ${available ?? 0}`);
  }, FILLED_WITHIN_MS);
}
