import { ApiError, isConflict, isNotFound } from '../../operator/kube/api-error';
import type { Clock } from '../../src/program/clock';
import type { BatchSandbox } from '../../src/schema/batch-sandbox';
import { showValue } from '../../src/schema/errors';
import { fromKubeError } from '../kube-errors';
import { invalidRequest, LifecycleError, sandboxNotFound } from '../lifecycle-error';
import { metadataProblems } from './metadata';
import type { SandboxStore } from './sandbox-store';

/** What {@link SandboxOperations} needs. */
export interface OperationsOptions {
  readonly store: SandboxStore;
  readonly clock: Pick<Clock, 'now'>;
}

/** Changes of one sandbox: each is one write to the API server (L28). */
export class SandboxOperations {
  constructor(private readonly options: OperationsOptions) {}

  /** Deletes a sandbox; its pod goes back to its pool, or ends, afterwards. @throws LifecycleError */
  async remove(id: string, signal: AbortSignal): Promise<void> {
    const { store } = this.options;
    const batch = await store.get(id, signal);
    try {
      await store.remove(batch);
    } catch (error) {
      throw fromKubeError(error, `delete sandbox '${id}'`);
    }
  }

  /**
   * Sets the end of a sandbox that has one, whatever else is going on with it.
   *
   * @param expiresAt RFC 3339; without a zone it is UTC
   * @returns the end as it is now
   * @throws LifecycleError DOCKER::INVALID_EXPIRATION: 400 when it is past, 409 for a sandbox without an end
   */
  async renew(id: string, expiresAt: string, signal: AbortSignal): Promise<string> {
    const { store, clock } = this.options;
    const end = new Date(/(Z|[+-]\d{2}:\d{2})$/i.test(expiresAt) ? expiresAt : `${expiresAt}Z`);
    if (Number.isNaN(end.getTime()) || end <= clock.now()) {
      throw invalidRequest([{ path: 'expiresAt', expected: 'a time in the future', got: showValue(expiresAt) }], 'DOCKER::INVALID_EXPIRATION');
    }
    const batch = await store.get(id, signal);
    if (batch.spec.expireTime === undefined) {
      throw new LifecycleError('DOCKER::INVALID_EXPIRATION', `sandbox '${id}': expected one that ends by itself, got one without timeout; delete it when it is no longer needed`, { status: 409 });
    }
    if (batch.metadata.deletionTimestamp !== undefined) throw new LifecycleError('KUBERNETES::INVALID_STATE', `sandbox '${id}': it is being deleted`);
    const expireTime = end.toISOString();
    await this.patch(batch, { metadata: { uid: batch.metadata.uid }, spec: { expireTime } });
    return expireTime;
  }

  /**
   * Sets and removes metadata; what others change at the same time is not lost.
   *
   * @param patch null removes a key
   * @throws LifecycleError INVALID_METADATA_LABEL for a reserved key; KUBERNETES::INVALID_STATE when others change it all the time
   */
  async patchMetadata(id: string, patch: Readonly<Record<string, string | null>>, signal: AbortSignal): Promise<BatchSandbox> {
    const { store } = this.options;
    const { reserved, malformed } = metadataProblems(patch);
    if (reserved.length > 0) throw invalidRequest(reserved, 'INVALID_METADATA_LABEL');
    if (malformed.length > 0) throw invalidRequest(malformed, 'SANDBOX::INVALID_METADATA_LABEL');
    const batch = await store.get(id, signal);
    if (Object.keys(patch).length === 0) return batch;
    const attempt = ({ metadata: { uid, resourceVersion } }: BatchSandbox) => store.patch(id, { metadata: { uid, resourceVersion, labels: patch } });
    // Another of this name is not the one that the caller means.
    const changed = await store.whileUnchanged(batch, attempt, signal).catch((error: unknown) => {
      throw fromKubeError(error, `change sandbox '${id}'`);
    });
    if (changed === undefined) throw sandboxNotFound(id);
    return changed;
  }

  private async patch(batch: BatchSandbox, patch: object): Promise<BatchSandbox> {
    const { name } = batch.metadata;
    try {
      return await this.options.store.patch(name, patch);
    } catch (error) {
      // A conflict on the UID alone: it is another sandbox by now.
      if (error instanceof ApiError && (isNotFound(error) || isConflict(error))) throw sandboxNotFound(name);
      throw fromKubeError(error, `change sandbox '${name}'`);
    }
  }
}
