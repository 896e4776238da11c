/**
 * Names of pods of which nobody knows whether they were made: the answer to their create was lost.
 *
 * The next pods of the pool are made under these names, so that a request which arrives late meets its own name instead of making one pod
 * more than the pool may have (R61).
 */
export class UncertainNames {
  private readonly byPool = new Map<string, Set<string>>();

  note(poolUID: string, name: string): void {
    const names = this.byPool.get(poolUID) ?? new Set();
    this.byPool.set(poolUID, names.add(name));
  }

  /** One of the names, which is no longer uncertain then; undefined when there is none. Those that turned out to be taken are dropped. */
  take(poolUID: string, isTaken: (name: string) => boolean): string | undefined {
    const names = this.byPool.get(poolUID);
    for (const name of names ?? []) {
      names?.delete(name);
      if (!isTaken(name)) return name;
    }
    return undefined;
  }

  forget(poolUID: string): void {
    this.byPool.delete(poolUID);
  }
}
