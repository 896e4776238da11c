import { objectKey, type OwnerReference } from '../../src/schema/kubernetes';
import { CRD_FINALIZER, toCustomKind } from './crd';
import { canBeRemoved, type DeleteOptions, FOREGROUND_FINALIZER, ORPHAN_FINALIZER } from './deletion';
import { isTerminating } from './metadata';
import type { ObjectWriter } from './object-writer';
import { idOf, type ObjectRef, OwnerIndex } from './owner-index';
import type { Registry } from './registry';
import type { ResourceKind } from './resource-kind';
import type { Sources } from './sources';
import type { ObjectStore } from './store';
import type { ApiMetadata, ApiObject } from './api-object';
import type { ChangeEvent } from './watch-feed';

/** Tasks done between two turns of the event loop, so that the end of ten thousand objects does not hold up requests. */
const TASKS_A_TURN = 50;

const background: DeleteOptions = { dryRun: false, propagation: 'Background' };

/**
 * Ends what has lost its reason to be: objects whose owners are gone, the content of namespaces and of CRDs that are being deleted.
 * It looks at each object that a change may concern, shortly after the change.
 */
export class Collector {
  private readonly owners = new OwnerIndex();
  private readonly tasks = new Map<string, () => void>();
  private cancelTurn: (() => void) | undefined;

  constructor(
    private readonly store: ObjectStore,
    private readonly registry: Registry,
    private readonly writer: ObjectWriter,
    private readonly soon: Sources['soon'],
  ) {
    store.onChange((kind, event) => this.observe(kind, event));
  }

  /** Stops at once; what is left stays. */
  close(): void {
    this.cancelTurn?.();
    this.tasks.clear();
  }

  private observe(kind: ResourceKind, { type, stored: { object }, previous }: ChangeEvent): void {
    const ref = { kind, key: objectKey(object) };
    const { uid, namespace, ownerReferences = [] } = object.metadata;
    if (type === 'DELETED') {
      for (const dependent of this.owners.dependentsOf(uid)) this.planCheck(dependent);
      this.owners.forget(ref, uid, previous?.object.metadata.ownerReferences ?? []);
      for (const owner of ownerReferences) this.planOwner(owner);
      if (namespace !== undefined) this.planNamespace(namespace);
      if (kind.custom) this.planCrd(kind);
      return;
    }
    this.owners.observe(ref, uid, ownerReferences, previous?.object.metadata.ownerReferences ?? []);
    if (ownerReferences.some((owner) => this.owners.find(owner.uid) === undefined)) this.planCheck(ref);
    if (isTerminating(object)) this.planAdvance(ref);
  }

  private planOwner({ uid }: OwnerReference): void {
    const owner = this.owners.find(uid);
    if (owner !== undefined) this.planAdvance(owner);
  }

  private planNamespace(name: string): void {
    const kind = this.registry.find('', 'v1', 'namespaces');
    const namespace = kind === undefined ? undefined : this.store.collectionOf(kind).get(name);
    if (kind !== undefined && namespace !== undefined && isTerminating(namespace.object)) this.planAdvance({ kind, key: name });
  }

  private planCrd({ plural, group }: ResourceKind): void {
    const kind = this.registry.find('apiextensions.k8s.io', 'v1', 'customresourcedefinitions');
    const ref = kind === undefined ? undefined : { kind, key: `${plural}.${group}` };
    if (ref !== undefined) this.planAdvance(ref);
  }

  private planCheck(ref: ObjectRef): void {
    this.plan(`owners of ${idOf(ref)}`, () => this.checkOwners(ref));
  }

  private planAdvance(ref: ObjectRef): void {
    this.plan(`deletion of ${idOf(ref)}`, () => this.advance(ref));
  }

  /** Notes a task; a second one under the same name before its turn takes the place of the first. */
  private plan(name: string, task: () => void): void {
    this.tasks.set(name, task);
    this.cancelTurn ??= this.soon(() => this.takeTurn());
  }

  private takeTurn(): void {
    this.cancelTurn = undefined;
    for (const [name, task] of [...this.tasks].slice(0, TASKS_A_TURN)) {
      this.tasks.delete(name);
      task();
    }
    if (this.tasks.size > 0) this.cancelTurn ??= this.soon(() => this.takeTurn());
  }

  /** Deletes an object whose owners are all gone, and cuts it loose from those that are gone if others are left. */
  private checkOwners(ref: ObjectRef): void {
    const object = this.find(ref);
    if (object === undefined) return;
    const owners = object.metadata.ownerReferences ?? [];
    const present = owners.filter(({ uid }) => this.owners.find(uid) !== undefined);
    if (present.length === owners.length) return;
    if (present.length === 0) this.delete(ref);
    else this.change(ref, (old) => ({ ...old, metadata: { ...old.metadata, ownerReferences: present } }));
  }

