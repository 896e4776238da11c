import type { KubeApi, NewObject } from '../../operator/kube/api';
import { isConflict, isNotFound } from '../../operator/kube/api-error';
import { Informer } from '../../operator/kube/informer';
import { BATCHES } from '../../operator/kube/resource-types';
import { trimObject } from '../../operator/kube/trim';
import type { Clock } from '../../src/program/clock';
import type { Logger } from '../../src/program/log';
import type { BatchSandbox } from '../../src/schema/batch-sandbox';
import { Label } from '../../src/schema/names';
import { LifecycleError, sandboxNotFound } from '../lifecycle-error';
import { KeyedListeners } from '../keyed-listeners';
import { fromKubeError } from '../kube-errors';
import { TokenBucket } from '../token-bucket';
import { type IndexQuery, OrderedIndex } from './ordered-index';
import { PodHolders } from './pod-holders';

/** Reads of single objects that the cache does not know: a second, and at once (L26). */
const LIVE_READS = { perSecond: 20, burst: 50 } as const;
/** What a name may be; anything else is not asked for. */
const OBJECT_NAME = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/;
/** Tries of a change that others keep changing too. */
const CHANGE_TRIES = 5;

/** What a {@link SandboxStore} needs. */
export interface SandboxStoreOptions {
  readonly api: KubeApi;
  readonly namespace: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Reads a second of what the cache does not know. @default 20 */
  readonly liveReadsPerSecond?: number;
}

/**
 * The sandboxes of a namespace: read from a watch, own writes shown at once, changes told by id.
 *
 * A sandbox is a BatchSandbox with the label `opensandbox.io/id`, which is its name too.
 */
export class SandboxStore {
  /** Resolves when all sandboxes are known. */
  readonly synced: Promise<void>;
  /** Who has pods of pools. */
  readonly holders: PodHolders;
  private readonly informer: Informer<BatchSandbox>;
  private readonly index = new OrderedIndex();
  private readonly listeners = new KeyedListeners();
  private readonly liveReads: TokenBucket;
  private isSynced = false;

  constructor(private readonly options: SandboxStoreOptions) {
    const { api, namespace, clock, log, liveReadsPerSecond = LIVE_READS.perSecond } = options;
    this.informer = new Informer({ api, type: BATCHES, namespaces: [namespace], labelSelector: Label.sandboxId, trim: trimObject, clock, log });
    this.liveReads = new TokenBucket(clock, liveReadsPerSecond, Math.max(LIVE_READS.burst, liveReadsPerSecond));
    this.holders = new PodHolders(clock);
    this.informer.cache.onChange(({ key, before, after }) => {
      const id = key.slice(namespace.length + 1);
      if (after === undefined) this.index.delete(id);
      else this.index.set(after);
      this.holders.note(before, after);
      this.listeners.tell(id);
    });
    this.synced = this.informer.synced.then(() => {
      this.isSynced = true;
    });
  }

  /** Keeps the sandboxes up to date until the signal aborts. */
  run(signal: AbortSignal): Promise<void> {
    return this.informer.run(signal);
  }

  /** Why reads cannot be trusted; undefined when they can. */
  notReady(staleMs: number): string | undefined {
    if (!this.isSynced) return 'the sandboxes are not listed yet';
    const ageMs = this.informer.ageMs();
    return ageMs > staleMs ? `nothing was heard of sandboxes for ${Math.round(ageMs / 1000)} s` : undefined;
  }

  /** Ms since the API server was heard of. */
  ageMs(): number {
    return this.informer.ageMs();
  }

  /** All sandboxes, in no order. */
  values(): IterableIterator<BatchSandbox> {
    return this.informer.cache.values();
  }

  /** What the cache knows of a sandbox. */
  find(id: string): BatchSandbox | undefined {
    return this.informer.cache.get(this.key(id));
  }

  /** One page of a list, from the cache. @throws LifecycleError KUBERNETES::INITIALIZATION_ERROR before the first list */
  page(query: IndexQuery, page: number, pageSize: number): { readonly items: readonly BatchSandbox[]; readonly total: number } {
    this.expectSynced();
    return this.index.page(query, page, pageSize);
  }

