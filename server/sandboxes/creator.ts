import type { KubeApi } from '../../operator/kube/api';
import { ApiError, isAlreadyExists, isConflict, isNotFound } from '../../operator/kube/api-error';
import type { Clock } from '../../src/program/clock';
import type { Logger } from '../../src/program/log';
import type { BatchSandbox } from '../../src/schema/batch-sandbox';
import type { PodTemplateSpec } from '../../src/schema/kubernetes';
import type { CreateSandboxRequest } from '../../src/schema/lifecycle-request';
import { Annotation, ANY_POOL } from '../../src/schema/names';
import type { ServerConfig } from '../../src/schema/server-config';
import { fromKubeError } from '../kube-errors';
import { LifecycleError } from '../lifecycle-error';
import type { PoolStore } from '../pools/pool-store';
import { createCompanions, pullSecretName } from './companions';
import { checkCreate, poolRefOf } from './create-check';
import { idOfKey, planSandbox, requestDigest } from './create-plan';
import { NotReady, refuseGone, untilReady } from './creation';
import type { PlatformCheck } from './platform-check';
import { planPod } from './pod-plan';
import type { SandboxStore } from './sandbox-store';
import { isUnconfirmed, planTakeBack } from './take-back';
import { deletedBeforeReady } from './verdict';

/** What a {@link SandboxCreator} needs. */
export interface CreatorOptions {
  readonly api: KubeApi;
  readonly namespace: string;
  readonly store: SandboxStore;
  readonly pools: PoolStore;
  readonly platforms: Pick<PlatformCheck, 'expectNode'>;
  readonly config: ServerConfig;
  /** Version of this package. */
  readonly version: string;
  /** Template of sandboxes without a pool. @default - an empty one */
  readonly base?: PodTemplateSpec;
  readonly clock: Clock;
  readonly log: Logger;
  /** Makes the id of a sandbox. */
  readonly newId: () => string;
  /** Told of the end of every create that was tried. */
  readonly onCreate?: (create: { readonly mode: 'pool' | 'direct'; readonly result: string; readonly durationMs: number }) => void;
}

/** One create. */
export interface CreateInput {
  readonly request: CreateSandboxRequest;
  /** By which a repeat is known. @default - it is never repeated */
  readonly idempotencyKey?: string;
  /** Answers as soon as it is written, with state Pending; else when it runs. */
  readonly isAsync: boolean;
  readonly signal: AbortSignal;
}

/**
 * Makes sandboxes: one write, and a wait for the cluster to say that it is there.
 *
 * No sandbox stays that nobody can know of. One that failed, or whose caller has gone, is deleted before the answer; and for the case that
 * this server dies, each carries the time at which any server takes it back ({@link Annotation.deliverBy}, {@link Annotation.confirmBy}). One of a key may stay
 * after all: when its caller goes while it is confirmed, it is there for a repeat, until its end if it has one.
 *
 * @see docs/adr/0021-lifecycle-server.md
 */
export class SandboxCreator {
  constructor(private readonly options: CreatorOptions) {}

  /**
   * Makes a sandbox, or meets the one that a request with the same key has made.
   *
   * @throws LifecycleError
   */
  async create(input: CreateInput): Promise<BatchSandbox> {
    const { clock, onCreate } = this.options;
    const startedAtMs = clock.monotonicMs();
    const mode = poolRefOf(input.request) === undefined ? 'direct' : 'pool';
    let result = 'ready';
    try {
      return await this.make(input, startedAtMs);
    } catch (error) {
      result = error instanceof LifecycleError ? error.code : 'GENERAL::UNKNOWN_ERROR';
      throw error;
    } finally {
      onCreate?.({ mode, result, durationMs: clock.monotonicMs() - startedAtMs });
    }
  }

  private async make({ request, idempotencyKey, isAsync, signal }: CreateInput, startedAtMs: number): Promise<BatchSandbox> {
    const { config, store, pools, platforms } = this.options;
    checkCreate(request, config);
    const poolRef = poolRefOf(request);
    // From the cache; that it is there now spares most callers a sandbox that waits for it. A sandbox that is there already may have outlived its pool.
    const isRepeat = idempotencyKey !== undefined && store.find(idOfKey(idempotencyKey)) !== undefined;
    if (poolRef !== undefined && poolRef !== ANY_POOL && !isRepeat) await pools.get(poolRef, signal);
    if (request.platform !== undefined && config.kubernetes.platform_check && !isRepeat) await platforms.expectNode(request.platform);
    refuseGone(signal);
    const made = await this.write(request, poolRef, idempotencyKey, isAsync);
    const { sandbox_create_timeout_seconds: ready, pool_acquisition_timeout_seconds: room } = config.kubernetes;
    try {
      if (poolRef === undefined && isUnconfirmed(made)) await this.complete(made, request);
      const patience = { startedAtMs, readyMs: ready * 1000, roomMs: room * 1000 };
      const told = isAsync ? made : await untilReady(made, { store, pools, clock: this.options.clock, patience }, signal);
      refuseGone(signal);
      const confirmed = await this.confirm(told);
      refuseGone(signal);
      return confirmed;
    } catch (error) {
      await this.giveUp(made, error, idempotencyKey !== undefined);
      throw error;
    }
  }

