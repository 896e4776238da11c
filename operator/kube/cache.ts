import { type KubeObject, objectKey } from '../../src/schema/kubernetes';
import { type Flight, Flights } from './flights';
import { GoneObjects } from './gone-objects';
import type { Overlay, OverlayEnd } from './overlay';

/** One difference in what the cache shows. */
export interface CacheChange<T> {
  /** `<namespace>/<name>`. */
  readonly key: string;
  /** Absent: the object is new. */
  readonly before: T | undefined;
  /** Absent: the object is gone. */
  readonly after: T | undefined;
}

/** What an {@link ObjectCache} needs. */
export interface CacheOptions<T> {
  /** Reads one object as it is now, undefined when it is not there; settles the rare case in {@link ObjectCache}. */
  readonly read: (key: string) => Promise<T | undefined>;
  /** Cuts an object down to what is read before it is stored. @default - kept whole */
  readonly trim?: (object: T) => T;
}

/** A list under way; see {@link ObjectCache.beginList}. */
export type ListToken = number;

/** An own write under way; exactly one of its methods is called at the end. */
export interface PendingWrite<T> {
  /** The server answered with this object: it is shown at once. */
  stored(object: T): void;
  /** The server has removed the object of this UID. */
  removed(uid: string): void;
  /** The write failed or its outcome is unknown; the watch will tell. */
  failed(): void;
}

/**
 * Objects of one kind as list and watch tell them, with own writes laid over.
 *
 * The answer to an own write is shown at once. The watch lags, so its events of that key are held back until the one
 * with the written version has passed: events of a key come in the order of its versions. Versions are compared for
 * equality only. A write whose event came before its answer changes nothing.
 *
 * Where equality cannot tell which of two states is newer (a list was taken while a write was under way, or two
 * writes of one key overlapped), the object is read once and the answer treated like a write; when it is not there any
 * more, the incarnations known until then are not shown again. Writers of a key should therefore go one after another,
 * as the work queue makes them. What can still show for a moment is an incarnation that was made and deleted without our
 * being told.
 */
export class ObjectCache<T extends KubeObject> {
  private readonly objects = new Map<string, T>();
  private readonly overlays = new Map<string, Overlay<T>>();
  private readonly gone = new GoneObjects();
  private readonly flights = new Flights();
  private readonly listeners = new Set<(change: CacheChange<T>) => void>();
  /** Counts starts of lists and writes, to tell what came first. */
  private turn = 0;

  constructor(private readonly options: CacheOptions<T>) {}

  /** The object under `<namespace>/<name>`. */
  get(key: string): T | undefined {
    return this.objects.get(key);
  }

  /** All objects, in no particular order. */
  values(): IterableIterator<T> {
    return this.objects.values();
  }

  get size(): number {
    return this.objects.size;
  }

