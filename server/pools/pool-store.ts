import type { KubeApi, NewObject } from '../../operator/kube/api';
import { isNotFound } from '../../operator/kube/api-error';
import { Informer } from '../../operator/kube/informer';
import { POOLS } from '../../operator/kube/resource-types';
import { trimObject } from '../../operator/kube/trim';
import type { Clock } from '../../src/program/clock';
import type { Logger } from '../../src/program/log';
import type { Pool } from '../../src/schema/pool';
import { KeyedListeners } from '../keyed-listeners';
import { fromKubeError } from '../kube-errors';
import { LifecycleError, poolNotFound } from '../lifecycle-error';
import { TokenBucket } from '../token-bucket';

/** Reads of single pools that the cache does not know: a second, and at once. */
const LIVE_READS = { perSecond: 10, burst: 20 } as const;
const OBJECT_NAME = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/;

/** What a {@link PoolStore} needs. */
export interface PoolStoreOptions {
  readonly api: KubeApi;
  readonly namespace: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/** The pools of a namespace, read from a watch, own writes shown at once. */
export class PoolStore {
  /** Resolves when all pools are known. */
  readonly synced: Promise<void>;
  private readonly informer: Informer<Pool>;
  private readonly listeners = new KeyedListeners();
  /** When a pool last had fewer pods than before, or went, by the monotonic clock in ms; at first the start. */
  private lastLossAtMs: number;
  private readonly liveReads: TokenBucket;
  private isSynced = false;

  constructor(private readonly options: PoolStoreOptions) {
    const { api, namespace, clock, log } = options;
    this.informer = new Informer({ api, type: POOLS, namespaces: [namespace], trim: trimObject, clock, log });
    this.lastLossAtMs = clock.monotonicMs();
    this.informer.cache.onChange(({ key, before, after }) => {
      if (hasLost(before, after)) this.lastLossAtMs = clock.monotonicMs();
      this.listeners.tell(key);
    });
    this.liveReads = new TokenBucket(clock, LIVE_READS.perSecond, LIVE_READS.burst);
    this.synced = this.informer.synced.then(() => {
      this.isSynced = true;
    });
  }

  /** Keeps the pools up to date until the signal aborts. */
  run(signal: AbortSignal): Promise<void> {
    return this.informer.run(signal);
  }

  /** Why reads cannot be trusted; undefined when they can. */
  notReady(staleMs: number): string | undefined {
    if (!this.isSynced) return 'the pools are not listed yet';
    const ageMs = this.informer.ageMs();
    return ageMs > staleMs ? `nothing was heard of pools for ${Math.round(ageMs / 1000)} s` : undefined;
  }

  /** Ms since the API server was heard of. */
  ageMs(): number {
    return this.informer.ageMs();
  }

  /** What the cache knows of a pool. */
  find(name: string): Pool | undefined {
    return this.informer.cache.get(this.key(name));
  }

  /** Calls the listener after every change of one pool; the returned function ends that. */
  onChange(name: string, listener: () => void): () => void {
    return this.listeners.add(this.key(name), listener);
  }

  /**
   * Ms since any pool had fewer pods than before, or went; at most since the start, of before which nothing is known. A pod that ends counts in quotas
   * until it has gone, while the status of its pool leaves it out from the beginning.
   */
  sinceLossMs(): number {
    return this.options.clock.monotonicMs() - this.lastLossAtMs;
  }

  /** All pools, by name. @throws LifecycleError KUBERNETES::INITIALIZATION_ERROR before the first list */
  all(): readonly Pool[] {
    this.expectSynced();
    return [...this.informer.cache.values()].sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  }

  /**
   * A pool from the cache; one that it does not know is read once, since it may just have been made.
   *
   * @throws LifecycleError KUBERNETES::POOL_NOT_FOUND, KUBERNETES::UNAVAILABLE, KUBERNETES::INITIALIZATION_ERROR
   */
  async get(name: string, signal: AbortSignal): Promise<Pool> {
    this.expectSynced();
    const known = this.find(name);
    if (known !== undefined) return known;
    if (!OBJECT_NAME.test(name)) throw poolNotFound(name);
    if (!this.liveReads.take()) {
      throw new LifecycleError('KUBERNETES::UNAVAILABLE', `pool '${name}': not known here, and too many such reads at once`, { retryAfterSeconds: 1 });
    }
    const { api, namespace } = this.options;
    try {
      return await api.get(POOLS, { namespace, name }, { signal });
    } catch (error) {
      throw isNotFound(error) ? poolNotFound(name) : fromKubeError(error, `read pool '${name}'`);
    }
  }

  /** Makes a pool and shows it at once. @throws ApiError, TransportError */
  create(object: NewObject<Pool>, name: string): Promise<Pool> {
    return this.informer.cache.write(this.key(name), () => this.options.api.create(POOLS, object));
  }

  /** Changes a pool by a merge patch and shows it at once. @throws ApiError, TransportError */
  patch(name: string, patch: object): Promise<Pool> {
    const { api, namespace } = this.options;
    return this.informer.cache.write(this.key(name), () => api.patch(POOLS, { namespace, name }, 'merge', patch));
  }

  /** Deletes this very pool. @throws ApiError, TransportError */
  async remove({ metadata: { name, uid = '' } }: Pool): Promise<void> {
    const { api, namespace } = this.options;
    await this.informer.cache.remove(this.key(name), uid, () => api.delete(POOLS, { namespace, name }, { uid, propagationPolicy: 'Background' }));
  }

  private expectSynced(): void {
    if (!this.isSynced) throw new LifecycleError('KUBERNETES::INITIALIZATION_ERROR', undefined, { retryAfterSeconds: 1 });
  }

  private key(name: string): string {
    return `${this.options.namespace}/${name}`;
  }
}

/** Whether a pool has fewer pods than before, or is gone; another may have its name. */
function hasLost(before: Pool | undefined, after: Pool | undefined): boolean {
  if (before === undefined) return false;
  return after === undefined || after.metadata.uid !== before.metadata.uid || (after.status?.total ?? 0) < (before.status?.total ?? 0);
}
