import type { Clock } from '../../src/program/clock';
import type { Logger } from '../../src/program/log';
import type { BatchSandbox } from '../../src/schema/batch-sandbox';
import type { Pool } from '../../src/schema/pool';
import type { KubeApi } from '../kube/api';
import type { ObjectCache } from '../kube/cache';
import type { Ledger } from '../ledger';
import type { PoolChoice } from './choice';
import { PoolChooser, sameOffer } from './pool-chooser';
import { ProfileWatch } from './profile-watch';
import { UnassignedBatches } from './unassigned-batches';

/** What a {@link PoolAssignment} needs. */
export interface PoolAssignmentOptions {
  readonly api: KubeApi;
  readonly pools: ObjectCache<Pool>;
  readonly ledger: Ledger;
  /** Namespace of the operator, where the ConfigMap with the profile is. @default - none, and the built-in profile is in force */
  readonly namespace?: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Number from 0 up to 1. */
  readonly random: () => number;
  /** Looks at a batch again. */
  readonly retry: (batchKey: string) => void;
}

/** Which Pool a batch of `poolRef: "*"` gets, and when to look again for those that have found none. */
export class PoolAssignment {
  private readonly profiles: ProfileWatch;
  private readonly chooser: PoolChooser;
  private readonly unassigned = new UnassignedBatches();

  constructor(private readonly options: PoolAssignmentOptions) {
    this.profiles = new ProfileWatch({ ...options, onChange: () => this.unassigned.all().forEach(options.retry) });
    this.chooser = new PoolChooser({ ...options, profile: () => this.profiles.profile });
  }

  /**
   * Follows the ConfigMap with the profile until the signal aborts. Nobody has to wait for it: without the right to read it, only batches
   * of `poolRef: "*"` are not served.
   */
  run(signal: AbortSignal): Promise<void> {
    return this.profiles.run(signal);
  }

  /** Ms since the server told of the ConfigMap; undefined while nothing has been read, which nobody waits for. */
  get ageMs(): number | undefined {
    return this.profiles.ageMs;
  }

  /** The Pool for a batch, as things are now. */
  choose(batch: BatchSandbox): PoolChoice {
    return this.chooser.choose(batch);
  }

  /** A batch appeared, changed, or (without `after`) is gone. */
  batchChanged(before: BatchSandbox | undefined, after: BatchSandbox | undefined): void {
    this.unassigned.batchChanged(before, after);
  }

  /** A Pool appeared, changed, or (without `after`) is gone: the batches of its namespace that wait look again, if it may matter to them (R73). */
  poolChanged(before: Pool | undefined, after: Pool | undefined): void {
    if (before !== undefined && before.metadata.uid !== after?.metadata.uid) this.chooser.forget(before);
    if (!sameOffer(before, after)) this.unassigned.of((after ?? before)?.metadata.namespace ?? '').forEach(this.options.retry);
  }
}
