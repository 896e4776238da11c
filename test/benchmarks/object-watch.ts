import type { KubeObject } from '../../src/schema/kubernetes';
import type { BareClient } from './bare-client';
import { within } from './within';

const DELETED = Buffer.from('{"type":"DELETED"');

interface Waiter<T> {
  /** @param object undefined when it is gone */
  readonly isOver: (object: T | undefined) => boolean;
  readonly resolve: (atMs: number) => void;
}

/**
 * What a client sees of the objects of a namespace, with the moment at which the last byte of it came, by `performance.now()`.
 *
 * A line that can be no news is not parsed: the batch of 10,000 comes three times, and the time for it would be taken from the measured.
 */
export class ObjectWatch<T extends KubeObject> {
  private readonly waiters = new Map<string, Waiter<T>>();
  private failed: Promise<never> = new Promise(() => undefined);

  private constructor(private readonly mayBeNews: (line: Buffer) => boolean) {}

  /**
   * @param path of the objects of a kind in a namespace
   * @param mayBeNews whether a line is worth a look; that an object is gone always is. @default - every line is
   */
  static async open<T extends KubeObject>(client: BareClient, path: string, mayBeNews: (line: Buffer) => boolean = () => true): Promise<ObjectWatch<T>> {
    const watch = new ObjectWatch<T>(mayBeNews);
    ({ failed: watch.failed } = await client.watch(path, { onLine: (line) => watch.take(line), onListed: (objects) => watch.takeAll(objects as readonly T[]) }));
    return watch;
  }

  /** When an object is as wanted; to be called before what makes it so. */
  until(name: string, what: string, isOver: (object: T) => boolean, withinMs?: number): Promise<number> {
    return this.wait(name, what, (object) => object !== undefined && isOver(object), withinMs);
  }

  /** When an object is gone; to be called before its deletion. */
  untilGone(name: string, withinMs?: number): Promise<number> {
    return this.wait(name, `'${name}' gone`, (object) => object === undefined, withinMs);
  }

  private wait(name: string, what: string, isOver: Waiter<T>['isOver'], withinMs?: number): Promise<number> {
    const seen = new Promise<number>((resolve) => this.waiters.set(name, { isOver, resolve }));
    const over = within(Promise.race([seen, this.failed]), what, withinMs);
    over.catch(() => undefined); // its caller may be busy with what is to make it so
    return over;
  }

  private take(line: Buffer): void {
    const atMs = performance.now();
    const deleted = line.subarray(0, DELETED.length).equals(DELETED);
    if (!deleted && !this.mayBeNews(line)) return;
    const { object } = JSON.parse(line.toString()) as { readonly object: T };
    this.tell(object.metadata.name, deleted ? undefined : object, atMs);
  }

  private takeAll(objects: readonly T[]): void {
    const atMs = performance.now();
    const byName = new Map(objects.map((object) => [object.metadata.name, object]));
    for (const name of [...this.waiters.keys()]) this.tell(name, byName.get(name), atMs);
  }

  private tell(name: string, object: T | undefined, atMs: number): void {
    const waiter = this.waiters.get(name);
    if (waiter?.isOver(object) !== true) return;
    this.waiters.delete(name);
    waiter.resolve(atMs);
  }
}
