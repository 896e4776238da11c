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
