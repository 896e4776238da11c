import type { Pod } from '../../../src/schema/kubernetes';
import type { Pool } from '../../../src/schema/pool';
import { podPath } from '../paths';
import type { Evidence, SentRequest } from './evidence';
import type { Report } from './part';
import { isAccepted, isLive, isReady, ownerOf, recordOf } from './records';

/** A pool when its update begins. */
interface Start {
  /** Pods that it has, all of them Ready or held. */
  readonly size: number;
  /** UIDs of these pods. */
  readonly old: ReadonlySet<string>;
}

/** A rolling update of pools that are whole and at rest gives up no more Ready pods at a time than `updateStrategy.maxUnavailable` says, and none that is held (R67, R68). */
export class UpdateCheck {
  private readonly starts = new Map<string, Start>();

  /** @param world at rest, and about to get other templates while nothing goes wrong */
  constructor(
    private readonly world: Evidence,
    private readonly report: Report,
  ) {
    for (const pool of world.pools()) {
      const { metadata } = pool;
      const { live, taken } = this.podsOf(metadata.uid ?? '');
      const isWhole = isAccepted(pool) && live.every((pod) => isReady(pod) || taken.includes(pod));
      if (isWhole) this.starts.set(metadata.uid ?? '', { size: live.length, old: new Set(live.map(({ metadata: { uid = '' } }) => uid)) });
    }
  }

  /** An operator is about to have a request served. */
  judgeRequest({ method, path }: SentRequest): void {
    if (method !== 'DELETE' || !path.startsWith(podPath(''))) return;
    const pod = this.world.pod(path.slice(podPath('').length));
    const pool = this.world.pools().find(({ metadata }) => pod !== undefined && metadata.uid === ownerOf(pod));
    const start = this.starts.get(pool?.metadata.uid ?? '');
    if (pod === undefined || pool === undefined || start?.old.has(pod.metadata.uid ?? '') !== true || !isReady(pod)) return;
    const { live, taken } = this.podsOf(pool.metadata.uid ?? '');
    const idle = live.filter((other) => isReady(other) && !taken.includes(other)).length;
    const { bufferMax, poolMin } = pool.spec.capacitySpec;
    if (taken.includes(pod) || (idle > bufferMax && live.length > poolMin)) return; // it comes back, or it is one too many
    const size = Math.max(start.size, live.length); // of pods that one wave gives up the operator sees none go before the others
    const unavailable = size - taken.length - idle;
    const most = mostUnavailable(pool, size);
    if (unavailable >= most) this.report('R68', `Ready pod '${pod.metadata.name}' is given up while ${unavailable} are unavailable, of at most ${most}`);
  }

  private podsOf(poolUID: string): { readonly live: readonly Pod[]; readonly taken: readonly Pod[] } {
    const named = this.world.batches().flatMap((batch) => [...recordOf(batch).held, ...recordOf(batch).returning]);
    const taken = new Set(named.map(({ uid }) => uid));
    const live = this.world.pods().filter((pod) => ownerOf(pod) === poolUID && isLive(pod));
    return { live, taken: live.filter(({ metadata }) => taken.has(metadata.uid ?? '')) };
  }
}

/** Most pods that may be unavailable at a time: a number, or a share of all, rounded up; at least one. */
function mostUnavailable({ spec }: Pool, size: number): number {
  const said = spec.updateStrategy?.maxUnavailable ?? '25%';
  const count = typeof said === 'number' ? said : Math.ceil((parseInt(said, 10) * size) / 100);
  return Math.max(1, count);
}
