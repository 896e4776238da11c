import type { Pod } from '../../../src/schema/kubernetes';
import { Label } from '../../../src/schema/names';
import type { Evidence, StoredChange } from './evidence';
import type { Report } from './part';
import { ownerOf } from './records';

/** Shortest pause between two pods of a template that does not start, in ms, but for what a request takes. */
const PAUSE_MS = 9_500;
/** Reasons of `ScaleBlocked` for which a pool makes one pod at a time. */
const REASONS: readonly unknown[] = ['ImagePull', 'PodsFailing', 'Unschedulable'];

/** A pool whose pods do not start, and that says so, tries one at a time, with pauses (R65, ADR 0016). */
export class TryCheck {
  private readonly madeAt = new Map<string, number>();
  private readonly sinceMs: number;

  /**
   * @param world from now on without trouble
   * @param staleMs time until every pool says what is so, in ms
   */
  constructor(
    private readonly world: Evidence,
    private readonly report: Report,
    staleMs: number,
  ) {
    this.sinceMs = world.nowMs() + staleMs;
  }

  /** A change was stored. */
  observe({ plural, type, object }: StoredChange): void {
    if (plural !== 'pods' || type !== 'ADDED' || this.world.nowMs() < this.sinceMs) return;
    const pool = this.world.pools().find(({ metadata }) => metadata.uid === ownerOf(object as Pod));
    if (pool === undefined) return;
    const { uid = '', name } = pool.metadata;
    const sinceMs = this.world.nowMs() - (this.madeAt.get(uid) ?? -Infinity);
    this.madeAt.set(uid, this.world.nowMs());
    const isOpen = pool.status?.conditions?.some(({ type: kind, reason }) => kind === 'ScaleBlocked' && REASONS.includes(reason)) === true;
    const isSame = object.metadata.labels?.[Label.poolRevision] === pool.status?.revision;
    if (isOpen && isSame && sinceMs < PAUSE_MS) this.report('R65', `pool '${name}' makes pod '${object.metadata.name}' ${sinceMs} ms after the one before, though they do not start`);
  }
}
