import type { Clock } from '../../src/program/clock';
import type { BatchSandbox } from '../../src/schema/batch-sandbox';
import type { Controller } from '../controller';
import type { ObjectCache } from '../kube/cache';
import { ChangeGatherer } from '../tasks/change-gatherer';
import type { OwnPods } from './own-pods';

/** Pods that a batch makes itself come over seconds: so long their changes are gathered, in ms (ADR 0025). */
const PROGRESS_MS = 250;

/** What {@link Progress} works with. */
export interface ProgressTools {
  readonly batches: Pick<ObjectCache<BatchSandbox>, 'get'>;
  readonly ownPods: Pick<OwnPods, 'isWhole'>;
  readonly queue: Pick<Controller, 'addAfter' | 'isActive'>;
  readonly clock: Clock;
}

/** Has batches without a pool looked at as their pods come and go: some times a second, and at once when the last pod is Ready. */
export class Progress {
  private readonly gatherer: ChangeGatherer;

  constructor(private readonly tools: ProgressTools) {
    this.gatherer = new ChangeGatherer(tools.clock, PROGRESS_MS, (batchKey) => this.tell(batchKey));
  }

  /** Pods of a batch have changed. */
  podsChanged(batchKey: string): void {
    const { batches, ownPods, queue } = this.tools;
    const batch = batches.get(batchKey);
    if (batch !== undefined && ownPods.isWhole(batch)) queue.addAfter(batchKey, 0);
    else this.gatherer.add(batchKey);
  }

  /** Forgets what was gathered. */
  close(): void {
    this.gatherer.close();
  }

  private tell(batchKey: string): void {
    const { batches, queue } = this.tools;
    // A pass that makes pods for a second tells at its end of those that became Ready meanwhile; another one at once would add little.
    if (queue.isActive(batchKey)) this.gatherer.add(batchKey);
    else if (batches.get(batchKey) !== undefined) queue.addAfter(batchKey, 0);
  }
}
