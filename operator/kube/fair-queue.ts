/** Where a value waits: in the line of an object of a namespace, under a key that finds it again. */
export interface Place {
  readonly namespace: string;
  /** UID of the object, or whatever else tells it from the others of its namespace. */
  readonly object: string;
  readonly key: string;
}

/** Most values that a {@link FairQueue} holds. */
export interface FairBounds {
  readonly perNamespace: number;
  readonly total: number;
}

/** What waits in a namespace. */
interface Space<T> {
  count: number;
  /** Lines of values by object, the one whose turn it is first. */
  readonly lines: Map<string, Map<string, T>>;
  readonly longest: Longest;
}

/**
 * Values that are taken from the namespaces in turn, in a namespace from its objects in turn, and of an object the oldest first: whoever has
 * one value waits for one of each of the others, however many these have.
 *
 * What is too much costs whoever has the most: of the namespace with the most values and its object with the most, the oldest goes.
 */
export class FairQueue<T extends Place> {
  /** The namespace whose turn it is first. */
  private readonly spaces = new Map<string, Space<T>>();
  private readonly fullest = new Longest();
  private count = 0;

  constructor(private readonly bounds: FairBounds) {}

  /** Values that wait. */
  get size(): number {
    return this.count;
  }

  /** The value at a place. */
  get({ namespace, object, key }: Place): T | undefined {
    return this.spaces.get(namespace)?.lines.get(object)?.get(key);
  }

  /** Puts a value at the end of the line of its object, or where the value of its key waits already. Returns how many values had to go for it. */
  put(value: T): number {
    const { namespace, object, key } = value;
    const space = getOrAdd(this.spaces, namespace, (): Space<T> => ({ count: 0, lines: new Map(), longest: new Longest() }));
    const line = getOrAdd(space.lines, object, () => new Map<string, T>());
    const isNew = !line.has(key);
    line.set(key, value);
    if (!isNew) return 0;
    space.count += 1;
    this.count += 1;
    space.longest.set(object, line.size);
    this.fullest.set(namespace, space.count);
    if (space.count <= this.bounds.perNamespace && this.count <= this.bounds.total) return 0;
    this.dropOldestOf(space.count > this.bounds.perNamespace ? namespace : this.fullest.key());
    return 1;
  }

  /** Whether there is a value of a namespace that is not left out. */
  hasTurn(isLeftOut: (namespace: string) => boolean): boolean {
    return this.nextNamespace(isLeftOut) !== undefined;
  }

  /** Removes and returns the value whose turn it is, of the namespaces that are not left out. */
  take(isLeftOut: (namespace: string) => boolean): T | undefined {
    const namespace = this.nextNamespace(isLeftOut) ?? '';
    const space = this.spaces.get(namespace);
    const [object, line] = first(space?.lines) ?? [];
    const [, value] = first(line) ?? [];
    if (space === undefined || object === undefined || line === undefined || value === undefined) return undefined;
    this.remove(value);
    moveLast(space.lines, object);
    moveLast(this.spaces, namespace);
    return value;
  }

  /** Removes the value at a place, if there is one; the turns stay as they are. */
  remove({ namespace, object, key }: Place): void {
    const space = this.spaces.get(namespace);
    const line = space?.lines.get(object);
    if (space === undefined || line?.delete(key) !== true) return;
    if (line.size === 0) space.lines.delete(object);
    space.count -= 1;
    this.count -= 1;
    space.longest.set(object, line.size);
    this.fullest.set(namespace, space.count);
    if (space.count === 0) this.spaces.delete(namespace);
  }

  /** Removes all values of a namespace. */
  drop(namespace: string): void {
    this.count -= this.spaces.get(namespace)?.count ?? 0;
    this.fullest.set(namespace, 0);
    this.spaces.delete(namespace);
  }

  private nextNamespace(isLeftOut: (namespace: string) => boolean): string | undefined {
    for (const namespace of this.spaces.keys()) if (!isLeftOut(namespace)) return namespace;
    return undefined;
  }

  private dropOldestOf(namespace: string): void {
    const space = this.spaces.get(namespace);
    const [, oldest] = first(space?.lines.get(space.longest.key())) ?? [];
    if (oldest !== undefined) this.remove(oldest);
  }
}

function getOrAdd<V>(map: Map<string, V>, key: string, make: () => V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}

function first<V>(map: ReadonlyMap<string, V> | undefined): [string, V] | undefined {
  for (const entry of map ?? []) return entry;
  return undefined;
}

/** Sizes by key, and always the key of the largest: each change costs the same, however many keys there are. */
class Longest {
  private readonly sizeOf = new Map<string, number>();
  /** Entry n: keys of size n, in the order in which they came to it. */
  private readonly keysOf: Set<string>[] = [];

  /** Sets the size of a key, one more or one less than before or 0, for which it is forgotten. */
  set(key: string, size: number): void {
    this.keysOf[this.sizeOf.get(key) ?? 0]?.delete(key);
    if (size === 0) this.sizeOf.delete(key);
    else {
      this.sizeOf.set(key, size);
      (this.keysOf[size] ??= new Set()).add(key);
    }
    while (this.keysOf.length > 0 && (this.keysOf.at(-1)?.size ?? 0) === 0) this.keysOf.pop();
  }

  /** Key of the largest; of several as large, the one that has been so for the longest time. */
  key(): string {
    for (const key of this.keysOf.at(-1) ?? []) return key;
    return '';
  }
}

function moveLast<V>(map: Map<string, V>, key: string): void {
  const value = map.get(key);
  if (value === undefined || !map.delete(key)) return;
  map.set(key, value);
}
