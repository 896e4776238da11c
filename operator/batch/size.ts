import type { BatchSandbox } from '../../src/schema/batch-sandbox';
import { tooDeep, unlessTooDeep } from '../../src/schema/depth';
import type { Problem } from '../../src/schema/errors';
import { Annotation } from '../../src/schema/names';
import { MAX_ANNOTATION_BYTES } from './publish';

/** Most bytes of a batch: etcd takes 1,572,864 in a request, and conditions, field owners and another writer need some. */
const MAX_BATCH_BYTES = 1_500_000;
/** What a slot costs in the status: its pod in the record, with the comma, and the letter of its task. */
const STATUS_BYTES_A_SLOT = 46;
/** What a slot may cost in the mirrors: three times a name or an address. They are left out where they do not fit (R132). */
const MIRROR_BYTES_A_SLOT = 200;
/** Batches up to this size need so little that only what the user writes could be too large, and of that the API server judges. */
const SMALL_REPLICAS = 1_000;
/** Annotations that the operator writes, and counts as its own. */
const MIRRORS: readonly string[] = [Annotation.endpoints, Annotation.allocStatus, Annotation.allocReleased, Annotation.mirrorOmitted];

/** Most bytes that the operator adds to a batch of this size, in whatever state it is (R131). */
export function bytesToAdd(replicas: number): number {
  return replicas * STATUS_BYTES_A_SLOT + Math.min(replicas * MIRROR_BYTES_A_SLOT, MAX_ANNOTATION_BYTES);
}

/** Why a batch cannot hold what the operator has to write into it; `undefined` when it can (R131). */
export function findOversize({ metadata, spec }: BatchSandbox): Problem | undefined {
  const { replicas = 1 } = spec;
  if (replicas <= SMALL_REPLICAS) return undefined;
  const annotations = Object.fromEntries(Object.entries(metadata.annotations ?? {}).filter(([key]) => !MIRRORS.includes(key)));
  const text = unlessTooDeep(() => JSON.stringify({ spec, annotations, labels: metadata.labels }), undefined);
  if (text === undefined) return tooDeep('spec');
  const bytes = Buffer.byteLength(text);
  const room = MAX_BATCH_BYTES - bytesToAdd(replicas);
  if (bytes <= room) return undefined;
  return { path: 'spec', expected: `at most ${room} bytes, annotations included, for ${replicas} replicas`, got: String(bytes), fix: 'split the batch, or make its patches smaller' };
}
