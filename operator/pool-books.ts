import type { PodFacts } from './pod-facts';
import { PodOwners } from './pod-owners';
import { PoolBook } from './pool-book';

/** The books of all pools, by the UID of the pool. */
export class PoolBooks {
  private readonly books = new Map<string, PoolBook>();
  private readonly owners = new PodOwners();

  /** The book of a pool; an empty one when there was none. */
  of(poolUID: string): PoolBook {
    let book = this.books.get(poolUID);
    if (book === undefined) this.books.set(poolUID, (book = new PoolBook()));
    return book;
  }

  /** A Pool is there; the pods in its book, for each of which it can be said only now whether it is the pool's. Costs what there are. */
  open(poolUID: string, namespace: string): PodFacts[] {
    this.owners.add(poolUID, namespace);
    return this.books.get(poolUID)?.pods() ?? [];
  }

  /** The facts with the owner that counts. */
  judge(facts: PodFacts): PodFacts {
    return this.owners.judge(facts);
  }

  /** A Pool is gone: its book stays while pods are in it. */
  forgetPool(poolUID: string): void {
    this.owners.delete(poolUID);
    this.books.get(poolUID)?.setRevision('');
    this.dropEmpty(poolUID);
  }

  /** Drops the book of a pool when nothing is in it. */
  dropEmpty(poolUID: string): void {
    if (this.books.get(poolUID)?.isEmpty() === true) this.books.delete(poolUID);
  }
}
