import type { Clock } from '../../src/program/clock';
import type { Pool } from '../../src/schema/pool';

/**
 * When pools last had fewer pods than before: a pod that ends counts in quotas until it has gone, while the status of its pool leaves it out from the
 * beginning.
 */
export class RecentLosses {
  /** Name of a pool -> when it had fewer pods, by the monotonic clock in ms. */
  private readonly lastAtMs = new Map<string, number>();

  constructor(private readonly clock: Pick<Clock, 'monotonicMs'>) {}

  /** A pool appeared, changed, or (without `after`) is gone. */
  note(before: Pool | undefined, after: Pool | undefined): void {
    const name = (after ?? before)?.metadata.name ?? '';
    if (after === undefined) this.lastAtMs.delete(name);
    else if ((after.status?.total ?? 0) < (before?.status?.total ?? 0)) this.lastAtMs.set(name, this.clock.monotonicMs());
  }

  /** Ms since a pool had fewer pods than before; Infinity when no such time is known. */
  sinceMs(name: string): number {
    return this.clock.monotonicMs() - (this.lastAtMs.get(name) ?? -Infinity);
  }
}