  /**
   * A sandbox from the cache; one that it does not know is read once, since another replica may just have made it.
   *
   * @throws LifecycleError KUBERNETES::SANDBOX_NOT_FOUND, KUBERNETES::UNAVAILABLE, KUBERNETES::INITIALIZATION_ERROR
   */
  async get(id: string, signal: AbortSignal): Promise<BatchSandbox> {
    this.expectSynced();
    const known = this.find(id);
    if (known !== undefined) return known;
    if (!OBJECT_NAME.test(id)) throw sandboxNotFound(id);
    if (!this.liveReads.take()) {
      throw new LifecycleError('KUBERNETES::UNAVAILABLE', `sandbox '${id}': not known here, and too many such reads at once`, { retryAfterSeconds: 1 });
    }
    const batch = await this.readLive(id, signal);
    if (batch?.metadata.labels?.[Label.sandboxId] === undefined) throw sandboxNotFound(id);
    return batch;
  }

  /** A sandbox as the API server has it now, undefined when there is none. @throws LifecycleError */
  async readLive(id: string, signal?: AbortSignal): Promise<BatchSandbox | undefined> {
    const { api, namespace } = this.options;
    try {
      return await api.get(BATCHES, { namespace, name: id }, { signal });
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw fromKubeError(error, `read sandbox '${id}'`);
    }
  }

  /** Makes a sandbox and shows it at once. @throws ApiError, TransportError */
  create(object: NewObject<BatchSandbox>, id: string): Promise<BatchSandbox> {
    return this.informer.cache.write(this.key(id), () => this.options.api.create(BATCHES, object));
  }

  /** Changes a sandbox by a merge patch and shows it at once. @throws ApiError, TransportError */
  patch(id: string, patch: object, signal?: AbortSignal): Promise<BatchSandbox> {
    const { api, namespace } = this.options;
    return this.informer.cache.write(this.key(id), () => api.patch(BATCHES, { namespace, name: id }, 'merge', patch, { signal }));
  }

  /**
   * Tries something that holds for the state of a sandbox that it is given, and again with the state of then when another has changed it meanwhile.
   *
   * @param attempt bound to the resource version of what it is given
   * @returns undefined when the sandbox is gone, or another has its name
   * @throws ApiError (a conflict when others change it all the time), TransportError, LifecycleError
   */
  async whileUnchanged<T>(batch: BatchSandbox, attempt: (now: BatchSandbox) => Promise<T>, signal?: AbortSignal): Promise<T | undefined> {
    const { name, uid } = batch.metadata;
    let now: BatchSandbox | undefined = batch;
    for (let tries = 1; now !== undefined && now.metadata.uid === uid; tries += 1) {
      try {
        return await attempt(now);
      } catch (error) {
        if (isNotFound(error)) return undefined;
        if (!isConflict(error) || tries === CHANGE_TRIES) throw error;
      }
      now = await this.readLive(name, signal);
    }
    return undefined;
  }

  /** Deletes this very sandbox; one that is gone already is deleted. @throws ApiError, TransportError */
  async remove(batch: BatchSandbox): Promise<void> {
    try {
      await this.delete(batch);
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  /**
   * Deletes this very sandbox in a state of which something holds, and leaves it when that has changed, in the cache or not.
   *
   * @returns whether it was deleted
   * @throws ApiError, TransportError, LifecycleError
   */
  async removeIf(batch: BatchSandbox, holds: (now: BatchSandbox) => boolean): Promise<boolean> {
    const attempt = async (now: BatchSandbox) => {
      if (!holds(now)) return false;
      await this.delete(now, now.metadata.resourceVersion);
      return true;
    };
    return (await this.whileUnchanged(batch, attempt)) ?? false;
  }

  /** Calls the listener after every change of one sandbox; the returned function ends that. */
  onChange(id: string, listener: () => void): () => void {
    return this.listeners.add(id, listener);
  }

  private async delete({ metadata: { name, uid = '' } }: BatchSandbox, resourceVersion?: string): Promise<void> {
    const { api, namespace } = this.options;
    const options = { uid, resourceVersion, gracePeriodSeconds: 0, propagationPolicy: 'Background' } as const;
    await this.informer.cache.remove(this.key(name), uid, () => api.delete(BATCHES, { namespace, name }, options));
  }

  private expectSynced(): void {
    if (!this.isSynced) throw new LifecycleError('KUBERNETES::INITIALIZATION_ERROR', undefined, { retryAfterSeconds: 1 });
  }

  private key(id: string): string {
    return `${this.options.namespace}/${id}`;
  }
}
