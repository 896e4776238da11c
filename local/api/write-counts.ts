/** Successful writes since the start, as `VERB kind` or `VERB kind/subresource`. Dry runs are no writes. */
export interface WriteCounts {
  readonly total: number;
  /** Writes that were refused, such as conflicts. */
  readonly refused: number;
  readonly byVerb: Readonly<Record<string, number>>;
  /** Per object: `VERB kind[/subresource] namespace/name`. */
  readonly byObject: Readonly<Record<string, number>>;
}

/** Most objects that are counted one by one; beyond that only the verbs are. */
const MAX_OBJECTS = 50_000;

/** Counts what clients write, so that a test can say what an operation costs. */
export class WriteCounter {
  private total = 0;
  private refused = 0;
  private readonly byVerb = new Map<string, number>();
  private readonly byObject = new Map<string, number>();

  /** One write of `object`, given as `namespace/name`. */
  count(verb: string, resource: string, object: string): void {
    this.total += 1;
    increment(this.byVerb, `${verb} ${resource}`);
    const key = `${verb} ${resource} ${object}`;
    if (this.byObject.size < MAX_OBJECTS || this.byObject.has(key)) increment(this.byObject, key);
  }

  countRefused(): void {
    this.refused += 1;
  }

  snapshot(): WriteCounts {
    return { total: this.total, refused: this.refused, byVerb: Object.fromEntries(this.byVerb), byObject: Object.fromEntries(this.byObject) };
  }
}

function increment(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
