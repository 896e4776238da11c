import type { BatchSandbox, BatchSandboxStatus } from '../../src/schema/batch-sandbox';
import { objectKey } from '../../src/schema/kubernetes';
import { Annotation } from '../../src/schema/names';
import { type KubeApi, metadataOf } from '../kube/api';
import type { ObjectCache } from '../kube/cache';
import { BATCHES } from '../kube/resource-types';
import { type PatchStep, patchVersion, pointer } from '../kube/versioned-patch';
import type { OwnWrites } from '../own-writes';
import { diffStatus } from './status';

/** Space for all annotations of an object together, in bytes, with room for one more writer's edit at the same time. */
export const MAX_ANNOTATION_BYTES = 262_144 - 4_096;

/** Metadata of a batch as the operator wants it. */
export interface WantedMetadata {
  /** Our finalizers that must be there. */
  readonly finalizers: readonly string[];
  /** Our finalizers that must not be there. */
  readonly dropFinalizers?: readonly string[];
  /** Value of `endpoints`; absent leaves it as it is. */
  readonly endpoints?: readonly string[];
  /** Names of held pods in slot order, for the mirror; absent leaves it as it is. */
  readonly podNames?: readonly string[];
  /** Names of the pods of the last return, for the mirror; absent leaves it as it is, while there is space. */
  readonly releasedNames?: readonly string[];
}

/**
 * Writes what the operator says about a batch: its status, then its metadata; once, the Pool that it has chosen.
 *
 * Each carries the resourceVersion that the decision was made on, so a batch that changed meanwhile makes a conflict and not a mistake (R106).
 */
export class BatchPublisher {
  constructor(
    private readonly api: KubeApi,
    private readonly batches: ObjectCache<BatchSandbox>,
    private readonly ownWrites: OwnWrites,
  ) {}

  /** Writes the status when it differs; returns the newest batch. */
  async writeStatus(batch: BatchSandbox, status: BatchSandboxStatus, signal: AbortSignal): Promise<BatchSandbox> {
    const steps = diffStatus(batch.status, status);
    return steps.length === 0 ? batch : this.patch(batch, steps, { status }, 'status', signal);
  }

  /** Writes finalizers and annotations when they differ; returns the newest batch. */
  async writeMetadata(batch: BatchSandbox, wanted: WantedMetadata, signal: AbortSignal): Promise<BatchSandbox> {
    const metadata = planMetadata(batch, wanted);
    if (metadata === undefined) return batch;
    return this.patch(batch, metadataSteps(batch, metadata), {}, undefined, signal);
  }

  /** Writes the Pool that was chosen for a batch into its spec; returns the newest batch. The only thing of a user's that the operator writes (R73). */
  async writePoolRef(batch: BatchSandbox, poolName: string, signal: AbortSignal): Promise<BatchSandbox> {
    return this.patch(batch, [{ op: 'add', path: '/spec/poolRef', value: poolName }], { spec: { ...batch.spec, poolRef: poolName } }, undefined, signal);
  }

  /** Forgets what was written to a batch that is gone. */
  forget(batch: BatchSandbox): void {
    this.ownWrites.forget(batch);
  }

  /** @param after what the patch makes of the batch beside its metadata; sure, since the version is a precondition */
  private patch(batch: BatchSandbox, steps: readonly PatchStep[], after: Partial<BatchSandbox>, subresource: 'status' | undefined, signal: AbortSignal) {
    const send = async () => ({ ...batch, ...after, ...(await metadataOf(patchVersion(this.api, BATCHES, batch, steps, { subresource, signal, answer: 'metadata' }))) });
    return this.batches.write(objectKey(batch), () => this.ownWrites.write(batch, send));
  }
}

/** The part of the metadata that differs. */
export interface MetadataPlan {
  readonly finalizers?: readonly string[];
  /** Null for one that goes. */
  readonly annotations?: Readonly<Record<string, string | null>>;
}

/** The part of the metadata that differs; `undefined` when nothing does. Finalizers of others are kept in their place (R122). */
export function planMetadata(batch: BatchSandbox, wanted: WantedMetadata): MetadataPlan | undefined {
  const current = batch.metadata.finalizers ?? [];
  const kept = current.filter((finalizer) => wanted.dropFinalizers?.includes(finalizer) !== true);
  // The API server accepts no new finalizer on an object that is being deleted.
  const missing = batch.metadata.deletionTimestamp === undefined ? wanted.finalizers.filter((finalizer) => !current.includes(finalizer)) : [];
  const plan: MetadataPlan = {
    ...((kept.length !== current.length || missing.length > 0) && { finalizers: [...kept, ...missing] }),
    ...nonEmpty(planAnnotations(batch, wanted)),
  };
  return Object.keys(plan).length === 0 ? undefined : plan;
}

const nonEmpty = (annotations: Record<string, string | null>): MetadataPlan => (Object.keys(annotations).length === 0 ? {} : { annotations });

/** Steps that make the metadata as planned. */
export function metadataSteps({ metadata }: BatchSandbox, { finalizers, annotations = {} }: MetadataPlan): PatchStep[] {
  const steps: PatchStep[] = finalizers === undefined ? [] : [{ op: 'add', path: '/metadata/finalizers', value: finalizers }];
  const named = Object.entries(annotations);
  const added = Object.fromEntries(named.filter(([, value]) => value !== null));
  // A member of what is not there cannot be set.
  if (metadata.annotations === undefined) return named.length === 0 ? steps : [...steps, { op: 'add', path: '/metadata/annotations', value: added }];
  for (const [key, value] of named) {
    const path = pointer('metadata', 'annotations', key);
    steps.push(value === null ? { op: 'remove', path } : { op: 'add', path, value });
  }
  return steps;
}

function planAnnotations(batch: BatchSandbox, { endpoints, podNames, releasedNames }: WantedMetadata): Record<string, string | null> {
  const current = batch.metadata.annotations ?? {};
  const mirrors: [string, string][] = [];
  if (endpoints !== undefined) mirrors.push([Annotation.endpoints, JSON.stringify(endpoints)]);
  if (podNames !== undefined) mirrors.push([Annotation.allocStatus, JSON.stringify({ pods: podNames })]);
  const released = releasedNames === undefined ? current[Annotation.allocReleased] : JSON.stringify({ pods: releasedNames });
  if (released !== undefined && (releasedNames !== undefined || mirrors.length > 0)) mirrors.push([Annotation.allocReleased, released]);
  if (mirrors.length === 0) return {};
  const ours = new Set([...mirrors.map(([key]) => key), Annotation.mirrorOmitted as string]);
  let bytes = 0;
  for (const [key, value] of Object.entries(current)) if (!ours.has(key)) bytes += byteLength(key, value);
  const wanted: Record<string, string | null> = {};
  const omitted: string[] = [];
  // Endpoints come first: when space runs out, the mirrors that only people read are left out, the last return before what is held (R132).
  for (const [key, value] of mirrors) {
    const size = byteLength(key, value);
    if (bytes + size > MAX_ANNOTATION_BYTES) {
      omitted.push(key);
      wanted[key] = null;
    } else {
      bytes += size;
      wanted[key] = value;
    }
  }
  wanted[Annotation.mirrorOmitted] = omitted.length > 0 ? JSON.stringify(omitted) : null;
  return Object.fromEntries(Object.entries(wanted).filter(([key, value]) => (current[key] ?? null) !== value));
}

function byteLength(key: string, value: string): number {
  return Buffer.byteLength(key) + Buffer.byteLength(value);
}
