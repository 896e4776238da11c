import type { OwnerReference } from '../../src/schema/kubernetes';
import type { ResourceKind } from './resource-kind';

/** Where an object is. */
export interface ObjectRef {
  readonly kind: ResourceKind;
  readonly key: string;
}

/** Which objects exist, by UID, and which objects name them as owner. */
export class OwnerIndex {
  private readonly refsByUid = new Map<string, ObjectRef>();
  private readonly dependentsByOwner = new Map<string, Map<string, ObjectRef>>();

  /** Notes a new or changed object. */
  observe(ref: ObjectRef, uid: string, owners: readonly OwnerReference[], previousOwners: readonly OwnerReference[]): void {
    this.refsByUid.set(uid, ref);
    if (owners === previousOwners) return;
    this.cut(ref, previousOwners);
    for (const owner of owners) {
      const dependents = this.dependentsByOwner.get(owner.uid) ?? new Map<string, ObjectRef>();
      this.dependentsByOwner.set(owner.uid, dependents.set(idOf(ref), ref));
    }
  }

  /** Notes that an object is gone. Its dependents stay known until they are gone too. */
  forget(ref: ObjectRef, uid: string, owners: readonly OwnerReference[]): void {
    this.refsByUid.delete(uid);
    this.cut(ref, owners);
  }

  find(uid: string): ObjectRef | undefined {
    return this.refsByUid.get(uid);
  }

  dependentsOf(uid: string): readonly ObjectRef[] {
    return [...(this.dependentsByOwner.get(uid)?.values() ?? [])];
  }

  private cut(ref: ObjectRef, owners: readonly OwnerReference[]): void {
    for (const { uid } of owners) {
      const dependents = this.dependentsByOwner.get(uid);
      dependents?.delete(idOf(ref));
      if (dependents?.size === 0) this.dependentsByOwner.delete(uid);
    }
  }
}

/** One text for one object. */
export function idOf({ kind, key }: ObjectRef): string {
  return `${kind.plural}.${kind.group} ${key}`;
}
