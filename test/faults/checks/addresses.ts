import type { Evidence, StoredChange } from './evidence';
import type { Report, SafetyPart } from './part';

/** Nobody asks at the address of a pod any more that is gone: another pod may have it (R116). */
export class AddressCheck implements SafetyPart {
  /** Pod UID to the time at which it was gone, in ms. */
  private readonly goneAt = new Map<string, number>();

  constructor(
    private readonly world: Evidence,
    private readonly report: Report,
    private readonly staleMs: number,
  ) {}

  observe({ plural, type, object }: StoredChange): void {
    if (plural === 'pods' && type === 'DELETED') this.goneAt.set(object.metadata.uid ?? '', this.world.nowMs());
  }

  judgeAsk(podUID: string): void {
    const sinceMs = this.world.nowMs() - (this.goneAt.get(podUID) ?? Infinity);
    if (sinceMs > this.staleMs) this.report('R116', `the executor of pod ${podUID} is asked ${sinceMs} ms after that was gone`);
  }
}
