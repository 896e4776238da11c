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
import { LifecycleError, sandboxNotFound } from '../lifecycle-error';
import type { PoolStore } from '../pools/pool-store';
import { createCompanions, pullSecretName } from './companions';
import { checkCreate, poolRefOf } from './create-check';
import { idOfKey, planSandbox, requestDigest } from './create-plan';
import { NotReady, refuseGone, untilReady } from './creation';
import { planPod } from './pod-plan';
import type { SandboxStore } from './sandbox-store';
import { deletedBeforeReady } from './verdict';

/** How long a sandbox of an idempotency key is kept for a repeat after its create was not ready in time, in ms. */
const KEYED_GRACE_MS = 60_000;
/** Longest time from the write until the wait begins, in ms; a sandbox is taken back that much later than its create has given up. */
const SLACK_MS = 10_000;

/** What a {@link SandboxCreator} needs. */
export interface CreatorOptions {
  readonly api: KubeApi;
  readonly namespace: string;
  readonly store: SandboxStore;
  readonly pools: PoolStore;
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
 * this server dies, each carries the time at which any server takes it back ({@link Annotation.deliverBy}, {@link Annotation.confirmBy}).
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
      return await this.make(input);
    } catch (error) {
      result = error instanceof LifecycleError ? error.code : 'GENERAL::UNKNOWN_ERROR';
      throw error;
    } finally {
      onCreate?.({ mode, result, durationMs: clock.monotonicMs() - startedAtMs });
    }
  }

  private async make({ request, idempotencyKey, isAsync, signal }: CreateInput): Promise<BatchSandbox> {
    const { config, store, pools } = this.options;
    checkCreate(request, config);
    const poolRef = poolRefOf(request);
    // From the cache; that it is there now spares most callers a sandbox that waits for it.
    if (poolRef !== undefined && poolRef !== ANY_POOL) await pools.get(poolRef, signal);
    const made = await this.write(request, poolRef, idempotencyKey, isAsync);
    const { sandbox_create_timeout_seconds: ready, pool_acquisition_timeout_seconds: room } = config.kubernetes;
    try {
      const patience = { readyMs: ready * 1000, roomMs: room * 1000 };
      const told = isAsync ? made : await untilReady(made, { store, pools, clock: this.options.clock, patience }, signal);
      refuseGone(signal);
      const confirmed = await this.confirm(told);
      refuseGone(signal);
      return confirmed;
    } catch (error) {
      const mayBeRepeated = error instanceof NotReady && error.isOpen && idempotencyKey !== undefined;
      if (!mayBeRepeated) await this.takeBack(made);
      throw error;
    }
  }

  /** Writes the sandbox and what it needs. The caller's going away does not cut the write, or nobody would know whether it is there. */
  private async write(request: CreateSandboxRequest, poolRef: string | undefined, idempotencyKey: string | undefined, isAsync: boolean): Promise<BatchSandbox> {
    const { api, namespace, store, config, version, base, clock, newId } = this.options;
    const id = idempotencyKey === undefined ? newId() : idOfKey(idempotencyKey);
    const now = clock.now();
    // A second write confirms what could otherwise stay for ever, or for longer than its create has promised; a pooled sandbox that ends by itself is one write (L23).
    const isConfirmed = poolRef === undefined || typeof request.timeout !== 'number' || idempotencyKey !== undefined;
    const keptMs = config.kubernetes.sandbox_create_timeout_seconds * 1000 + SLACK_MS + (idempotencyKey === undefined ? 0 : KEYED_GRACE_MS);
    const at = new Date(now.getTime() + keptMs);
    // An answer that does not wait for a delivery promises none by then.
    const takeBack = isConfirmed ? ({ at, unless: 'confirmed' } as const) : isAsync ? undefined : ({ at, unless: 'delivered' } as const);
    const pullSecret = request.image?.auth === undefined ? undefined : pullSecretName(id);
    const template = poolRef === undefined ? planPod(request, { config, version, base, pullSecret }) : undefined;
    let batch: BatchSandbox;
    try {
      batch = await store.create(planSandbox(request, { id, namespace, now, poolRef, template, takeBack }), id);
    } catch (error) {
      if (isAlreadyExists(error)) return this.meet(id, request);
      // Without an answer it may be there. Under the id of a key it may be an earlier one that is in use: if it is of now, it goes unless it is confirmed.
      if (idempotencyKey === undefined && (!(error instanceof ApiError) || error.status >= 500)) void this.discard(id);
      throw fromKubeError(error, 'create sandbox');
    }
    if (poolRef !== undefined) return batch;
    try {
      await createCompanions(api, batch, request, config.storage);
    } catch (error) {
      await this.takeBack(batch);
      throw fromKubeError(error, 'create sandbox');
    }
    return batch;
  }

  /** The sandbox that this request, sent before, has made. */
  private async meet(id: string, request: CreateSandboxRequest): Promise<BatchSandbox> {
    const { store } = this.options;
    const existing = store.find(id) ?? (await store.readLive(id));
    if (existing === undefined) throw sandboxNotFound(id);
    if (existing.metadata.annotations?.[Annotation.requestDigest] !== requestDigest(request)) {
      throw new LifecycleError('IDEMPOTENCY::KEY_REUSED', 'idempotency key: it was used for another request; take a new one');
    }
    if (existing.metadata.deletionTimestamp !== undefined) {
      throw new LifecycleError('KUBERNETES::INVALID_STATE', 'idempotency key: the sandbox that it made is being deleted; take a new one', { retryAfterSeconds: 1 });
    }
    return existing;
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

  /** Deletes a sandbox that nobody will know of; what cannot be deleted now is deleted by any server, at its time. */
  private async takeBack(batch: BatchSandbox): Promise<void> {
    try {
      await this.options.store.remove(batch);
    } catch (error) {
      this.options.log.warn({ err: error, sandbox: batch.metadata.name }, 'sandbox not taken back yet');
    }
  }

  /** Deletes a sandbox of which only the name is known, if it is there. */
  private async discard(id: string): Promise<void> {
    try {
      const batch = await this.options.store.readLive(id);
      if (batch !== undefined) await this.takeBack(batch);
    } catch (error) {
      this.options.log.warn({ err: error, sandbox: id }, 'sandbox not looked for');
    }
  }
}
