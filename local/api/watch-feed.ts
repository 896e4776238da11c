import type { ApiObject } from './api-object';

/** What happened to an object, in the words of the watch protocol. */
export type ChangeType = 'ADDED' | 'MODIFIED' | 'DELETED';

/** An object at one version, with its JSON text, which is made once and shared by every list and watch. */
export class StoredObject {
  private text: string | undefined;

  constructor(
    readonly object: ApiObject,
    readonly version: number,
  ) {}

  get json(): string {
    this.text ??= JSON.stringify(this.object);
    return this.text;
  }
}

/** One change of a collection. */
export class ChangeEvent {
  private readonly linesByType = new Map<ChangeType, Buffer>();

  constructor(
    readonly type: ChangeType,
    readonly stored: StoredObject,
    readonly previous: StoredObject | undefined,
    readonly at: number,
  ) {}

  get version(): number {
    return this.stored.version;
  }

  /** The line of the watch protocol that tells this change as `type`; its bytes are shared by all watchers. */
  line(type: ChangeType): Buffer {
    const known = this.linesByType.get(type);
    if (known !== undefined) return known;
    const line = Buffer.from(`{"type":"${type}","object":${this.stored.json}}\n`);
    this.linesByType.set(type, line);
    return line;
  }

  /** Frees the bytes once all present watchers have them; history is read rarely enough to make them again. */
  forgetLines(): void {
    this.linesByType.clear();
  }
}

/** Most changes of one collection that a watch can resume from; a pod's changes take some 10 KB each. */
const MAX_HISTORY = 2048;
/** Age at which a change is forgotten, in ms; the etcd of a real cluster compacts every 5 minutes too. */
const HISTORY_MS = 5 * 60_000;

/** The changes of one collection: told to watchers as they happen, and kept for a while for those who come back. */
export class WatchFeed {
  private history: ChangeEvent[] = [];
  private readonly listeners = new Set<(event: ChangeEvent) => void>();
  private readonly closeListeners = new Set<() => void>();

  /** @param forgottenVersion newest version whose changes are not kept; a watch can not resume from before it */
  constructor(private forgottenVersion = 0) {}

  publish(event: ChangeEvent): void {
    this.history.push(event);
    // Trimming in halves keeps the cost per change constant.
    if (this.history.length > 2 * MAX_HISTORY) this.forget(this.history.length - MAX_HISTORY);
    for (const listener of this.listeners) listener(event);
    event.forgetLines();
  }

  /** The changes after `version`, or undefined when some of them are forgotten. */
  since(version: number, now: number): readonly ChangeEvent[] | undefined {
    this.forget(this.history.findIndex(({ at }) => at >= now - HISTORY_MS));
    if (version < this.forgottenVersion) return undefined;
    const first = this.history.findLastIndex((event) => event.version <= version) + 1;
    return this.history.slice(first);
  }

  /** Forgets all changes up to a version that none of those to come is below. */
  forgetUntil(version: number): void {
    this.history = [];
    this.forgottenVersion = version;
  }

  /** Calls `listener` on every change, and `onClose` when the collection ends, until the returned function is called. */
  subscribe(listener: (event: ChangeEvent) => void, onClose: () => void): () => void {
    this.listeners.add(listener);
    this.closeListeners.add(onClose);
    return () => {
      this.listeners.delete(listener);
      this.closeListeners.delete(onClose);
    };
  }

  /** Ends all watches. */
  close(): void {
    for (const onClose of [...this.closeListeners]) onClose();
  }

  /** Forgets the `count` oldest changes; a negative count, as of a search without a hit, forgets all. */
  private forget(count: number): void {
    const forgotten = this.history.splice(0, count < 0 ? this.history.length : count);
    this.forgottenVersion = forgotten.at(-1)?.version ?? this.forgottenVersion;
  }
}
