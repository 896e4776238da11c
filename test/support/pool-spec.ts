import type { PodTemplateSpec } from '../../src/schema/kubernetes';
import type { PoolSpec } from '../../src/schema/pool';

/** Bounds of a pool, in pods. */
export type Capacity = PoolSpec['capacitySpec'];

/** A pool that keeps exactly `size` pods, held ones among them, and makes them all at once. */
export function fixedPool(size: number, template: PodTemplateSpec, more: Partial<PoolSpec> = {}): PoolSpec {
  return elasticPool({ bufferMin: 0, bufferMax: size, poolMin: size, poolMax: size }, template, more);
}

/** A pool with these bounds that makes all its pods at once. */
export function elasticPool(capacitySpec: Capacity, template: PodTemplateSpec, more: Partial<PoolSpec> = {}): PoolSpec {
  return { template, capacitySpec, scaleStrategy: { maxUnavailable: '100%' }, ...more };
}