  /** Writes the sandbox, or meets it. The caller's going away does not cut the write, or nobody would know whether it is there. */
  private async write(request: CreateSandboxRequest, poolRef: string | undefined, idempotencyKey: string | undefined, isAsync: boolean): Promise<BatchSandbox> {
    const { namespace, store, config, version, base, clock, newId } = this.options;
    const [id, hasKey] = idempotencyKey === undefined ? [newId(), false] : [idOfKey(idempotencyKey), true];
    const now = clock.now();
    const readyMs = config.kubernetes.sandbox_create_timeout_seconds * 1000;
    const takeBack = planTakeBack({ now, readyMs, isPooled: poolRef !== undefined, hasEnd: typeof request.timeout === 'number', hasKey, isAsync });
    const pullSecret = request.image?.auth === undefined ? undefined : pullSecretName(id);
    const template = poolRef === undefined ? planPod(request, { config, version, base, pullSecret }) : undefined;
    try {
      return await store.create(planSandbox(request, { id, namespace, now, poolRef, template, takeBack }), id);
    } catch (error) {
      if (isAlreadyExists(error)) return this.meet(id, request, takeBack?.at);
      // Without an answer it may be there. Under the id of a key it may be an earlier one that is in use: if it is of now, it goes unless it is confirmed.
      if (!hasKey && (!(error instanceof ApiError) || error.status >= 500)) void this.discard(id);
      throw fromKubeError(error, 'create sandbox');
    }
  }

  /** The sandbox that this request, sent before, has made. While nobody has been told of it, its time begins anew, or it could go while this create waits. */
  private async meet(id: string, request: CreateSandboxRequest, takeBackAt: Date | undefined): Promise<BatchSandbox> {
    const { store } = this.options;
    const isGoing = () => new LifecycleError('KUBERNETES::INVALID_STATE', 'idempotency key: the sandbox that it made is being deleted; try again, or take a new key', { retryAfterSeconds: 1 });
    const existing = store.find(id) ?? (await store.readLive(id));
    if (existing === undefined) throw isGoing();
    if (existing.metadata.annotations?.[Annotation.requestDigest] !== requestDigest(request)) {
      throw new LifecycleError('IDEMPOTENCY::KEY_REUSED', 'idempotency key: it was used for another request; take a new one');
    }
    // Bound to what was looked at: one that another create has confirmed meanwhile must not be marked again.
    const prolong = async (now: BatchSandbox) => {
      const { uid, resourceVersion, deletionTimestamp } = now.metadata;
      if (deletionTimestamp !== undefined) throw isGoing();
      if (!isUnconfirmed(now) || takeBackAt === undefined) return now;
      return store.patch(id, { metadata: { uid, resourceVersion, annotations: { [Annotation.confirmBy]: takeBackAt.toISOString() } } });
    };
    const met = await store.whileUnchanged(existing, prolong).catch((error: unknown) => {
      throw fromKubeError(error, `meet sandbox '${id}'`);
    });
    if (met === undefined) throw isGoing();
    return met;
  }

  /** Makes what the pod of a sandbox needs beside itself, or what is missing of it. */
  private async complete(batch: BatchSandbox, request: CreateSandboxRequest): Promise<void> {
    const { api, config } = this.options;
    await createCompanions(api, batch, request, config.storage).catch((error: unknown) => {
      throw fromKubeError(error, 'create sandbox');
    });
  }

  /** Notes that the create is answered, where that is to be noted. @throws NotReady when a server that took it for abandoned was faster */
  private async confirm(batch: BatchSandbox): Promise<BatchSandbox> {
    const { name, uid, annotations } = batch.metadata;
    if (annotations?.[Annotation.confirmBy] === undefined) return batch;
    const patch = { metadata: { uid, annotations: { [Annotation.confirmBy]: null } } };
    const confirmed = await this.options.store.patch(name, patch).catch((error: unknown) => {
      // A conflict on the UID alone: it is another sandbox by now.
      if (isNotFound(error) || isConflict(error)) return undefined;
      throw fromKubeError(error, `confirm sandbox '${name}'`);
    });
    if (confirmed === undefined || confirmed.metadata.deletionTimestamp !== undefined) throw new NotReady(deletedBeforeReady(), false);
    return confirmed;
  }

  /**
   * Deletes the sandbox of a create that has failed, if nobody can know of it; what cannot be deleted now is deleted by any server, at its time.
   *
   * One of a key belongs to every request with that key. It stays for a repeat until its time is over, and goes at once only when nothing can come of it;
   * and it never goes once one of them has been answered.
   */
  private async giveUp(batch: BatchSandbox, error: unknown, hasKey: boolean): Promise<void> {
    const { store, log } = this.options;
    try {
      if (!hasKey) await store.remove(batch);
      else if (error instanceof NotReady && !error.isOpen) await store.removeIf(batch, isUnconfirmed);
    } catch (failure) {
      log.warn({ err: failure, sandbox: batch.metadata.name }, 'sandbox not taken back yet');
    }
  }

  /** Deletes a sandbox of which only the name is known, if it is there. */
  private async discard(id: string): Promise<void> {
    const { store, log } = this.options;
    try {
      const batch = await store.readLive(id);
      if (batch !== undefined) await store.remove(batch);
    } catch (error) {
      log.warn({ err: error, sandbox: id }, 'sandbox not taken back yet');
    }
  }
}
