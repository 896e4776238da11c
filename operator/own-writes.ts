import type { KubeObject } from '../src/schema/kubernetes';

/** Versions that we wrote ourselves, so that their echo in the cache starts no pass: half of all passes would be one (S17). */
export class OwnWrites {
  private readonly versionByUID = new Map<string, string>();

  /** Notes the answer to an own write; to be called before the cache learns of it. */
  note<T extends KubeObject>(object: T): T {
    const { uid, resourceVersion } = object.metadata;
    if (uid !== undefined && resourceVersion !== undefined) this.versionByUID.set(uid, resourceVersion);
    return object;
  }

  /** Whether this is the state that we wrote last. */
  has(object: KubeObject): boolean {
    const { uid = '', resourceVersion } = object.metadata;
    return resourceVersion !== undefined && this.versionByUID.get(uid) === resourceVersion;
  }

  forget(object: KubeObject): void {
    this.versionByUID.delete(object.metadata.uid ?? '');
  }
}
