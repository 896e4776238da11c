import type { BatchSandbox } from '../../src/schema/batch-sandbox';
import type { SandboxState } from '../../src/schema/lifecycle-reply';
import { sandboxStatus } from './state';

/** A sandbox as lists read it. */
export interface IndexEntry {
  readonly id: string;
  readonly createdAtMs: number;
  readonly batch: BatchSandbox;
  /** Computed once for each change, not for each list. */
  readonly state: SandboxState;
}

/** What a list selects. */
export interface IndexQuery {
  /** One of these; empty is any. */
  readonly states: readonly string[];
  /** All of these labels. */
  readonly labels: readonly (readonly [string, string])[];
}

/** All sandboxes, newest first and then by id: an order that only changes where sandboxes come and go (L25). */
export class OrderedIndex {
  private readonly entries: IndexEntry[] = [];
  private readonly byId = new Map<string, IndexEntry>();

  /** Puts a sandbox in, or in the place of its former state. */
  set(batch: BatchSandbox): void {
    const id = batch.metadata.name;
    const entry: IndexEntry = { id, createdAtMs: Date.parse(batch.metadata.creationTimestamp ?? '') || 0, batch, state: sandboxStatus(batch).state };
    const former = this.byId.get(id);
    if (former !== undefined && former.createdAtMs === entry.createdAtMs) {
      this.entries[this.placeOf(former)] = entry;
    } else {
      if (former !== undefined) this.entries.splice(this.placeOf(former), 1);
      this.entries.splice(this.placeOf(entry), 0, entry);
    }
    this.byId.set(id, entry);
  }

  delete(id: string): void {
    const entry = this.byId.get(id);
    if (entry === undefined) return;
    this.entries.splice(this.placeOf(entry), 1);
    this.byId.delete(id);
  }

  /** One page of what the query selects, and how many it selects in all. */
  page({ states, labels }: IndexQuery, page: number, pageSize: number): { readonly items: readonly BatchSandbox[]; readonly total: number } {
    const isAll = states.length === 0 && labels.length === 0;
    const wanted = new Set(states.map((state) => state.toLowerCase()));
    const selected = isAll ? this.entries : this.entries.filter(({ state, batch }) => (wanted.size === 0 || wanted.has(state.toLowerCase())) && hasLabels(batch, labels));
    const first = (page - 1) * pageSize;
    return { items: selected.slice(first, first + pageSize).map(({ batch }) => batch), total: selected.length };
  }

  /** Where an entry is, or belongs. */
  private placeOf(entry: IndexEntry): number {
    let low = 0;
    let high = this.entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = this.entries[middle];
      if (other !== undefined && isBefore(other, entry)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function isBefore(a: IndexEntry, b: IndexEntry): boolean {
  return a.createdAtMs === b.createdAtMs ? a.id < b.id : a.createdAtMs > b.createdAtMs;
}

function hasLabels({ metadata: { labels = {} } }: BatchSandbox, wanted: IndexQuery['labels']): boolean {
  return wanted.every(([key, value]) => labels[key] === value);
}
