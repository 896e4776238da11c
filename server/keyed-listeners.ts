/** Listeners of single objects, by name. */
export class KeyedListeners {
  private readonly byKey = new Map<string, Set<() => void>>();

  /** Calls the listener at every {@link tell} of the key; the returned function ends that. */
  add(key: string, listener: () => void): () => void {
    const ofKey = this.byKey.get(key) ?? new Set();
    this.byKey.set(key, ofKey.add(listener));
    return () => {
      ofKey.delete(listener);
      if (ofKey.size === 0 && this.byKey.get(key) === ofKey) this.byKey.delete(key);
    };
  }

  tell(key: string): void {
    this.byKey.get(key)?.forEach((listener) => listener());
  }
}
