import { MAX_BATCH_REPLICAS } from './schema/batch-sandbox';

/**
 * Most bytes of a rendered batch with the addresses of its sandboxes.
 *
 * Kubernetes allows 262,144 bytes of annotations. `kubectl apply` keeps a copy of the whole object there, and the operator publishes
 * one address a sandbox beside it.
 */
export const MAX_SLICE_BYTES = 240_000;
/** One published IPv4 address, with quotes and comma. */
export const ENDPOINT_BYTES = 18;
/** Most bytes of one rendered batch; the API server takes 1.5 MiB with status and managed fields. */
export const MAX_OBJECT_BYTES = 1_048_576;
/** Most sandboxes of a fleet; above it the manifests themselves become the problem. */
export const MAX_FLEET_REPLICAS = 1_000_000;

/** Part of a fleet that one BatchSandbox holds: sandboxes `from` to `to - 1`. */
export interface FleetSlice {
  readonly from: number;
  readonly to: number;
}

/** What bounds one slice. */
export interface SliceBounds {
  /** Most sandboxes of one slice. */
  readonly maxReplicas: number;
  /** Most bytes of one slice; a sandbox that needs more alone gets a slice of its own. */
  readonly maxBytes: number;
  /** Bytes that every slice needs, however many sandboxes it has. */
  readonly fixedBytes: number;
  /** Bytes that sandbox `index` adds. */
  bytesOf(index: number): number;
}

/**
 * Splits `replicas` sandboxes into slices, each filled before the next begins.
 *
 * So sandboxes added at the end leave every slice but the last as it is. A fleet of 0 is one empty slice.
 */
export function planSlices(replicas: number, bounds: SliceBounds): FleetSlice[] {
  const slices: FleetSlice[] = [];
  let from = 0;
  let bytes = bounds.fixedBytes;
  for (let index = 0; index < replicas; index += 1) {
    const added = bounds.bytesOf(index);
    const isFull = index - from >= bounds.maxReplicas || bytes + added > bounds.maxBytes;
    if (isFull && index > from) {
      slices.push({ from, to: index });
      from = index;
      bytes = bounds.fixedBytes;
    }
    bytes += added;
  }
  return [...slices, { from, to: Math.max(replicas, 0) }];
}

/** Whether a fleet can have `value` sandboxes. */
export function isReplicaCount(value: unknown): boolean {
  return Number.isInteger(value) && Number(value) >= 0 && Number(value) <= MAX_FLEET_REPLICAS;
}

/** Whether one batch can be limited to `value` sandboxes. */
export function isBatchSize(value: unknown): boolean {
  return Number.isInteger(value) && Number(value) >= 1 && Number(value) <= MAX_BATCH_REPLICAS;
}

/** Bytes that `value` takes in JSON, with a comma after it; 0 for what has no JSON, which is reported elsewhere. */
export function bytesOf(value: unknown): number {
  try {
    return value === undefined ? 0 : Buffer.byteLength(JSON.stringify(value)) + 1;
  } catch {
    return 0;
  }
}