  /**
   * Calls the listener after every change, in the same turn; the echo of an own write is no change. It must not throw.
   *
   * @returns ends the calls
   */
  onChange(listener: (change: CacheChange<T>) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Cuts an object down to what is stored. A list is cut page by page, so that its whole objects never add up. */
  trim(object: T): T {
    return this.options.trim?.(object) ?? object;
  }

  /**
   * Notes the start of a list; to be called before its first request.
   *
   * @param consistent the server answers with its state of now, not with what it has in memory
   */
  beginList(consistent: boolean): ListToken {
    this.turn += 1;
    return consistent ? this.turn : 0;
  }

  /** Stores a complete list of objects cut by {@link trim}, of one namespace or, when `namespace` is absent, of all. */
  replace(token: ListToken, items: readonly T[], namespace?: string): void {
    const inScope = (key: string) => namespace === undefined || key.startsWith(`${namespace}/`);
    this.gone.forgetBefore(token, inScope);
    const listed = new Map(items.map((item) => [objectKey(item), item]));
    const keys = new Set([...this.objects.keys(), ...this.overlays.keys(), ...this.flights.keys(), ...listed.keys()]);
    const changes: CacheChange<T>[] = [];
    for (const key of keys) {
      if (!inScope(key)) continue;
      const item = listed.get(key);
      this.flights.recordListed(key, item);
      this.showUnlessOverlaid(key, item, (overlay) => this.listEnds(key, overlay, item, token), changes);
    }
    this.tell(changes);
  }

  /** Stores an event of the watch. */
  apply(type: 'ADDED' | 'MODIFIED' | 'DELETED', object: T): void {
    const key = objectKey(object);
    const { resourceVersion, uid } = object.metadata;
    const deleted = type === 'DELETED';
    this.flights.recordEvent(key, object, deleted);
    const ends = ({ end, uid: shownUid }: Overlay<T>) =>
      (end.by === 'version' && end.version === resourceVersion) || (deleted && shownUid === uid);
    const changes: CacheChange<T>[] = [];
    this.showUnlessOverlaid(key, deleted ? undefined : this.trim(object), ends, changes);
    if (deleted && uid !== undefined) this.gone.forget(uid);
    this.tell(changes);
  }

  /** Notes the start of an own write; to be called before its request goes out. */
  beginWrite(key: string): PendingWrite<T> {
    const flight = this.beginFlight(key);
    return {
      stored: (object) => this.recordStored(flight, object),
      removed: (uid) => this.recordRemoved(flight, uid),
      failed: () => this.flights.end(flight),
    };
  }

  /** Makes an own write whose answer is the object, and shows what it leaves: the object, or nothing when the write let its deletion end. */
  async write(key: string, send: () => Promise<T>): Promise<T> {
    const pending = this.beginWrite(key);
    try {
      const object = await send();
      // Such an answer carries the version of before the write, by which it could not be told from what is shown.
      if (isDeletionOver(object)) pending.removed(object.metadata.uid ?? '');
      else pending.stored(object);
      return object;
    } catch (error) {
      pending.failed();
      throw error;
    }
  }

  /** Makes an own delete and shows what it leaves: nothing, or an object that is terminating. */
  async remove(key: string, uid: string, send: () => Promise<T | undefined>): Promise<void> {
    const pending = this.beginWrite(key);
    try {
      const left = await send();
      // Kubernetes answers the immediate deletion of some kinds with their last state, which is not terminating.
      if (left?.metadata.deletionTimestamp === undefined) pending.removed(uid);
      else pending.stored(left);
    } catch (error) {
      pending.failed();
      throw error;
    }
  }

  private recordStored(flight: Flight, object: T): void {
    const { key } = flight;
    this.flights.end(flight);
    const { resourceVersion, uid } = object.metadata;
    const earlier = this.overlays.get(key);
    const overlapped = earlier !== undefined && earlier.writtenAt > flight.beganAt;
    if (flight.versions.has(resourceVersion) || flight.deletedUids.has(uid)) {
      // The watch has passed this write, and so any earlier one.
      if (earlier !== undefined && !overlapped) this.endOverlay(key, earlier);
      return;
    }
    this.overlay(key, this.trim(object), uid, flight.listed || overlapped ? { by: 'read' } : { by: 'version', version: resourceVersion });
  }

  private recordRemoved(flight: Flight, uid: string): void {
    const { key } = flight;
    this.flights.end(flight);
    if (flight.deletedUids.has(uid)) return;
    this.noteGone(key, uid);
    const unclear = flight.listed || this.overlays.get(key)?.end.by === 'read';
    this.overlay(key, undefined, uid, { by: unclear ? 'read' : 'deletion' });
  }

  /** Shows `object` in place of what list and watch say. */
  private overlay(key: string, object: T | undefined, uid: string | undefined, end: OverlayEnd, writtenAt?: number): void {
    const recordedAt = (this.turn += 1);
    const overlay: Overlay<T> = { uid, recordedAt, writtenAt: writtenAt ?? recordedAt, end, behind: this.behind(key) };
    this.overlays.set(key, overlay);
    if (end.by === 'read') this.startSettling(key, overlay);
    const changes: CacheChange<T>[] = [];
    this.show(key, object, changes);
    this.tell(changes);
  }

  /** What list or watch says goes behind the overlay of its key, and is shown when that ends it or there is none. */
  private showUnlessOverlaid(key: string, object: T | undefined, ends: (overlay: Overlay<T>) => boolean, changes: CacheChange<T>[]): void {
    const overlay = this.overlays.get(key);
    if (overlay !== undefined) {
      overlay.behind = object;
      if (!ends(overlay)) return;
      this.overlays.delete(key);
    }
    this.show(key, object, changes);
  }

  /** Whether a list shows the state of a key at least as new as its overlay; starts a read when that cannot be told. */
  private listEnds(key: string, overlay: Overlay<T>, item: T | undefined, token: ListToken): boolean {
    const { end, uid } = overlay;
    if (overlay.recordedAt < token) return true;
    if (end.by === 'version' && item?.metadata.resourceVersion === end.version) return true;
    // A list that still has what we deleted is older; the watch will tell of the deletion.
    if (end.by === 'read' || (end.by === 'deletion' && item?.metadata.uid === uid)) return false;
    overlay.end = { by: 'read' };
    this.startSettling(key, overlay);
    return false;
  }

  private startSettling(key: string, overlay: Overlay<T>): void {
    // A failed read gives up the overlay: the watch shows the write a little later, and nothing stays held back.
    this.settle(key, overlay).catch(() => this.endOverlay(key, overlay));
  }

  /** Replaces an overlay that waits for no known event by a state read now, whose event is known. */
  private async settle(key: string, overlay: Overlay<T>): Promise<void> {
    for (;;) {
      const flight = this.beginFlight(key);
      let object: T | undefined;
      try {
        object = await this.options.read(key);
      } finally {
        this.flights.end(flight);
      }
      if (this.overlays.get(key) !== overlay) return;
      if (flight.listed) continue;
      if (object === undefined) {
        this.noteGone(key, overlay.uid);
        this.noteGone(key, flight.uid);
        this.endOverlay(key, overlay);
      } else if (flight.versions.has(object.metadata.resourceVersion)) {
        this.endOverlay(key, overlay);
      } else {
        const { uid, resourceVersion } = object.metadata;
        this.overlay(key, this.trim(object), uid, { by: 'version', version: resourceVersion }, overlay.writtenAt);
      }
      return;
    }
  }

  private endOverlay(key: string, overlay: Overlay<T>): void {
    if (this.overlays.get(key) !== overlay) return;
    this.overlays.delete(key);
    const changes: CacheChange<T>[] = [];
    this.show(key, overlay.behind, changes);
    this.tell(changes);
  }

  private noteGone(key: string, uid: string | undefined): void {
    if (uid !== undefined) this.gone.note(uid, key, (this.turn += 1));
  }

  private beginFlight(key: string): Flight {
    return this.flights.begin(key, this.behind(key), (this.turn += 1));
  }

  /** What list and watch say of a key. */
  private behind(key: string): T | undefined {
    const overlay = this.overlays.get(key);
    return overlay === undefined ? this.objects.get(key) : overlay.behind;
  }

  private show(key: string, object: T | undefined, changes: CacheChange<T>[]): void {
    const after = this.gone.has(object?.metadata.uid ?? '') ? undefined : object;
    const before = this.objects.get(key);
    if (before === undefined && after === undefined) return;
    if (before !== undefined && before.metadata.resourceVersion === after?.metadata.resourceVersion) return;
    if (after === undefined) this.objects.delete(key);
    else this.objects.set(key, after);
    changes.push({ key, before, after });
  }

  private tell(changes: readonly CacheChange<T>[]): void {
    for (const change of changes) {
      for (const listener of this.listeners) listener(change);
    }
  }
}

/** Whether the API server removes an object in this state: nothing holds it any more. */
function isDeletionOver({ metadata: { deletionTimestamp, deletionGracePeriodSeconds, finalizers = [] } }: KubeObject): boolean {
  return deletionTimestamp !== undefined && deletionGracePeriodSeconds === 0 && finalizers.length === 0;
}
