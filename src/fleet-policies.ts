import { type Problems } from './problems';

/** What happens to a sandbox when its task has ended. */
export enum TaskResourcePolicy {
  /** It stays until the fleet is deleted or scaled down. */
  RETAIN = 'Retain',
  /** Its pod goes back to the pool, or is deleted. */
  RELEASE = 'Release',
}

/** How the sandboxes of a fleet get pods of a pool that has too few. */
export enum AllocationPolicy {
  /** Each as soon as there is a pod for it. */
  PARTIAL = 'Partial',
  /** All that have none get one at the same moment; pods are kept for them until there are enough. */
  ALL_OR_NOTHING = 'AllOrNothing',
}

/** How a fleet is served among others: props of BatchSandboxFleet. */
export interface FleetAllocation {
  readonly pool?: unknown;
  readonly priority?: number;
  readonly allocationPolicy?: AllocationPolicy;
}

/** Checks that the fleet waits for a pool where it says how, and that all of it is one BatchSandbox where all is to come at once. */
export function checkAllocation(problems: Problems, { pool, priority, allocationPolicy }: FleetAllocation, batchCount: number): void {
  for (const [prop, value] of Object.entries({ priority, allocationPolicy })) {
    if (value !== undefined && pool === undefined) problems.add(prop, 'nothing without pool', value, 'it says how the fleet waits for pods of a pool; set pool, or leave it out');
  }
  if (allocationPolicy === AllocationPolicy.ALL_OR_NOTHING && batchCount > 1) {
    problems.add('allocationPolicy', 'Partial for a fleet of several BatchSandboxes', allocationPolicy, 'each of them gets its pods for itself; make the fleet smaller, or raise maxPerBatch');
  }
}
