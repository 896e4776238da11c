import { objectKey } from '../../src/schema/kubernetes';
import type { ApiObject } from './api-object';
import type { ResourceKind } from './resource-kind';
import { ApiError } from './api-error';
import { ChangeEvent, type ChangeType, StoredObject, WatchFeed } from './watch-feed';

/** All objects of one kind. */
export class Collection {
  readonly feed: WatchFeed;
  private readonly objectsByKey = new Map<string, StoredObject>();
  /** Keys in order, made on the first list after one came or went. */
  private sortedKeys: readonly string[] | undefined;

  /** @param startVersion from which on its changes can be watched */
  constructor(startVersion: number) {
    this.feed = new WatchFeed(startVersion);
  }

  get size(): number {
    return this.objectsByKey.size;
  }

  get(key: string): StoredObject | undefined {
    return this.objectsByKey.get(key);
  }

  /** The objects of a namespace, or of all, in the order of their keys. */
  list(namespace: string | undefined): readonly StoredObject[] {
    this.sortedKeys ??= [...this.objectsByKey.keys()].sort();
    const prefix = `${namespace}/`;
    const keys = namespace === undefined ? this.sortedKeys : this.sortedKeys.filter((key) => key.startsWith(prefix));
    return keys.flatMap((key) => this.objectsByKey.get(key) ?? []);
  }

  set(key: string, stored: StoredObject): void {
    if (!this.objectsByKey.has(key)) this.sortedKeys = undefined;
    this.objectsByKey.set(key, stored);
  }

  delete(key: string): void {
    this.objectsByKey.delete(key);
    this.sortedKeys = undefined;
  }
}

/** Most characters of one object as JSON; the request limit of etcd. */
const MAX_OBJECT_LENGTH = 1_572_864;

/** A change anywhere in the store. */
export type ChangeListener = (kind: ResourceKind, event: ChangeEvent) => void;

/**
 * All objects of the cluster, in memory, under one counter of versions.
 *
 * It knows nothing of admission: what it is given it stores, and tells every watcher. Objects are never changed in place.
 */
export class ObjectStore {
  private version = 0;
  private startVersion = 0;
  private readonly collections = new Map<string, Collection>();
  private readonly listeners: ChangeListener[] = [];

  constructor(private readonly now: () => Date) {}

  /** Version of the latest change of all. */
  get currentVersion(): number {
    return this.version;
  }

  /**
   * Begins what can be watched: no watch resumes from before now, nor from before the first use of a custom kind. So it is with the
   * watch caches of a real server.
   */
  startHistory(): void {
    this.startVersion = this.version;
    for (const { feed } of this.collections.values()) feed.forgetUntil(this.version);
  }

  collectionOf({ group, plural, custom }: ResourceKind): Collection {
    const key = `${plural}.${group}`;
    const known = this.collections.get(key);
    if (known !== undefined) return known;
    const collection = new Collection(custom ? this.version : this.startVersion);
    this.collections.set(key, collection);
    return collection;
  }

  /** Ends a collection whose kind is no longer served, and all watches of it. */
  dropCollection(kind: ResourceKind): void {
    this.collectionOf(kind).feed.close();
    this.collections.delete(`${kind.plural}.${kind.group}`);
  }

  /** Stores an object in place of the one of its name, under the next version. @throws ApiError 500 when it is too large for etcd */
  put(kind: ResourceKind, object: ApiObject): StoredObject {
    const collection = this.collectionOf(kind);
    const previous = collection.get(objectKey(object));
    const stored = this.versioned(object);
    collection.set(objectKey(object), stored);
    this.publish(kind, previous === undefined ? 'ADDED' : 'MODIFIED', stored, previous);
    return stored;
  }

  /** Removes an object; the last state that watchers see is `object`. */
  remove(kind: ResourceKind, object: ApiObject): StoredObject {
    const collection = this.collectionOf(kind);
    const previous = collection.get(objectKey(object));
    const stored = this.versioned(object);
    collection.delete(objectKey(object));
    this.publish(kind, 'DELETED', stored, previous);
    return stored;
  }

  /** Calls `listener` after every change, in the order of versions. */
  onChange(listener: ChangeListener): void {
    this.listeners.push(listener);
  }

  /** Ends all watches. */
  close(): void {
    for (const collection of this.collections.values()) collection.feed.close();
  }

  private versioned(object: ApiObject): StoredObject {
    const version = this.version + 1;
    const stored = new StoredObject({ ...object, metadata: { ...object.metadata, resourceVersion: String(version) } }, version);
    if (stored.json.length > MAX_OBJECT_LENGTH) throw new ApiError(500, '', 'etcdserver: request is too large');
    this.version = version;
    return stored;
  }

  private publish(kind: ResourceKind, type: ChangeType, stored: StoredObject, previous: StoredObject | undefined): void {
    const event = new ChangeEvent(type, stored, previous, this.now().getTime());
    this.collectionOf(kind).feed.publish(event);
    for (const listener of this.listeners) listener(kind, event);
  }
}
