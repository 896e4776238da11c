/** Order of two values, as for `Array.sort`. */
export type Compare<T> = (a: T, b: T) => number;

/** Values in order, of which those before `head` were taken. */
interface Run<T> {
  values: T[];
  head: number;
}

/** Taken values of a run are dropped when they are so many and most of it. */
const MANY_TAKEN = 1_024;

/**
 * Values that are taken in order, the first one first.
 *
 * A value that comes in order costs nothing. Those that come too late are sorted by themselves before the next take, into a run of their own, and runs
 * of like size are merged: there are O(log N) runs, and a value moves O(log N) times, however many others wait.
 */
export class SortedRuns<T> {
  /** Each at least twice as long as the next one when that came. */
  private runs: Run<T>[] = [];
  private late: T[] = [];
  private count = 0;

  constructor(private readonly compare: Compare<T>) {}

  /** Values that wait. */
  get size(): number {
    return this.count;
  }

  add(value: T): void {
    this.count += 1;
    const longest = this.runs[0]?.values;
    const last = longest?.at(-1);
    if (longest === undefined || last === undefined || this.compare(last, value) > 0) this.late.push(value);
    else longest.push(value);
  }

  /** Takes all values away and puts others in their place; also for an order that has changed. */
  replace(values: readonly T[]): void {
    this.runs = values.length === 0 ? [] : [{ values: [...values].sort(this.compare), head: 0 }];
    this.late = [];
    this.count = values.length;
  }

  /** Removes and returns the first value. */
  take(): T | undefined {
    if (this.late.length > 0) this.sortLate();
    let first: Run<T> | undefined;
    for (const run of this.runs) if (first === undefined || this.compare(headOf(run), headOf(first)) < 0) first = run;
    if (first === undefined) return undefined;
    const value = headOf(first);
    this.count -= 1;
    first.head += 1;
    if (first.head === first.values.length) this.runs.splice(this.runs.indexOf(first), 1);
    else if (first.head > MANY_TAKEN && first.head * 2 > first.values.length) {
      first.values = first.values.slice(first.head);
      first.head = 0;
    }
    return value;
  }

  private sortLate(): void {
    let last: Run<T> = { values: this.late.sort(this.compare), head: 0 };
    this.late = [];
    for (let before = this.runs.at(-1); before !== undefined && lengthOf(before) < 2 * lengthOf(last); before = this.runs.at(-1)) {
      this.runs.pop();
      last = merge(before, last, this.compare);
    }
    this.runs.push(last);
  }
}

const lengthOf = <T>({ values, head }: Run<T>): number => values.length - head;
/** A run ends with its last value, so there is one. */
const headOf = <T>({ values, head }: Run<T>): T => values[head] as T;

function merge<T>(a: Run<T>, b: Run<T>, compare: Compare<T>): Run<T> {
  const values: T[] = [];
  let [i, j] = [a.head, b.head];
  while (i < a.values.length && j < b.values.length) {
    const [left, right] = [a.values[i] as T, b.values[j] as T];
    if (compare(left, right) <= 0) {
      values.push(left);
      i += 1;
    } else {
      values.push(right);
      j += 1;
    }
  }
  return { values: [...values, ...a.values.slice(i), ...b.values.slice(j)], head: 0 };
}
