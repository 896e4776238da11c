/** UIDs of objects that are gone, although list and watch may still tell of them. */
export class GoneObjects {
  private readonly byUid = new Map<string, { readonly key: string; readonly notedAt: number }>();

  /** @param turn when it was learned */
  note(uid: string, key: string, turn: number): void {
    this.byUid.set(uid, { key, notedAt: turn });
  }

  has(uid: string): boolean {
    return this.byUid.has(uid);
  }

  /** The watch has told of the deletion: nothing older comes after it. */
  forget(uid: string): void {
    this.byUid.delete(uid);
  }

  /** A list begun at `turn` tells only of what was there then. */
  forgetBefore(turn: number, inScope: (key: string) => boolean): void {
    for (const [uid, { key, notedAt }] of this.byUid) {
      if (inScope(key) && notedAt < turn) this.byUid.delete(uid);
    }
  }
}
