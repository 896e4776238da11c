import type { KubeApi, NewObject } from '../../operator/kube/api';
import { isNotFound } from '../../operator/kube/api-error';
import { Informer } from '../../operator/kube/informer';
import { BATCHES } from '../../operator/kube/resource-types';
import { trimObject } from '../../operator/kube/trim';
import type { Clock } from '../../src/program/clock';
import type { Logger } from '../../src/program/log';
import type { BatchSandbox } from '../../src/schema/batch-sandbox';
import { Label } from '../../src/schema/names';
import { LifecycleError, sandboxNotFound } from '../lifecycle-error';
import { fromKubeError } from '../kube-errors';
import { TokenBucket } from '../token-bucket';
import { type IndexQuery, OrderedIndex } from './ordered-index';

/** Reads of single objects that the cache does not know: a second, and at once (L26). */
const LIVE_READS = { perSecond: 20, burst: 50 } as const;
/** What a name may be; anything else is not asked for. */
const OBJECT_NAME = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/;

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
  private readonly informer: Informer<BatchSandbox>;
  private readonly index = new OrderedIndex();
  private readonly listeners = new Map<string, Set<() => void>>();
  private readonly liveReads: TokenBucket;
  private isSynced = false;

  constructor(private readonly options: SandboxStoreOptions) {
    const { api, namespace, clock, log, liveReadsPerSecond = LIVE_READS.perSecond } = options;
    this.informer = new Informer({ api, type: BATCHES, namespaces: [namespace], labelSelector: Label.sandboxId, trim: trimObject, clock, log });
    this.liveReads = new TokenBucket(clock, liveReadsPerSecond, Math.max(LIVE_READS.burst, liveReadsPerSecond));
    this.informer.cache.onChange(({ key, after }) => {
      const id = key.slice(namespace.length + 1);
      if (after === undefined) this.index.delete(id);
      else this.index.set(after);
      this.listeners.get(id)?.forEach((listener) => listener());
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

  /** Deletes this very sandbox; one that is gone already is deleted. @throws ApiError, TransportError */
  async remove({ metadata: { name, uid = '' } }: BatchSandbox): Promise<void> {
    const { api, namespace } = this.options;
    try {
      await this.informer.cache.remove(this.key(name), uid, () => api.delete(BATCHES, { namespace, name }, { uid, gracePeriodSeconds: 0, propagationPolicy: 'Background' }));
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  /** Calls the listener after every change of one sandbox; the returned function ends that. */
  onChange(id: string, listener: () => void): () => void {
    const ofId = this.listeners.get(id) ?? new Set();
    this.listeners.set(id, ofId.add(listener));
    return () => {
      ofId.delete(listener);
      if (ofId.size === 0) this.listeners.delete(id);
    };
  }

  private expectSynced(): void {
    if (!this.isSynced) throw new LifecycleError('KUBERNETES::INITIALIZATION_ERROR', undefined, { retryAfterSeconds: 1 });
  }

  private key(id: string): string {
    return `${this.options.namespace}/${id}`;
  }
}
