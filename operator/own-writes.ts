import type { KubeObject } from '../src/schema/kubernetes';

/** A state that was seen while a write of the object was under way, and what to do unless the write made it. */
interface Unclear {
  readonly version: string | undefined;
  readonly tell: () => void;
}

/** Versions that we wrote ourselves, so that their echo in the cache starts no pass: half of all passes would be one (S17). */
export class OwnWrites {
  private readonly versionByUID = new Map<string, string>();
  private readonly underWay = new Map<string, number>();
  private readonly unclearByUID = new Map<string, Unclear>();

  /**
   * Makes a write and notes its answer; to be called where the cache learns of it afterwards.
   *
   * @param send makes the write on the version that it was decided on, so that no change of others comes between
   * @throws what `send` throws
   */
  async write<T extends KubeObject>({ metadata: { uid = '' } }: KubeObject, send: () => Promise<T>): Promise<T> {
    this.underWay.set(uid, (this.underWay.get(uid) ?? 0) + 1);
    try {
      return this.note(await send());
    } finally {
      this.end(uid);
    }
  }

  /**
   * Calls `tell` unless this is the state that we wrote last. The watch may be faster than the answer to a write: while one is under way,
   * the newest state waits for its end.
   */
  unlessOwn(object: KubeObject, tell: () => void): void {
    const { uid = '', resourceVersion: version } = object.metadata;
    if (this.underWay.has(uid)) this.unclearByUID.set(uid, { version, tell });
    else if (!this.has(object)) tell();
  }

  forget(object: KubeObject): void {
    const { uid = '' } = object.metadata;
    this.versionByUID.delete(uid);
    this.unclearByUID.delete(uid);
  }

  /** Whether this is the state that we wrote last. */
  private has(object: KubeObject): boolean {
    const { uid = '', resourceVersion } = object.metadata;
    return resourceVersion !== undefined && this.versionByUID.get(uid) === resourceVersion;
  }

  private note<T extends KubeObject>(object: T): T {
    const { uid, resourceVersion } = object.metadata;
    if (uid !== undefined && resourceVersion !== undefined) this.versionByUID.set(uid, resourceVersion);
    return object;
  }

  private end(uid: string): void {
    const others = (this.underWay.get(uid) ?? 1) - 1;
    if (others > 0) {
      this.underWay.set(uid, others);
      return;
    }
    this.underWay.delete(uid);
    const unclear = this.unclearByUID.get(uid);
    this.unclearByUID.delete(uid);
    if (unclear !== undefined && unclear.version !== this.versionByUID.get(uid)) unclear.tell();
  }
}