  /** Takes the deletion of an object as far as it can go now. */
  private advance(ref: ObjectRef): void {
    const object = this.find(ref);
    if (object === undefined || !isTerminating(object)) return;
    const { finalizers = [] } = object.metadata;
    if (ref.kind.plural === 'namespaces' && ref.kind.group === '') this.emptyNamespace(ref);
    if (finalizers.includes(CRD_FINALIZER)) this.emptyCrd(ref, object);
    if (finalizers.includes(ORPHAN_FINALIZER)) this.orphanDependents(ref, object);
    if (finalizers.includes(FOREGROUND_FINALIZER)) this.endDependents(ref, object);
  }

  private emptyNamespace(ref: ObjectRef): void {
    const content = this.registry.all().filter(({ namespaced }) => namespaced).flatMap((kind) =>
      this.store.collectionOf(kind).list(ref.key).map(({ object }) => ({ ref: { kind, key: objectKey(object) }, object })),
    );
    for (const { ref: inner, object } of content) if (!isTerminating(object)) this.delete(inner);
    const isEmpty = content.every(({ ref: inner }) => this.find(inner) === undefined);
    if (isEmpty) this.change(ref, (old) => ({ ...old, spec: { finalizers: [] } }));
  }

  private emptyCrd(ref: ObjectRef, crd: ApiObject): void {
    const kind = toCustomKind(crd);
    const collection = this.store.collectionOf(kind);
    for (const { object } of collection.list(undefined)) if (!isTerminating(object)) this.delete({ kind, key: objectKey(object) });
    if (collection.size === 0) this.dropFinalizer(ref, CRD_FINALIZER);
  }

  private orphanDependents(ref: ObjectRef, { metadata: { uid } }: ApiObject): void {
    for (const dependent of this.owners.dependentsOf(uid)) {
      this.change(dependent, (old) => ({ ...old, metadata: { ...old.metadata, ownerReferences: old.metadata.ownerReferences?.filter((owner) => owner.uid !== uid) } }));
    }
    this.dropFinalizer(ref, ORPHAN_FINALIZER);
  }

  /** Deletes the dependents first; those that block their owner hold it until they are gone. */
  private endDependents(ref: ObjectRef, { metadata: { uid } }: ApiObject): void {
    for (const dependent of this.owners.dependentsOf(uid)) {
      const object = this.find(dependent);
      if (object !== undefined && !isTerminating(object)) this.delete(dependent, { dryRun: false, propagation: 'Foreground' });
    }
    const blocks = ({ metadata }: ApiObject) => metadata.ownerReferences?.some((owner) => owner.uid === uid && owner.blockOwnerDeletion === true) === true;
    const isBlocked = this.owners.dependentsOf(uid).some((dependent) => {
      const object = this.find(dependent);
      return object !== undefined && blocks(object);
    });
    if (!isBlocked) this.dropFinalizer(ref, FOREGROUND_FINALIZER);
  }

  private dropFinalizer(ref: ObjectRef, finalizer: string): void {
    this.change(ref, (old) => ({ ...old, metadata: { ...old.metadata, finalizers: old.metadata.finalizers?.filter((name) => name !== finalizer) } }));
  }

  private delete(ref: ObjectRef, options: DeleteOptions = background): void {
    if (this.find(ref) !== undefined) this.writer.delete(ref.kind, ref.key, options);
  }

  /** Stores a change without admission, which could refuse an object for something that is none of the collector's business. */
  private change(ref: ObjectRef, change: (old: ApiObject) => ApiObject): void {
    const old = this.find(ref);
    if (old === undefined) return;
    const changed = change(old);
    const object = { ...changed, metadata: withoutEmptyLists(changed.metadata) };
    if (canBeRemoved(object, ref.kind)) this.store.remove(ref.kind, object);
    else this.store.put(ref.kind, object);
  }

  private find({ kind, key }: ObjectRef): ApiObject | undefined {
    return this.store.collectionOf(kind).get(key)?.object;
  }
}

function withoutEmptyLists(metadata: ApiMetadata): ApiMetadata {
  const { finalizers = [], ownerReferences = [], ...rest } = metadata;
  return { ...rest, ...(finalizers.length === 0 ? {} : { finalizers }), ...(ownerReferences.length === 0 ? {} : { ownerReferences }) };
}
