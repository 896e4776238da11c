/** Pods of pools whose batch has vanished without returning them: nobody may have them before their pool has recycled them (R58). */
export class LeftPods {
  /** Pod UID -> UID of the batch that held it. */
  private readonly giverByPod = new Map<string, string>();
  /** Returned clean by a batch that is about to vanish: they become idle instead. */
  private readonly clean = new Set<string>();

  /** UIDs of all of them. */
  uids(): string[] {
    return [...this.giverByPod.keys()];
  }

  /** UID of the batch that left a pod; `undefined` for a pod that nobody left. */
  giverOf(uid: string): string | undefined {
    return this.giverByPod.get(uid);
  }

  /** Says that pods were cleaned, so that the end of their batch leaves none of them; of how many nobody had said so before. */
  markClean(uids: Iterable<string>): number {
    const known = this.clean.size;
    for (const uid of uids) this.clean.add(uid);
    return this.clean.size - known;
  }

  /** A batch holds a pod anew: it was clean for whoever gave it back, not for its next holder. */
  unmarkClean(uid: string): void {
    this.clean.delete(uid);
  }

  /** The batch of a pod has vanished; whether that leaves the pod. */
  leave(uid: string, batchUID: string): boolean {
    if (this.clean.delete(uid)) return false;
    this.giverByPod.set(uid, batchUID);
    return true;
  }

  /** Its pool has recycled a pod; whether somebody had left it. */
  adopt(uid: string): boolean {
    return this.giverByPod.delete(uid);
  }

  /** Forgets a pod that is gone. */
  forget(uid: string): void {
    this.giverByPod.delete(uid);
    this.clean.delete(uid);
  }
}
